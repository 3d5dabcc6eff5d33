"""What encoded pictures say of themselves, codec by codec: whether they are whole, and how large they are. Pure."""
