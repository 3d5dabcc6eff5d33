"""What a network is worth: figures, comparisons, charts, explanations."""
