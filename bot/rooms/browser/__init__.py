"""A meeting's page in a headless Chromium, a visible guest: encoded frames, people and states come out of it."""
