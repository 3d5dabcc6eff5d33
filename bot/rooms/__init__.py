"""Rooms the bot can join."""
