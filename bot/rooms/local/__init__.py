"""The WHIP room in this process: the room, its endpoint, its join page."""
