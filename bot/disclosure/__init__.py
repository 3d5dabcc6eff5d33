"""What may leave the bot: policy, rounding, and the gate that everything passes. Pure."""
