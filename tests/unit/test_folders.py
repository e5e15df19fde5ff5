"""A folder of templates: a link in it is followed only where it stays there, and is named where it does not."""

from pathlib import Path

import pytest

from config.folders import Folders
from config.mistakes import ConfigError
from tests.unit.books import refused

OWN = '[answer.own]\nflow = "own"\n'
DOCUMENT = "<Response><Hangup/></Response>"


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """What must not be read."""
    (tmp_path / "outside" / "flow").mkdir(parents=True)
    (tmp_path / "outside" / "secret").write_text("root:x:0:0")
    (tmp_path / "outside" / "flow" / "start.xml").write_text(DOCUMENT)
    return tmp_path / "outside"


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """Templates of a team's own."""
    (tmp_path / "own" / "own").mkdir(parents=True)
    (tmp_path / "own" / "own" / "start.xml").write_text(DOCUMENT)
    return tmp_path / "own"


@pytest.mark.parametrize("link", ["own/end.xml", "own/steps.toml", "audio", "own/hello.wav"])
def test_a_link_that_leads_out_is_named(own: Path, outside: Path, link: str) -> None:
    """A file or a whole folder, whatever its name."""
    target = outside / ("flow" if link == "audio" else "secret")
    (own / link).symlink_to(target)
    says = f"{own / link}: is a link that leads out of the folder (to {target}); put the file itself there"
    with pytest.raises(ConfigError) as caught:
        Folders(own)
    assert str(caught.value) == says
    assert refused(OWN, own, voice="own") == says


def test_each_of_them_is_named_in_one_go(own: Path, outside: Path) -> None:
    for name in ("b.xml", "a.xml"):
        (own / "own" / name).symlink_to(outside / "secret")
    with pytest.raises(ConfigError) as caught:
        Folders(own)
    assert [mistake.partition(":")[0] for mistake in caught.value.mistakes] == [str(own / "own" / name) for name in ("a.xml", "b.xml")]


def test_a_link_that_leads_nowhere_is_named(own: Path) -> None:
    (own / "own" / "end.xml").symlink_to("gone.xml")
    with pytest.raises(ConfigError, match=r"own/end.xml: is a link that leads nowhere \(to gone.xml\)"):
        Folders(own)


def test_what_is_included_from_further_below_is_looked_at_too(own: Path, outside: Path) -> None:
    (own / "own" / "parts").mkdir()
    (own / "own" / "parts" / "deep.xml").symlink_to(outside / "secret")
    (own / "own" / "parts" / "folder").symlink_to(outside)
    for name in ("deep.xml", "folder/secret"):
        (own / "own" / "start.xml").write_text(f'<Response>{{% include "own/parts/{name}" %}}</Response>')
        assert "own/parts/" + name.partition("/")[0] + ": is a link that leads out of the folder" in refused(OWN, own, voice="own")


def test_links_within_the_folder_are_followed(own: Path, tmp_path: Path) -> None:
    """As a ConfigMap of Kubernetes mounts its files; the folder itself may be a link, and what nobody reads may be one."""
    (own / "README.md").symlink_to("../README.md")
    (own / "..data").mkdir()
    (own / "own" / "start.xml").rename(own / "..data" / "start.xml")
    (own / "own" / "start.xml").symlink_to("../..data/start.xml")
    (tmp_path / "link").symlink_to(own)
    for folder in (own, tmp_path / "link"):
        assert Folders(folder).find("own/start.xml") == folder / "own" / "start.xml"
