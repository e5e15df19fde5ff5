"""`make run` and `local.call`: what the words mean, and a sentence for each that means nothing."""

import subprocess
import urllib.error
import urllib.request
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from typer.testing import CliRunner

from config.mistakes import ConfigError
from config.settings import load
from lambdas.workers.events import items_of
from lambdas.workers.hand_back import is_candidate
from local import call, demo
from local.disasters import dead_trunk, playable_with
from local.emulator import notices
from local.history import Past
from local.phone import Phone, ringing
from local.primary_down import failing, primary_host, refusing
from local.twilio import StandInTwilio
from local.wish import NotInService, Wish, asked
from ops.candidates import PERHAPS, READY, status_of

COMPANY = Path(__file__).parents[1] / "company"


def said(capsys: pytest.CaptureFixture[str]) -> str:
    return " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize("port", ["80000", "abc", "-1", "4566 ", "", "²"])
def test_a_wrong_port_is_a_sentence(port: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert demo.main([f"--port={port}", "--directory", str(tmp_path)]) == 2
    assert said(capsys).startswith(f"error: PORT={port}".rstrip())
    assert not list(tmp_path.iterdir())


def test_a_folder_with_one_environment_needs_no_name(tmp_path: Path) -> None:
    (tmp_path / "acme.toml").touch()
    assert demo.environment_in(tmp_path, "") == "acme"
    (tmp_path / "production.toml").touch()
    assert demo.environment_in(tmp_path, "production") == "production"
    with pytest.raises(ConfigError, match="ENVIRONMENT=acme or ENVIRONMENT=production"):
        demo.environment_in(tmp_path, "")
    (tmp_path / "local.toml").touch()
    assert demo.environment_in(tmp_path, "") == "local"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--config", "nowhere"], "error: nowhere: there is no such folder; name the one in which the settings lie"),
        (["--config", str(COMPANY), "--environment", "acne"], "did you mean 'acme'?"),
        (["--templates", "nowhere"], "error: nowhere: is no folder; TEMPLATES= names the one"),
    ],
)
def test_a_wrong_folder_is_a_sentence(words: list[str], sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert demo.main([*words, "--directory", str(tmp_path)]) == 2
    assert sentence in said(capsys)
    assert not list(tmp_path.iterdir())


def test_ctrl_c_during_the_deployment_is_no_traceback(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(demo, "deployed", interrupted)
    assert demo.main(["--port", "0"]) == 130
    assert said(capsys) == "stopped: nothing of it is running any more"


def test_settings_without_trunks_meet_no_trunk_disaster() -> None:
    company = load("acme", COMPANY)
    assert dead_trunk in playable_with(company)[0]
    alone = company.model_copy(update={"twilio": company.twilio.model_copy(update={"trunks": ()})})
    plays, left_out = playable_with(alone)
    assert dead_trunk not in plays
    assert left_out[0] == "No trunk call: these settings have no [twilio] trunks."


@pytest.mark.parametrize(
    ("words", "sentence", "status"),
    [
        (["voice"], "nothing is up here: start `make run`", 1),
        (["ready"], "nothing is up here: start `make run`", 1),
        (["voice", "--digits", "1,a"], "'a' is no key of a telephone", 2),
        (["voice", "--primary", "is down"], "write refuses or fails", 2),
        (["text", "Look", "--photo", "nowhere.jpg"], "does not exist", 2),
    ],
)
def test_a_call_that_cannot_be_made_is_a_sentence(words: list[str], sentence: str, status: int, tmp_path: Path) -> None:
    result = CliRunner().invoke(call.app, [*words, "--directory", str(tmp_path)])
    assert sentence in " ".join(result.output.replace("│", " ").split())
    assert result.exit_code == status


@pytest.mark.parametrize(
    ("wish", "says"),
    [
        (Wish("voice", to="030 23125"), "--to '030 23125' is not a phone number: write it in E.164, as in +12025550123 or +493023125001"),
        (Wish("voice", from_="unknown"), "as in +12025550123 or +493023125001, or anonymous for a caller who shows none"),
        (Wish("voice", from_="+١٢٠٢٥٥٥٠١٢٣"), "is not a phone number"),
        (Wish("trunk", to="sip:100@pbx.example.com"), "--to 'sip:100@pbx.example.com' is not a phone number"),
        (
            Wish("voice", picks_up=["100@pbx"]),
            "--picks-up '100@pbx' is not an address that can be dialled: write it as in +12025550171, sip:desk@example.com or client:ann",
        ),
        (
            Wish("voice", error_url="calls"),
            "--error-url 'calls' is not a web address: write it whole, as in https://app.example.com/calls/incoming",
        ),
        (
            Wish("text", from_="whatsapp:49302312"),
            "--from 'whatsapp:49302312' is not a WhatsApp address: write it as in whatsapp:+12025550123 or +12025550123",
        ),
        (Wish("text", from_="whatsapp:+12025550123", to="12345"), "--to '12345' is not a WhatsApp address"),
    ],
)
def test_a_wrong_address_is_answered_with_one_that_would_be_right(wish: Wish, says: str) -> None:
    settings = load("local")
    cloud, nobody = SimpleNamespace(settings=settings), SimpleNamespace(voice_url="", sms_url="", entry=lambda _: "")
    with pytest.raises(NotInService) as caught:
        Phone(StandInTwilio(settings.twilio.accounts[0], "token"), cast(Any, cloud), cast(Any, nobody)).use(wish)
    assert says in str(caught.value)


@pytest.mark.parametrize("hosts", [("phone.acme.com", "pbx.acme.com"), ("127.0.0.1", "app.example.com"), ("localhost", "phone.acme.com")])
def test_the_past_and_the_calls_of_today_fail_at_the_companys_own_primary(hosts: tuple[str, ...]) -> None:
    """Whatever its name: `replay` shows what it would show in production, and nothing of it as foreign."""
    settings = load("production")
    settings = settings.model_copy(update={"primary": settings.primary.model_copy(update={"hosts": hosts})})
    now = datetime(2026, 11, 27, 12, tzinfo=UTC)
    items = [item for line in Past(settings, now).lines() for item in items_of(line, 400, 30) if is_candidate(item)]
    statuses = {status_of(item, None, True, frozenset(hosts)) for item in items}
    assert statuses == {READY, PERHAPS}
    twilio = StandInTwilio(settings.twilio.accounts[0], "token")
    host = primary_host(settings)
    for down, scheme in ((refusing, "https"), (failing, "http")):
        with down(twilio, host) as root:
            assert (root, host in hosts) == (f"{scheme}://{host}", True)
            assert twilio.platform.webhooks.resolver.address(host, 443)[0] == "127.0.0.1"


def test_settings_without_a_host_fail_at_one_that_is_kept_for_examples() -> None:
    settings = load("production")
    assert primary_host(settings.model_copy(update={"primary": settings.primary.model_copy(update={"hosts": ()})})) == "app.example.com"


def test_alerts_of_real_settings_reach_no_pager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Production's settings name one; on the laptop only addresses of the laptop are posted to."""
    posted: list[str] = []

    def post(endpoint: str, *_: str) -> int:
        posted.append(endpoint)
        return 204

    monkeypatch.setattr(notices, "_post_anywhere", post)
    assert notices._post("https://events.example.com/sns/1", "{}", "Notification") == 200
    assert notices._post("http://127.0.0.1:8080/sns", "{}", "Notification") == 204
    assert posted == ["http://127.0.0.1:8080/sns"]


def test_a_page_in_the_browser_of_this_machine_uses_no_telephone() -> None:
    """Any page may post text to any port of 127.0.0.1, by that address or by a name of its own that leads there."""
    used: list[Wish] = []

    def use(wish: Wish) -> dict[str, str]:
        used.append(wish)
        return {}

    phone: Any = SimpleNamespace(use=use)
    with ringing(phone) as address:
        guessed = address.rpartition("/")[0]
        for path in ("/", "/phone", "/?x=" + address.rpartition("/")[2]):
            with pytest.raises(urllib.error.HTTPError, match="403"):
                urllib.request.urlopen(urllib.request.Request(guessed + path, b'{"kind": "redeploy"}'))
        assert used == []
        assert asked(address, Wish("ready")) == {}
    assert [wish.kind for wish in used] == ["ready"]


@pytest.mark.slow
def test_the_name_of_a_folder_means_nothing_to_the_shell() -> None:
    """Spaces, quotes and what would run a program."""
    name = 'our "own"; `touch ran`\''
    words = ["make", "-s", f"CONFIG={name}", "PORT=1;id", '--eval=words: ; @printf "%s\\n" $(OWN) "$$PORT"', "words"]
    done = subprocess.run(words, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["--config", name, "1;id"]
