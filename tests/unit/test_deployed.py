"""What a stack publishes of its settings, and that a file and a stack mean the same."""

from dataclasses import replace
from pathlib import Path

import pytest

from config.deployed import LONGEST, Deployed, NotPublished, NotWhole, _digest
from config.file import HERE, File
from config.settings import load

FILES = sorted(path for folder in (HERE, HERE / "examples") for path in folder.glob("*.toml"))
SMALL = Deployed("us-west-2", numbers=("+12025550106",), book="0123456789ab", version="1.2.3")


def named(parameters: list[str]) -> dict[str, str]:
    return {f"/fallback/test/deployed/{index:03}": value for index, value in enumerate(parameters)}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_file_says_what_the_stack_made_of_it_publishes(path: Path) -> None:
    """Whether a setting is written or left to its default."""
    deployed = Deployed.of(load(path.stem, path.parent), "0123456789ab", "1.2.3")
    assert Deployed.in_file(File.read(path.stem, path.parent)) == replace(deployed, book="", version="")


def test_the_numbers_of_a_large_company_are_published() -> None:
    large = replace(SMALL, numbers=tuple(f"+1202{number:07}" for number in range(5000)))
    assert all(len(value) <= LONGEST for value in large.parameters)
    assert Deployed.read(named(large.parameters)) == large


def test_the_order_in_which_parameters_come_does_not_matter() -> None:
    large = replace(SMALL, numbers=tuple(f"+1202{number:07}" for number in range(5000)))
    assert Deployed.read(dict(reversed(named(large.parameters).items()))) == large


def test_what_a_longer_description_left_is_passed_over() -> None:
    """CloudFormation removes at the end of a deployment what the template does not name any more."""
    large = replace(SMALL, numbers=tuple(f"+1202{number:07}" for number in range(5000)))
    assert Deployed.read(named(large.parameters) | named(SMALL.parameters)) == SMALL


@pytest.mark.parametrize("spoilt", ["", "x", " ", "0123456789ab 5 hello", "0123456789ab x hello"])
def test_what_is_not_whole_is_not_believed(spoilt: str) -> None:
    """As while a deployment changes one parameter after the other."""
    with pytest.raises(NotWhole):
        Deployed.read(named([spoilt]))
    with pytest.raises(NotPublished):
        Deployed.read({})
    large = replace(SMALL, numbers=tuple(f"+1202{number:07}" for number in range(5000)))
    other = replace(SMALL, numbers=tuple(f"+1203{number:07}" for number in range(5000)))
    with pytest.raises(NotWhole):
        Deployed.read(named(large.parameters) | dict(list(named(other.parameters).items())[:2]))


@pytest.mark.parametrize(
    "text",
    ["", "[]", "null", "{}", "{", '{"region":5}', '{"region":"us-west-2","numbers":"+1"}', '{"region":"us-west-2","events_days":"5"}'],
)
def test_what_somebody_else_wrote_there_is_not_believed(text: str) -> None:
    """Even where its digest is right."""
    with pytest.raises(NotWhole):
        Deployed.read({"000": f"{_digest(text)} {len(text)} {text}"})
    with pytest.raises(NotWhole):
        Deployed.read({"000": f"{_digest(text)} {'9' * 4000} {text}"})


def test_a_newer_stack_may_publish_more() -> None:
    """And an older one less."""
    text = '{"region":"us-west-2","colour":"blue"}'
    assert Deployed.read({"000": f"{_digest(text)} {len(text)} {text}"}) == Deployed("us-west-2")


def test_differences_are_named_by_their_keys() -> None:
    other = replace(SMALL, numbers=(), journal_days=7, version="9", accounts=SMALL.accounts)
    assert SMALL.differences(other) == ["twilio.numbers", "retention.journal"]
    assert replace(SMALL, numbers=("a", "b")).differences(replace(SMALL, numbers=("b", "a"))) == []
