"""Sends video into a room, as a participant would: for demo and tests."""
