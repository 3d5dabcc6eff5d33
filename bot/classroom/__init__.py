"""The class: summary and change detection. Pure."""
