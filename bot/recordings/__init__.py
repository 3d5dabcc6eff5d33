"""Recordings read as a class on their own clock: files in place of a meeting, nothing sleeps."""
