"""Every host that code, settings and stand-in name is on a list, with the day on which it was looked up and the page; the list is young."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from lambdas.workers.twilio_regions import CITIES, api_host
from local.twilio.hosts import REGIONS, RETIRED, served

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "twilio_changes.md"
OLDEST = timedelta(days=90)
FOLDERS = ("lambdas", "stacks", "ops", "answerbook", "config", "local", "twiml_templates", "bench", "app.py", "cdk.json")

MIGRATION = "https://www.twilio.com/docs/global-infrastructure/api-domain-migration-guide"
PRINCIPALS = "https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html"
#: What programs ask, or are asked by; `*` is what is filled in.
ASKED = {
    "api.twilio.com": ("2026-11-27", MIGRATION),
    "api.us1.twilio.com": ("2026-11-27", MIGRATION),
    "api.dublin.ie1.twilio.com": ("2026-11-27", MIGRATION),
    "api.sydney.au1.twilio.com": ("2026-11-27", MIGRATION),
    "*.twilio.com": ("2026-11-27", MIGRATION),
    "*.*.*.twilio.com": ("2026-11-27", MIGRATION),
    "*.us1.twilio.com": ("2026-11-27", MIGRATION),
    "api.*.us1.twilio.com": ("2026-11-27", MIGRATION),
    "*.sip.us1.twilio.com": ("2026-11-27", "https://www.twilio.com/docs/voice/api/sip-domain-resource"),
    "media.twiliocdn.com": ("2026-11-21", "https://www.twilio.com/docs/messaging/api/media-resource"),
    "apigateway.amazonaws.com": ("2026-11-27", PRINCIPALS),
    "cloudwatch.amazonaws.com": ("2026-11-27", PRINCIPALS),
    "lambda.amazonaws.com": ("2026-11-27", PRINCIPALS),
    "logs.amazonaws.com": ("2026-11-27", PRINCIPALS),
    "scheduler.amazonaws.com": ("2026-11-27", PRINCIPALS),
    "sns.amazonaws.com": ("2026-11-27", PRINCIPALS),
    "*.amazonaws.com": ("2026-11-27", "https://docs.aws.amazon.com/general/latest/gr/rande.html"),
    "secretsmanager.*.amazonaws.com": ("2026-11-27", "https://docs.aws.amazon.com/general/latest/gr/asm.html"),
    "*.execute-api.*.amazonaws.com": ("2026-11-27", "https://docs.aws.amazon.com/general/latest/gr/apigateway.html"),
}
#: Names that answer nothing any more: only these files may have them.
RETIRED_SINCE = ("2026-04-28", MIGRATION)
TELL_OF_RETIRED = {"lambdas/workers/twilio_regions.py", "local/twilio/hosts.py"}
#: Pages that people open and no program asks, all seen by 2026-11-27.
READ = frozenset(
    """
    www.twilio.com help.twilio.com status.twilio.com docs.aws.amazon.com github.com www.nationalnanpa.com www.w3.org www.rfc-editor.org
    zenn.dev www.ofcom.org.uk www.loc.gov www.bundesnetzagentur.de www.apache.org www.amazontrust.com www.amazonaws.cn soundfile.sapp.org
    packaging.python.org mermaid.js.org jinja.palletsprojects.com id3.org gabriel.mp3-tech.org en.wikipedia.org docs.python.org
    docs.kernel.org docs.astral.sh cheatsheetseries.owasp.org www.itu.int
    """.split()
)
#: Nobody's, by RFC 2606 and RFC 6761, and this machine.
NOBODYS = re.compile(r"(.*\.)?example\.(com|net|org)|.*\.(invalid|localhost)|localhost|127\.0\.0\.1")
FILLED_IN = re.compile(r"\{[^{}]*\}|<[^<>\s]*>")
NAME = re.compile(
    r"https?://([A-Za-z0-9*.-]+)|(?<![\w*.@/-])((?:[A-Za-z0-9*-]+\.)+(?:twilio\.com|twiliocdn\.com|twil\.io|amazonaws\.com))(?![\w-]|\.[a-z])"
)


def named(text: str) -> Iterator[str]:
    """Every host of a text, with `*` for what is filled in."""
    for found in NAME.finditer(FILLED_IN.sub("*", text)):
        name = (found[1] or found[2]).strip(".").lower()
        if "." in name and not set(name) <= set("*."):
            yield name


def files() -> list[Path]:
    """What is asked about: all that is in the project's folders of code, settings and stand-in, and is text."""
    whole = [path for name in FOLDERS for path in ([ROOT / name] if (ROOT / name).is_file() else sorted((ROOT / name).rglob("*")))]
    return [path for path in whole if path.suffix in (".py", ".toml", ".json", ".j2", ".xml", ".sh", ".html", ".js")]


