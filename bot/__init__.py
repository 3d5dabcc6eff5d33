"""Joins a room, watches faces, publishes events."""
