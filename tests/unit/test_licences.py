"""Every package's licence goes together with ours, and docs/licences.md lists them all."""

import pytest

from ops.licences import DEPLOYMENT, DEVELOPMENT, LAMBDA, PAGE, Package, packages, page
from stacks.functions import WORKER_PACKAGES


def test_the_page_lists_what_the_locks_name() -> None:
    """`python -m ops.licences` writes it."""
    assert PAGE.read_text(encoding="utf-8") == page()


def test_every_licence_goes_together_with_apache_2() -> None:
    assert [each for each in packages() if not each.fits] == []


def test_what_comes_to_aws_is_what_the_zips_are_made_of() -> None:
    assert {each.name for each in packages() if each.used == LAMBDA} == set(WORKER_PACKAGES)


@pytest.mark.parametrize(
    ("licence", "used", "fits"),
    [
        ("MIT OR GPL-3.0-only", LAMBDA, True),
        ("Apache-2.0 AND MIT", LAMBDA, True),
        ("MIT AND GPL-3.0-only", DEVELOPMENT, False),
        ("LGPL-3.0-or-later", DEVELOPMENT, True),
        ("LGPL-3.0-or-later", DEPLOYMENT, False),
        ("GPL-2.0-or-later", DEVELOPMENT, False),
        ("Elastic-2.0", DEPLOYMENT, False),
        ("", DEPLOYMENT, False),
    ],
)
def test_which_licences_fit(licence: str, used: str, fits: bool) -> None:
    assert Package("some", "1", licence, used).fits == fits
