"""A VideoRoom of a Janus server."""
