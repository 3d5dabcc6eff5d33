"""A machine that runs bots: worker, one child process a meeting, status."""
