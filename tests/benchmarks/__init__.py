"""What README.md of this folder quotes, one script a figure; run by `make bench NAME=…`."""
