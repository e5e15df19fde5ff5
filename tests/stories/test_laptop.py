"""A company's own settings on the laptop, and the telephone that calls them: `make run CONFIG=...`, `local.call`, `make redeploy`."""

import base64
import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from config.mistakes import ConfigError
from local import call
from local.demo import twilio_for
from local.disasters import playable_with, read_back
from local.phone import Phone, ringing
from local.wish import NotInService, Wish
from tests.stories.conftest import Deployed

COMPANY = Path(__file__).parents[1] / "company"
TRY_IT = Path(__file__).parents[2] / "docs/try_it.md"
CALL = ".venv/bin/python -m local.call "
GERMAN, ENGLISH = "+493023125777", "+442079460777"
OPEN, CLOSED = "2026-12-01T10:00+01:00", "2026-12-25T10:00+01:00"

pytestmark = pytest.mark.usefixtures("unrecorded")


class Company:
    """The sample company, deployed beside `local`, and its telephone."""

    def __init__(self, deployed: Deployed, directory: Path) -> None:
        self.config = directory / "config"
        shutil.copytree(COMPANY, self.config)
        self.cloud = deployed.cloud.beside(directory / "cloud", self.config, "acme")
        self.outputs = self.cloud.deploy({"unchecked": "yes"})
        self.twilio = twilio_for(self.cloud)
        deployed.api.serve(self.twilio.platform)
        self.phone = Phone(self.twilio, self.cloud, self.outputs)

    def documents(self, **wish: Any) -> list[str]:
        """The documents that a call meets, one after the other."""
        return [step["document"] for step in self.phone.use(Wish(**wish))["steps"] if "document" in step]

    def edit(self, old: str, new: str) -> None:
        """Write something else into the settings."""
        file = self.config / "acme.toml"
        text = file.read_text(encoding="utf-8")
        assert old in text
        file.write_text(text.replace(old, new), encoding="utf-8")


@pytest.fixture(scope="module")
def company(deployed: Deployed, tmp_path_factory: pytest.TempPathFactory) -> Company:
    return Company(deployed, tmp_path_factory.mktemp("company"))


@pytest.fixture
def plugged_in(company: Company, tmp_path: Path) -> Iterator[Path]:
    """The directory in which `local.call` finds the telephone."""
    with ringing(company.phone) as address:
        (tmp_path / "phone").write_text(address)
        yield tmp_path


def run(directory: Path, *words: str) -> Result:
    return CliRunner().invoke(call.app, [*words, "--directory", str(directory)])


@pytest.mark.parametrize(
    ("from_", "at", "answer"),
    [(GERMAN, OPEN, "auswahl"), (ENGLISH, OPEN, "menu"), (GERMAN, CLOSED, "anrufbeantworter"), (ENGLISH, CLOSED, "mailbox")],
)
def test_a_caller_hears_their_language_by_the_hours_of_that_moment(company: Company, from_: str, at: str, answer: str) -> None:
    assert company.documents(kind="voice", from_=from_, at=at)[0] == f"{answer}/start/1"


def test_keys_lead_through_the_menu_to_a_message(company: Company) -> None:
    wish = {"kind": "voice", "from_": ENGLISH, "digits": ["7", "2"], "says": "Please call back", "at": OPEN}
    assert company.documents(**wish) == ["menu/start/1", "menu/wrong/2", "mailbox/start/1", "mailbox/goodbye/1"]


def test_who_pressed_is_told(company: Company) -> None:
    """The caller pressed 1 in the menu, the engineer on duty in the whisper."""
    story = company.phone.use(Wish("voice", from_=ENGLISH, digits=["1"], picks_up=["+493023125991"], at=OPEN))
    assert [step["text"] for step in story["steps"] if step["kind"] == "presses"] == ["presses 1", "+493023125991 presses 1"]
    assert "talks with +493023125991" in [step["text"] for step in story["steps"]]


def test_a_trunk_rings_the_extension_that_was_dialled(company: Company) -> None:
    assert company.documents(kind="trunk", name="london", to="+442079460202", from_=GERMAN)[0].startswith("people/ring")
    with pytest.raises(NotInService, match="there is no trunk 'lodnon'; did you mean 'london'"):
        company.phone.use(Wish("trunk", "lodnon"))
    with pytest.raises(NotInService, match="say which trunk; these settings have berlin, london"):
        company.phone.use(Wish("trunk"))


