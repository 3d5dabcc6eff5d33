"""What the README quotes, one script a figure; run by `make bench NAME=…`."""
