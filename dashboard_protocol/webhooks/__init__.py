"""Webhooks: the states of a bot and alerts of its class, sent to whoever invited it. `Verifier` is for receivers."""

from dashboard_protocol.webhooks.signature import Verifier, sign

__all__ = ["Verifier", "sign"]
