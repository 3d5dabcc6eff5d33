"""One picture that shows many people: its tiles, who stands in which, and who is no person but a picture."""
