"""Clips with labels of engagement: found as their data sets lay them out, read through the path of a recording."""
