"""Drawn people: how they are drawn, their clips, and the stories they play, with the truth about every moment."""
