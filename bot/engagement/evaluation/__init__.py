"""What the index is worth beside labels: clips replayed through the meter, figures with intervals. Pure."""
