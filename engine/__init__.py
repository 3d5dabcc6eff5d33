"""Pictures in, face readings out; knows no room, clock, network or asyncio."""
