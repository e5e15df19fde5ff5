"""Writes into `docs/alerts.md` which alarm goes off when something of the stack is gone, out of the table of `stacks/vanished.py`.

python -m ops.vanished            writes it
python -m ops.vanished --check    exit status 1 if the page is not what the table says (`make test` compares them too)
"""

import sys
from pathlib import Path
from typing import Any

from ops.deploy_rights import resources
from ops.generated import write_or_check
from stacks.vanished import table

PAGE = Path(__file__).parents[1] / "docs" / "alerts.md"
BEGIN, END = "<!-- what is gone: written by `python -m ops.vanished` -->\n", "<!-- end of what is gone -->\n"


def everything() -> dict[str, Any]:
    """A template with all that can be switched on."""
    return {"Resources": resources()}


def page() -> str:
    """The page as it should be."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    return before + BEGIN + "\n".join(table(everything())) + "\n" + END + rest.partition(END)[2]


def main() -> int:
    """Write or check."""
    return write_or_check({PAGE: page()}, "stacks/vanished.py says", "ops.vanished")


if __name__ == "__main__":
    sys.exit(main())
