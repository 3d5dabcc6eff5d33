"""The home of a gateway or bot: a teacher's rooms with their classes, and what a new one begins with."""
