"""The terminal: what is found goes to `out`, what is said about the work to `err`. Into a pipe each line stays one line."""

import sys

from rich.console import Console

out = Console(emoji=False, highlight=False, soft_wrap=not sys.stdout.isatty())
err = Console(emoji=False, highlight=False, soft_wrap=True, stderr=True)
