"""The questions that only a real Twilio account answers, for `docs/first_deployment.md`: `python -m local.questions [--check]`."""

import re
import sys
from pathlib import Path

from local.twilio import questions

PAGE = Path(__file__).parents[1] / "docs" / "first_deployment.md"
BLOCK = re.compile(r"(<!-- generated: undocumented -->\n).*?(<!-- end -->)", re.DOTALL)


def rendered(page: str) -> str:
    """The page with the block written anew."""
    lines = "".join(f"- [ ] {question} (the stand-in's default: {default})\n" for _, default, question in questions())
    return BLOCK.sub(lambda match: match[1] + lines + match[2], page)


def main() -> int:
    """Write the page, or with `--check` only say whether it is up to date."""
    page = PAGE.read_text()
    if "--check" in sys.argv:
        return int(rendered(page) != page)
    PAGE.write_text(rendered(page))
    return 0


if __name__ == "__main__":
    sys.exit(main())
