"""What people may set, a row each, and how command lines speak of it: help, refusals, exit codes."""
