"""The `fallback` command: `cli.py` has the words, each other file what one command does."""
