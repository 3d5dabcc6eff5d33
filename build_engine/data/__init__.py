"""Labelled faces: read, drawn, aligned, augmented, batched."""
