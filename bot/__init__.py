"""Joins a room, watches faces, publishes events."""

from importlib.metadata import version

__version__ = version("classpulse")
