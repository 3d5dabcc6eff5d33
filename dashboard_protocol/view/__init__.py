"""What page, terminal and report all show: text, trend, timeline, record. Pure."""
