"""From weights to what runs: export, int8, TensorRT plans, and the proof that all forms agree."""