def strange(path: Path) -> Iterator[str]:
    """The hosts of a file that are on no list."""
    for name in named(path.read_text(encoding="utf-8")):
        known = ASKED.get(name) or name in READ or NOBODYS.fullmatch(name) or is_known_in_part(name)
        if not known and not (name in (*RETIRED, "api.*.twilio.com") and str(path.relative_to(ROOT)) in TELL_OF_RETIRED):
            yield f"{path.relative_to(ROOT)}: {name}"


def is_known_in_part(name: str) -> bool:
    """Whether it is one of those with something filled in: `abc.execute-api.us-east-1.amazonaws.com`."""
    return any("*" in known and re.fullmatch(re.escape(known).replace(r"\*", r"[^.]+"), name) for known in ASKED if known.count(".") > 2)


def test_every_host_is_on_the_list_with_day_and_source() -> None:
    """A name that was right once is asked for years: the alarm of stale tokens needed an answer from hosts that had been retired."""
    found = [name for path in files() for name in strange(path)]
    assert found == [], "look it up; then add it to ASKED (with the day and the page) or READ of this file, or correct it"
    for day, source in [*ASKED.values(), RETIRED_SINCE]:
        assert date.fromisoformat(day) <= datetime.now(UTC).date()
        assert source.startswith("https://")


def test_the_list_finds_what_is_strange() -> None:
    text = 'f"https://api.{region}.twilio.com/x" "https://api.jp1.twilio.com" "s3.amazonaws.com" https://voice.example.com {a}.b.twilio.com'
    assert list(named(text)) == ["api.*.twilio.com", "api.jp1.twilio.com", "s3.amazonaws.com", "voice.example.com", "*.b.twilio.com"]


@pytest.mark.parametrize("region", CITIES)
def test_product_and_stand_in_agree_on_the_hosts_of_a_region(region: str) -> None:
    """They share no code, so that one mistake cannot hide another: what one asks the other serves, for that Region."""
    assert region in REGIONS
    for product in ("api", "monitor", "messaging"):
        assert served(api_host(region, product)) == (product, region)
    assert api_host(region) in ASKED
    assert api_host(region) not in RETIRED


def test_what_twilio_changed_was_looked_up_within_ninety_days() -> None:
    text = PAGE.read_text(encoding="utf-8")
    looked_up = date.fromisoformat(text.partition("Looked up on ")[2][:10])
    age = datetime.now(UTC).date() - looked_up
    assert age <= OLDEST, (
        f"docs/twilio_changes.md is {age.days} days old. Its second paragraph says how to look again; then correct what changed, "
        "the days in ASKED of this file, and the date on the page"
    )


def test_each_change_has_a_date_and_a_source() -> None:
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in PAGE.read_text(encoding="utf-8").splitlines() if line[:3] == "| 2"
    ]
    assert len(rows) > 20
    for since, what, here, source in rows:
        assert all(re.fullmatch(r"\d{4}-\d\d-\d\d", each) for each in since.split(", ")), since
        assert all((what, here, source))
