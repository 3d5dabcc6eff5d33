"""Invite, list and remove bots: service, routes, schemas, API keys, client."""
