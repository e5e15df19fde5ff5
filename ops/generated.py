"""Pages and policies that are generated: written anew, or with `--check` compared with what they should be."""

import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[1]


def write_or_check(files: Mapping[Path, str], source: str, program: str) -> int:
    """Write the files; with `--check` on the command line say of each whether it is stale. The exit status.

    `source` is what they are to agree with, `program` what writes them, as in `ops.cost`.
    """
    if sys.argv[1:] == ["--check"]:
        stale = [path for path, text in files.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
        for path in stale:
            print(f"{path.relative_to(ROOT)} is not what {source}: run `python -m {program}`", file=sys.stderr)
        return bool(stale)
    for path, text in files.items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return 0
