"""What a consent may be, for clients too, which need none of what signs one."""

CONSENT_S = 12 * 3600.0
LONGEST_CONSENT_S = 200 * 86_400.0
"""A term, and some."""
MAX_NAME = 50
