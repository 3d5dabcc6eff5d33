"""The pages and calls by which people opt out, back in, or consent; the audit log."""
