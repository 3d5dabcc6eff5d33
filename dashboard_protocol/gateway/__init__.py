"""The WebSocket feed and the page: app, connection, room feed, send queue."""
