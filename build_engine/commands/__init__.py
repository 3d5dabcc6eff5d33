"""The subcommands of `build-engine`, one a file; each imports what it needs when it runs."""
