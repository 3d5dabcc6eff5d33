"""The training loop: recipe, schedule, sharpness-aware steps, and a run's folder."""
