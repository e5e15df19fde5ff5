"""The settings of an environment: what is read, and in which words a mistake is refused."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from answerbook.compile import compile_book
from config.deployed import Deployed
from config.file import File
from config.lines import Lines
from config.mistakes import ConfigError
from config.settings import HERE, Settings, load, parse
from config.tables import Frozen

ROOT = Path(__file__).parents[2]
GOOD = """\
region = "us-west-2"

[primary]
regions = ["eu-west-1"]
hosts = ["app.example.com"]

[twilio]
accounts = ["AC00000000000000000000000000000001"]
trunks = ["main"]
numbers = ["+15005550006"]

[unverified]
voice = "sorry"
sms = "silent"

[answer.sorry]
flow = "apology"
text = "Sorry."

[answer.silent]
flow = "silent"

[[voice]]
From = ["+44*", "+49*"]
answer = "sorry"

[[voice]]
answer = "sorry"

[[trunk]]
answer = "sorry"

[[sms]]
answer = "silent"
"""


def refused(text: str) -> str:
    """The message with which a text is refused: one line, with file and line; fails if it is not."""
    with pytest.raises(ConfigError) as caught:
        compile_book(parse("test", text, Path("config/test.toml")))
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_the_settings_become_one_object() -> None:
    settings = parse("test", GOOD, Path("test.toml"))
    assert settings.region == "us-west-2"
    assert settings.answer["sorry"].values == {"text": "Sorry."}
    assert settings.voice[0].conditions == {"From": ("+44*", "+49*")}
    assert (settings.voice[0].at, settings.voice[1].at) == ("test.toml:23", "test.toml:27")


@pytest.mark.parametrize("region", ["us-gov-west-1", "us-gov-east-1", "ap-east-2", "ap-southeast-7", "mx-central-1", "il-central-1"])
def test_it_stands_wherever_the_public_and_its_addresses_are_those_of_aws(region: str) -> None:
    assert parse("test", GOOD.replace("us-west-2", region), Path("test.toml")).region == region


@pytest.mark.parametrize("region", ["cn-north-1", "us-gov-west-1", "eusc-de-east-1"])
def test_the_primary_may_run_in_any_region(region: str) -> None:
    assert parse("test", GOOD.replace("eu-west-1", region), Path("test.toml")).primary.regions == (region,)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("https://fallback.example.com/v1/voice", "probe.urls: fallback.example.com is not a host of this stack"),
        (
            "http://fallback.example.com/voice",
            "is not the URL of an entry: write https, and /voice, /sms, /trunk/NAME, /sip/NAME or /app/NAME at its end",
        ),
        ("https://fallback.example.com/voices", "is not the URL of an entry"),
        ("https://fallback.example.com/voice?a=b", "is not the URL of an entry"),
    ],
)
def test_the_probe_asks_entries_of_ours_and_nobody_else(url: str, says: str) -> None:
    """Its signature is good here."""
    assert says in refused(f'{GOOD}[probe]\nurls = ["{url}"]\n')


def test_nothing_changes_them_afterwards() -> None:
    settings = parse("test", GOOD, Path("test.toml"))
    with pytest.raises(ValidationError, match="frozen"):
        setattr(settings, "region", "us-east-1")  # noqa: B010 - the type checker refuses it too
    with pytest.raises(ValidationError, match="frozen"):
        setattr(settings.api, "rate", 1)  # noqa: B010


@pytest.mark.parametrize("path", sorted(HERE.glob("*.toml")), ids=lambda path: path.stem)
def test_the_environments_of_the_project_compile(path: Path) -> None:
    assert compile_book(load(path.stem))["steps"]["voice"]


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ('region = "us-west-2"', 'region = "us-west-9"', 1, "region: 'us-west-9' is not an AWS region with Lambda; did you mean 'us-west-"),
        ('region = "us-west-2"', 'region = "us-south-1"', 1, "(a region that is newer than the installed AWS SDK comes with `make lock`)"),
        (
            'region = "us-west-2"',
            'region = "cn-north-1"',
            1,
            "'cn-north-1' lies in AWS China, where nothing answers the public",
        ),
        (
            'region = "us-west-2"',
            'region = "eusc-de-east-1"',
            1,
            "lies in the AWS European Sovereign Cloud, whose addresses end in amazonaws.eu",
        ),
        (
            'region = "us-west-2"',
            'region = "us-iso-east-1"',
            1,
            "lies in a partition of AWS that the public, and with it Twilio, cannot reach",
        ),
        ('region = "us-west-2"', 'region = "eu-west-1"', 1, "region: eu-west-1 is the primary's own region"),
        ('region = "us-west-2"', "region = 7", 1, "region: "),
        ('region = "us-west-2"\n', "", 1, "region: is missing; add it"),
        ('region = "us-west-2"', 'reigon = "us-west-2"', 1, "unknown key; did you mean 'region'?"),
        ('region = "us-west-2"', "region = us-west-2", 1, "not TOML"),
        ("[primary]", "[primry]", 3, "primry: unknown key; did you mean 'primary'?"),
        ('hosts = ["app.example.com"]', 'host = ["app.example.com"]', 5, "primary.host: unknown key; did you mean 'hosts'?"),
        ('["app.example.com"]', '["https://app.example.com/"]', 5, "is not a host name: write it without scheme, port and path"),
        ("AC00000000000000000000000000000001", "AC1", 8, "'AC1' is not an account SID: write AC and 32 hexadecimal digits"),
        ('["AC00000000000000000000000000000001"]', "[]", 8, "twilio.accounts: "),
        ('["main"]', '["main office"]', 9, "'main office' cannot be part of a URL"),
        ("+15005550006", "15005550006", 10, "'15005550006' is not a phone number: write it in E.164"),
        ("+15005550006", "+15005550006000000", 10, "is not a phone number"),
        ('[unverified]\nvoice = "sorry"\nsms = "silent"\n', "", 1, "unverified: is missing"),
        ('voice = "sorry"\nsms', 'voice = "sory"\nsms', 13, "there is no answer 'sory'; did you mean 'sorry'?"),
        ('flow = "apology"', 'flow = "apologie"', 16, "there is no flow 'apologie'; did you mean 'apology'?"),
        ('flow = "apology"\n', "", 16, "answer.sorry.flow: is missing"),
        ('text = "Sorry."', 'txt = "Sorry."', 18, "answer.sorry.txt: the flow 'apology' uses no such value; did you mean 'text'?"),
        ('[answer.silent]\nflow = "silent"', "[answer]\nsilent = 3", 20, "answer.silent: "),
        ('From = ["+44*", "+49*"]', 'Form = "+44*"', 24, "'Form' is not a condition; did you mean 'From'?"),
        ('From = ["+44*", "+49*"]', "From = 44", 24, "write the value as text"),
        ('answer = "sorry"\n\n[[voice]]\nanswer = "sorry"', 'answer = "sorry"', 22, "end with a [[voice]] rule without conditions"),
        ('answer = "silent"\n', 'answer = "slent"\n', 34, "there is no answer 'slent'; did you mean 'silent'?"),
        ('[[sms]]\nanswer = "silent"\n', "", 1, "sms: is missing"),
        ('[[sms]]\nanswer = "silent"\n', "[[sms]]\n", 32, "sms.0.answer: is missing"),
        ('[[trunk]]\nanswer = "sorry"\n', "", 9, "no [[trunk]] rule says what their callers hear"),
        ("[[trunk]]", "[trunk]", 29, "trunk: "),
        ("[primary]", "[api]\nrate = 0\n[primary]", 4, "api.rate: "),
        ("[primary]", "[retention]\njournal = 8\n[primary]", 4, "retention.journal: "),
        ("[primary]", "protect = 2\n[primary]", 3, "protect: "),
        ('["app.example.com"]', '"app.example.com"', 5, "primary.hosts: must be a list in brackets (found 'app.example.com')"),
        ("[answer.silent]", "[[calendar]]\n[answer.silent]", 20, "calendar: must be a table with keys of its own"),
        (
            "[primary]",
            '[last_resort]\ntext = "a\\u0001b"\n[primary]',
            4,
            "last_resort.text: it contains '\\x01', which can be neither spoken nor sent",
        ),
        ("[primary]", f'[last_resort]\ntext = "{"x" * 501}"\n[primary]', 4, "at most 500 characters (found 'xxxx"),
        ('[[trunk]]\nanswer = "sorry"', '[trunk]\nanswer = "sorry"', 29, "trunk: must be a list of rules: write [[trunk]]"),
        ('From = ["+44*", "+49*"]\nanswer = "sorry"', 'answer = ["sorry"]', 24, "voice.0.answer: must be text in quotes"),
    ],
)
def test_a_mistake_names_file_line_value_and_remedy(old: str, new: str, line: int, says: str) -> None:
    """In one line that somebody can act on without having read this code."""
    assert GOOD.count(old) >= 1
    message = refused(GOOD.replace(old, new, 1))
    assert says in message
    where = re.match(r"(?:config/)?test\.toml:(\d+): ", message)
    assert where, message
    assert abs(int(where[1]) - line) <= 1, message


VALUES = st.sampled_from(
    [
        "3",
        "-1",
        "true",
        '""',
        '"x"',
        "[]",
        "[[]]",
        "[3]",
        '["x", 3]',
        "{}",
        "{ a = 1 }",
        "1979-05-27",
        "inf",
        '"""a\nb"""',
        "{ text = 3 }",
        "nope",
    ]
)
KEYS = st.sampled_from(
    ["answer", "flow", "text", "From", "voice", "a.b", '"é"', '""', "at", "values", "conditions", "calendar", "environment"]
)


@st.composite
def broken(draw: st.DrawFn, text: str) -> str:
    """A TOML text in which a line was lost, doubled, moved, or given another key or value."""
    lines = text.splitlines()
    index = draw(st.integers(0, len(lines) - 1))
    key, sign, value = lines[index].partition(" = ")
    what = draw(st.sampled_from(["lost", "doubled", "moved", "key", "value", "added"]))
    if what == "lost":
        del lines[index]
    elif what == "doubled":
        lines.insert(index, lines[index])
    elif what == "moved":
        lines.insert(draw(st.integers(0, len(lines) - 1)), lines.pop(index))
    elif what == "added":
        lines.insert(index, f"{draw(KEYS)} = {draw(VALUES)}")
    elif sign:
        lines[index] = f"{draw(KEYS)} = {value}" if what == "key" else f"{key} = {draw(VALUES)}"
    return "\n".join(lines)


def mistake(text: str) -> str | None:
    """The message with which a text is refused, None if it is not."""
    try:
        compile_book(parse("test", text, Path("test.toml")))
    except ConfigError as error:
        return str(error)
    return None


@given(broken(GOOD))
@example(GOOD.replace("[[sms]]", "[sms]"))
@example("answer = 3\n" + GOOD.replace("[answer.", "[reply."))
@example(GOOD + '\n[calendar]\nx = "09:00"\n')
def test_whatever_is_written_there_is_a_line_and_no_traceback(text: str) -> None:
    """Either it compiles, or it is refused in one line."""
    message = mistake(text)
    assert message is None or all(re.fullmatch(r"\S+: .*", line) for line in message.split("\n"))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "there is no such file; did you mean 'production'?; there are: production"),
        (b"\xff", "prodution.toml:1: the byte 0xff is not UTF-8"),
    ],
)
def test_an_environment_that_cannot_be_read(tmp_path: Path, content: bytes | None, says: str) -> None:
    """The message lists those that there are."""
    (tmp_path / "production.toml").write_text(GOOD)
    if content:
        (tmp_path / "prodution.toml").write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        load("prodution", tmp_path)
    assert says in str(caught.value)


def models(model: type[Frozen]) -> list[type[Frozen]]:
    """A table and those in it."""
    inner = [field.annotation for field in model.model_fields.values()]
    return [model, *(found for kind in inner if isinstance(kind, type) and issubclass(kind, Frozen) for found in models(kind))]


def test_a_mistake_elsewhere_keeps_nobody_from_what_callers_left(tmp_path: Path) -> None:
    """Somebody is writing the settings while another wants to know what broke."""
    (tmp_path / "test.toml").write_text(GOOD + "[retention]\nevnts = 5\n")
    with pytest.raises(ConfigError):
        load("test", tmp_path)
    deployed = Deployed.in_file(File.read("test", tmp_path))
    assert (deployed.region, deployed.numbers) == ("us-west-2", ("+15005550006",))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            GOOD.replace("us-west-2", "us-wst-2", 1),
            "test.toml:1: region: 'us-wst-2' is not an AWS region with Lambda; did you mean",
        ),
        (GOOD.partition("\n")[2], "test.toml:1: region: is missing; add it"),
        ("region = ", "test.toml:1: not TOML"),
    ],
)
def test_where_an_environment_is_must_be_known(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "test.toml").write_text(text)
    with pytest.raises(ConfigError, match=re.escape(says)):
        Deployed.in_file(File.read("test", tmp_path))


@pytest.mark.parametrize(
    "twilio", ["", "twilio = 5", "[twilio]", "[twilio]\nnumbers = 5", '[twilio]\nnumbers = "+12025550106"', "[twilio]\nnumbers = [5]"]
)
def test_an_environment_without_a_list_of_numbers_has_none_of_its_own(tmp_path: Path, twilio: str) -> None:
    (tmp_path / "test.toml").write_text(f'region = "us-west-2"\n{twilio}\n')
    assert Deployed.in_file(File.read("test", tmp_path)).numbers == ()


def test_every_setting_says_what_it_is() -> None:
    """The reference of the settings is made of these descriptions."""
    for model in models(Settings)[1:]:
        assert model.__doc__
        for name, field in model.model_fields.items():
            if name == "at":  # where the table stands, which no one sets
                continue
            assert field.description, f"{model.__name__}.{name}"
            assert field.examples or field.default is not None, f"{model.__name__}.{name}"


def test_lines_are_found_where_they_stand() -> None:
    """In tables, in lists of tables, by dotted and quoted keys; what stands inside a long text is no key."""
    lines = Lines('a = 1\n[t]\nb.c = 2\n"d e" = 3\n[[r]]\nx = 1\n[[r]]\ny = """\nx = 2\n"""\nx = 3\n')
    found = {path: lines.of(path) for path in ((), ("a",), ("t",), ("t", "b", "c"), ("t", "d e"), ("r", 0, "x"), ("r", 1), ("r", 1, "x"))}
    assert list(found.values()) == [1, 1, 2, 3, 4, 6, 7, 11]
    assert lines.of(("r", 1, "unknown")) == 7
    assert lines.of(("nowhere", 3)) == 1


@pytest.mark.slow
def test_a_synthesis_stops_with_one_line() -> None:
    """What `cdk deploy -c ...` shows of a mistake."""
    context = {"environment": "prodction"}
    variables = {"CDK_CONTEXT_JSON": json.dumps(context), "PATH": "", "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "app.py"], cwd=ROOT, check=False, env=variables, capture_output=True, text=True)
    assert done.returncode == 1
    assert re.fullmatch(r"error: \S+prodction.toml: there is no such file; did you mean 'production'\?.*\n", done.stderr)