@pytest.mark.parametrize(("kind", "sentence"), [("sip", "no SIP domain"), ("app", "no TwiML app")])
def test_what_the_settings_do_not_have_is_said(company: Company, kind: str, sentence: str) -> None:
    with pytest.raises(NotInService, match=sentence):
        company.phone.use(Wish(kind))


def test_texts_whatsapp_short_codes_and_photos(company: Company) -> None:
    assert "answer soon" in company.phone.use(Wish("text", from_=GERMAN, body="Hello?"))["replies"][0]
    whatsapp = company.phone.use(Wish("text", from_=f"whatsapp:{GERMAN}", body="Hello?"))
    assert (whatsapp["from"], whatsapp["to"]) == (f"whatsapp:{GERMAN}", "whatsapp:+12025550106")
    assert company.phone.use(Wish("text", to="12345", from_=GERMAN, body="STOP"))["replies"] == [
        "Example Ltd: you will get no more messages from us."
    ]
    photo = ("image/png", base64.b64encode(b"a picture").decode())
    assert company.phone.use(Wish("text", from_=ENGLISH, body="Look", photos=[photo]))["sid"].startswith("MM")
    assert company.twilio.platform.media[-1].content == b"a picture"


def test_the_primary_that_is_down_has_the_address_that_is_named(company: Company) -> None:
    url = "https://phone.example.com/calls/incoming"
    first, second, *_ = company.phone.use(Wish("voice", error_url=url))["steps"]
    assert (first["url"], first["error"], second["kind"]) == (url, 11202, "fallback")
    first, second, *_ = company.phone.use(Wish("voice"))["steps"]
    assert (first["url"], first["error"], second["kind"]) == ("https://phone.example.com/calls/incoming", 11202, "fallback")
    with pytest.raises(NotInService, match="is not a web address: write it whole"):
        company.phone.use(Wish("voice", error_url="calls"))


def test_the_command_tells_it_for_people_and_for_programs(plugged_in: Path) -> None:
    assert run(plugged_in, "ready").output == "ready: acme\n"
    told = run(plugged_in, "voice", "--from", ENGLISH, "--digits", "2", "--says", "Hello", "--at", OPEN)
    assert told.exit_code == 0
    for words in ("fallback: /voice answers with menu/start/1, by the rule at acme.toml:", "presses 2", "hears beep", "document hung up"):
        assert words in told.output
    assert '"answered": true' in run(plugged_in, "text", "Hello?", "--from", GERMAN, "--json").output
    unknown = run(plugged_in, "trunk", "lodnon")
    assert (unknown.exit_code, unknown.output) == (
        2,
        "error: there is no trunk 'lodnon'; did you mean 'london'?; these settings have berlin, london\n",
    )
    assert "is no time" in run(plugged_in, "voice", "--at", "tomorrow").output


def test_the_disasters_befall_the_company_too(deployed: Deployed, company: Company) -> None:
    """Held to what its own documents promise; the events are in its own table."""
    deployed.cloud.controls.deliveries(lose=False)
    plays, _ = playable_with(company.cloud.settings)
    disasters = [disaster(company.twilio, company.outputs, company.cloud.settings) for disaster in plays]
    for disaster in disasters:
        read_back(company.cloud, company.outputs, disaster)
    assert [promise for disaster in disasters for promise in disaster.missing] == []


def test_an_edit_is_deployed_without_a_restart_and_a_mistake_is_told_first(company: Company, plugged_in: Path) -> None:
    company.edit("We will call you back.", "We will ring you back.")
    assert run(plugged_in, "redeploy").output.startswith("deployed fallback-acme in ")
    heard = [step["what"] for step in company.phone.use(Wish("voice", from_=ENGLISH, says="Hello", at=CLOSED))["steps"] if "what" in step]
    assert "Thank you. We will ring you back." in heard
    company.edit('flow = "forward"', 'flow = "foward"')
    with pytest.raises(ConfigError, match="did you mean 'forward'"):
        company.cloud.redeploy()
    company.edit('flow = "foward"', 'flow = "forward"')


COMMANDS = [line for line in TRY_IT.read_text(encoding="utf-8").splitlines() if re.match(rf"{CALL}(voice|trunk|text) ", line)]


@pytest.mark.parametrize("line", COMMANDS)
def test_every_call_of_the_page_is_answered(line: str, plugged_in: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(TRY_IT.parents[1])
    result = run(plugged_in, *shlex.split(line.removeprefix(CALL), comments=True))
    assert result.exit_code == 0, result.output
