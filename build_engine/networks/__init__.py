"""The networks: ours, baselines, and what begins with weights of others."""
