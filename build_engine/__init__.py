"""From labelled faces to an engine file: offline, reproducible; the only place that knows torch."""
