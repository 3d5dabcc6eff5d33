"""LTI 1.3: a link in a course of a learning platform opens the course's class: platforms, launches, routes."""
