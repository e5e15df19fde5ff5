"""Call flows: what each does with a caller, and the combinations that synth refuses."""

import json
import re
import zlib
from typing import Any

import pytest

from lambdas.answer.book import Book
from tests.unit.books import book, compiled, cookie_of, document, refused, settings_text, twiml

ME, NUMBER, OTHER = "+12025550199", "+12025550100", "+12025550101"
CALLER = {"From": "+12025550177", "To": ME, "CallStatus": "ringing", "Direction": "inbound"}
PRIMARY_TABLE = '[primary]\nhosts = ["app.example.com"]\nentry_urls = ["https://app.example.com/voice"]\n'
STANDBY = """
[answer.elsewhere]
flow = "standby"
urls = ["https://a.example.net/voice", "https://b.example.org/voice"]
otherwise = "sorry"
"""


def forward(more: str = "", numbers: str = f'["{NUMBER}", "{OTHER}"]') -> str:
    return f'[answer.line]\nflow = "forward"\nnumbers = {numbers}\ncaller_id = "{ME}"\notherwise = "sorry"\n{more}\n'


def test_a_hunt_group_rings_one_after_the_other() -> None:
    """Whoever does not take the call leads to the next number, the last one to what the settings say."""
    line = book(forward(), voice="line")
    assert document(line, **CALLER) == "line/ring/1"
    assert document(line, "/voice/line/dialled/1", **CALLER, DialCallStatus="no-answer") == "line/ring/2"
    assert document(line, "/voice/line/dialled/2", **CALLER, DialCallStatus="busy") == "sorry/start/1"


def test_only_a_bridged_call_is_a_success() -> None:
    """Twilio calls a refused whisper `completed`; what counts is DialBridged."""
    line = book(forward(), voice="line")
    assert document(line, "/voice/line/dialled/1", **CALLER, DialCallStatus="completed", DialBridged="true") == "line/hangup/1"
    assert document(line, "/voice/line/dialled/1", **CALLER, DialCallStatus="completed", DialBridged="false") == "line/ring/2"
    assert document(line, "/voice/line/dialled/1", **CALLER, DialCallStatus="completed") == "line/ring/2"


def test_the_person_called_must_press_1() -> None:
    """Anything else, and silence, hangs up the leg; only then is Hangup missing, which connects the two."""
    line = book(forward(), voice="line")
    whisper = twiml(line, "/voice/line/whisper/1", From="+12025550177")
    assert "A call from +1 2 0 2 5 5 5 0 1 7 7. Press 1 to take it." in whisper
    assert whisper.rstrip().endswith("<Hangup/>\n</Response>")
    assert twiml(line, "/voice/line/pressed/1", Digits="1").strip() == "<Response/>"
    for digits in ("", "2", "11", "*"):
        assert "<Hangup/>" in twiml(line, "/voice/line/pressed/1", Digits=digits)


@pytest.mark.parametrize("caller", ["anonymous", "client:ann", "sip:+12025550177@carrier.example.com", "+1", ""])
def test_a_caller_without_a_number_is_shown_as_us(caller: str) -> None:
    """Twilio fails a Dial whose caller ID is no number (13214), so ours stands in."""
    line = book(forward(), voice="line")
    assert f'callerId="{ME}"' in twiml(line, **CALLER | {"From": caller})
    assert "callerId" not in twiml(line, **CALLER)


def test_a_dial_has_its_limits() -> None:
    """The caller hears ringing, not for ever, and the call does not cost for ever."""
    sent = twiml(book(forward("ring_seconds = 15\nlongest_seconds = 600"), voice="line"), **CALLER)
    assert 'answerOnBridge="true" timeout="15" timeLimit="600"' in sent


@pytest.mark.parametrize("parameter", ["To", "From", "ForwardedFrom"])
def test_nobody_is_called_who_would_come_back_here(parameter: str) -> None:
    """Not the caller, not the number that was called, not the phone that sent the call here."""
    line = book(forward(), voice="line")
    assert document(line, **CALLER | {parameter: NUMBER}) == "line/ring/2"
    assert document(line, "/voice/line/dialled/1", **CALLER | {parameter: OTHER}) == "sorry/start/1"


def test_numbers_of_our_own_are_refused() -> None:
    assert f"dials {NUMBER}, which is in twilio.numbers" in refused(forward(), voice="line", twilio=f'numbers = ["{NUMBER}"]')


def test_all_at_once_excludes_press_1() -> None:
    """The first mailbox to pick up would end the ringing of all others, so nobody could press anything."""
    message = refused(forward("at_once = true"), voice="line")
    assert message.startswith(
        "test.toml:19: answer.line.at_once: at_once and press_one exclude each other: whoever picks up first, also a mailbox"
    )
    line = book(forward("at_once = true\npress_one = false"), voice="line")
    sent = twiml(line, **CALLER)
    assert sent.count("<Number>") == 2
    assert document(line, "/voice/line/dialled/1", **CALLER, DialCallStatus="no-answer") == "sorry/start/1"
    assert document(line, **CALLER | {"From": OTHER}) == "sorry/start/1"


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (forward(numbers=f'"{NUMBER}"'), "numbers: write a list of those to be called"),
        (forward(numbers="[]"), "numbers: write a list of those to be called"),
        (forward(numbers="[12025550100]"), "numbers: 12025550100 cannot be called; write"),
        (forward(numbers='["SIP:a@example.com"]'), "numbers: SIP:a@example.com cannot be called"),
        ('[answer.line]\nflow = "menu"\ngreeting = "x"\notherwise = "sorry"\n', "choices: write the keys and where they lead"),
        ('[answer.line]\nflow = "menu"\ngreeting = "x"\notherwise = "sorry"\nchoices = ["sorry"]\n', "choices: write the keys"),
        (
            f'[answer.line]\nflow = "directory"\ncaller_id = "{ME}"\notherwise = "sorry"\nextensions = {{}}\n',
            "extensions: write the numbers",
        ),
        (
            f'[answer.line]\nflow = "directory"\ncaller_id = "{ME}"\notherwise = "sorry"\nextensions = {{ 101 = "+12025550100" }}\n',
            "extensions: 101 is not a number that can be dialled",
        ),
        (
            f'[answer.line]\nflow = "directory"\ncaller_id = "{ME}"\notherwise = "sorry"\nextensions = {{ "{NUMBER}" = 101 }}\n',
            "extensions: 101 cannot be called",
        ),
        (
            f'[answer.line]\nflow = "directory"\ncaller_id = "{ME}"\notherwise = "sorry"\nextensions = {{ "{NUMBER}" = "{NUMBER}" }}\n',
            "so the call would come back here",
        ),
        (PRIMARY_TABLE + '[answer.line]\nflow = "standby"\nurls = "https://a.example.net/"\notherwise = "sorry"\n', "urls: write a list"),
        (PRIMARY_TABLE + '[answer.line]\nflow = "retry_primary"\ntimes = 0\notherwise = "sorry"\n', "times: 0 is not a number of attempts"),
        (f'[answer.line]\nflow = "dial_through"\ncaller_id = "{ME}"\nprefixes = "+1"\notherwise = "sorry"\n', "prefixes: write a list"),
        ('[answer.line]\nflow = "reply"\ntext = "x"\nquiet_seconds = "1h"\n', "quiet_seconds: 1h is not a number of seconds"),
    ],
)
def test_a_value_of_the_wrong_kind_is_told_how_to_write_it(answer: str, says: str) -> None:
    """At the line of the answer, not somewhere in the flow's files."""
    message = refused(answer)
    assert re.match(r"test\.toml:\d+: answer\.line\.", message)
    assert says in message


def test_in_turn_needs_press_1() -> None:
    assert "the person called must press 1" in refused(forward("press_one = false"), voice="line")


def test_sip_and_browser_phones_are_called_too() -> None:
    line = book(forward(numbers='["sip:desk@example.com", "client:ann"]'), voice="line")
    assert "<Sip url=" in twiml(line, **CALLER)
    assert ">ann</Client>" in twiml(line, "/voice/line/dialled/1", **CALLER)


def test_a_menu_leads_where_its_keys_say() -> None:
    """A wrong key is told so, silence hears the menu again, and after the last time it goes on."""
    menu = (
        '[answer.menu]\nflow = "menu"\ngreeting = "Press 1."\nchoices = { 1 = "line", "#" = "sorry" }\notherwise = "later"\nrepeats = 2\n'
    )
    later = '[answer.later]\nflow = "busy"\n'
    answers = book(forward() + menu + later, voice="menu")
    assert document(answers, **CALLER) == "menu/start/1"
    assert document(answers, "/voice/menu/chosen/1", **CALLER, Digits="1") == "line/ring/1"
    assert document(answers, "/voice/menu/chosen/1", **CALLER, Digits="#") == "sorry/start/1"
    assert document(answers, "/voice/menu/chosen/1", **CALLER) == "menu/start/2"
    assert document(answers, "/voice/menu/chosen/1", **CALLER, Digits="7") == "menu/wrong/2"
    assert document(answers, "/voice/menu/chosen/2", **CALLER, Digits="7") == "later/reject/1"
    assert document(answers, "/voice/menu/chosen/2", **CALLER, Digits="1") == "line/ring/1"
    assert "choices: 12 is not a key of a phone" in refused(menu.replace("1 =", "12 =").replace('"line"', '"sorry"') + later, voice="menu")


def test_a_directory_rings_the_extension_behind_the_number() -> None:
    """On a trunk the number that was dialled may come as a SIP address."""
    directory = (
        f'[answer.desks]\nflow = "directory"\nextensions = {{ "{NUMBER}" = "sip:100@pbx.example.com", "{OTHER}" = "+12025550133" }}\n'
        f'caller_id = "{ME}"\notherwise = "sorry"\n[[trunk]]\nanswer = "desks"\n'
    )
    answers = book(directory, twilio='trunks = ["main"]')
    called = CALLER | {"To": NUMBER}
    assert "<Sip>sip:100@pbx.example.com</Sip>" in twiml(answers, "/trunk/main", **called)
    assert "<Sip>sip:100@pbx.example.com</Sip>" in twiml(answers, "/trunk/main", **called | {"To": f"sip:{NUMBER}@pbx.example.com"})
    assert 'whisper/1#rc=2&amp;rp=all">+12025550133</Number>' in twiml(answers, "/trunk/main", **called | {"To": OTHER})
    assert f'callerId="{ME}"' in twiml(answers, "/trunk/main", **called | {"From": "anonymous"})
    assert document(answers, "/trunk/main", **called | {"To": ME}) == "sorry/start/1"
    assert document(answers, "/voice/desks/dialled/1", **called, DialCallStatus="no-answer") == "sorry/start/1"


def desks(extensions: int) -> str:
    """A directory of so many numbers, of which each tenth leads to a phone."""
    listed = [
        f'"+1202{index}" = "{f"+1312{index}" if index % 10 == 0 else f"sip:{index}@pbx.example.com"}"'
        for index in range(2_000_000, 2_000_000 + extensions)
    ]
    answer = f'[answer.desks]\nflow = "directory"\ncaller_id = "{ME}"\notherwise = "sorry"\n'
    return "\n".join([answer + "[answer.desks.extensions]", *listed, '[[trunk]]\nanswer = "desks"\n'])


def conditions_asked(answers: Book, to: str, monkeypatch: pytest.MonkeyPatch) -> int:
    """How many conditions are looked at before a call to a number is answered."""
    asked: list[object] = []
    meets = Book.meets

    def counted(self: Book, *condition: Any) -> bool:
        asked.append(condition)
        return meets(self, *condition)

    with monkeypatch.context() as patch:
        patch.setattr(Book, "meets", counted)
        document(answers, "/trunk/main", **CALLER | {"To": to})
    return len(asked)


def test_a_directory_of_thousands_answers_as_one_of_few(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same rules and documents, asked as often; what grows is one table. All the book holds stays small in the function's zip."""
    few, many = (compiled(settings_text(desks(count), twilio='trunks = ["main"]')) for count in (20, 5000))
    assert (many["steps"].keys(), many["documents"]) == (few["steps"].keys(), few["documents"])
    assert sum(len(table) for table in many["lookups"].values()) == 5000
    for to in ("+12022000000", "+12022000019", "+12029999999"):
        assert conditions_asked(Book(few), to, monkeypatch) == conditions_asked(Book(many), to, monkeypatch) <= 6
    assert "<Sip>sip:2004999@pbx.example.com</Sip>" in twiml(Book(many), "/trunk/main", **CALLER | {"To": "+12022004999"})
    assert ">+13122004990</Number>" in twiml(Book(many), "/trunk/main", **CALLER | {"To": "+12022004990"})
    assert len(zlib.compress(json.dumps(many).encode())) < 64 * 1024


@pytest.mark.parametrize(
    ("target", "says"),
    [
        ("+999123456789", "answer 'desks' at test.toml:15 dials it: '+999123456789' is not a phone number"),
        ("+12025550106", "dials +12025550106, which is in twilio.numbers: the call would come back here"),
        ("sip:", "answer.desks.extensions.+12022000299: <Sip>sip:</Sip> must be a SIP URI"),
        ("client:" + "x" * 300, "answer.desks.extensions.+12022000299: <Client>xxx"),
    ],
)
def test_each_extension_of_a_directory_is_proved(target: str, says: str) -> None:
    """One in hundreds is enough to be refused."""
    wrong = desks(300).replace("sip:2000299@pbx.example.com", target)
    assert says in refused(wrong, twilio='trunks = ["main"]\nnumbers = ["+12025550106", "+12025550199"]')


def test_a_number_that_nobody_can_dial_is_refused_in_a_directory() -> None:
    wrong = desks(30).replace('"+12022000029"', '"+1202"')
    assert "answer.desks.extensions.+1202: lookup.sip: To: '+1202' is not a phone number" in refused(wrong, twilio='trunks = ["main"]')


def test_busy_refuses_a_ringing_call_only() -> None:
    """Reject comes too late once the call was answered."""
    answers = book('[answer.full]\nflow = "busy"\n', voice="full")
    assert '<Reject reason="busy"/>' in twiml(answers, CallStatus="ringing")
    assert "<Reject" not in twiml(answers, CallStatus="in-progress")


def test_standbys_take_over_in_order() -> None:
    """The next one follows by the cookie, and by ErrorUrl should Twilio lose it; then comes what the settings say."""
    answers = book(PRIMARY_TABLE + STANDBY, voice="elsewhere")
    failed = {"ErrorUrl": "https://app.example.com/voice", "CallStatus": "ringing"}
    assert document(answers, **failed) == "elsewhere/take_over/1"
    assert "https://a.example.net/voice#ct=2000" in twiml(answers, **failed)
    for cookie in (cookie_of(answers, "elsewhere/take_over/1"), ""):
        assert document(answers, cookie=cookie, ErrorUrl="https://a.example.net/voice") == "elsewhere/take_over/2"
    for cookie in (cookie_of(answers, "elsewhere/take_over/2"), ""):
        assert document(answers, cookie=cookie, ErrorUrl="https://b.example.org/later/in/the/call") == "sorry/start/1"
    assert document(answers, ErrorUrl="https://who.example.com/") == "sorry/start/1"


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        (STANDBY, "name its hosts in [primary] hosts"),
        (PRIMARY_TABLE + STANDBY.replace("a.example.net", "app.example.com"), "is on a host of the primary, which is down"),
        (PRIMARY_TABLE + STANDBY.replace("b.example.org", "a.example.net"), "two instances are on one host"),
        (PRIMARY_TABLE + STANDBY.replace("https://a.example.net/voice", "a.example.net"), "is not an address that could take over"),
        ('[api]\nhosts = ["a.example.net"]\n' + PRIMARY_TABLE + STANDBY, "is an address of this stack itself"),
    ],
)
def test_a_standby_that_could_not_take_over_is_refused(settings: str, says: str) -> None:
    assert says in refused(settings, voice="elsewhere")


RETRY = PRIMARY_TABLE + '[answer.again]\nflow = "retry_primary"\notherwise = "sorry"\n'


def test_the_primary_is_tried_once_more_at_its_entry() -> None:
    """While the call rings and only where it began: a verb's action would miss its Digits. The second failure goes on, cookie or not."""
    answers = book(RETRY, voice="again")
    failed = {"ErrorUrl": "https://app.example.com/voice?tenant=7", "CallStatus": "ringing"}
    assert document(answers, **failed) == "again/hold/1"
    assert "<Redirect>https://app.example.com/voice#ct=2000" in twiml(answers, **failed)
    for cookie in (cookie_of(answers, "again/hold/1"), ""):
        assert document(answers, cookie=cookie, **failed | {"CallStatus": "in-progress"}) == "sorry/start/1"
    assert document(answers, **failed | {"ErrorUrl": "https://app.example.com/gathered"}) == "sorry/start/1"


def test_the_primary_is_tried_as_often_as_the_settings_say() -> None:
    answers = book(RETRY.replace('"sorry"', '"sorry"\ntimes = 2'), voice="again")
    cookie = cookie_of(answers, "again/hold/1")
    assert document(answers, cookie=cookie, ErrorUrl="https://app.example.com/voice", CallStatus="in-progress") == "again/hold/2"
    assert document(answers, cookie=cookie_of(answers, "again/hold/2"), CallStatus="in-progress") == "sorry/start/1"


def test_two_entries_that_nobody_could_tell_apart_are_refused() -> None:
    """By ErrorUrl's path: the caller of one would be taken to the other."""
    two = RETRY.replace('["https://app.example.com/voice"]', '["https://app.example.com/voice?a=1", "https://app.example.com/voice?a=2"]')
    assert "https://app.example.com/voice with a query of their own" in refused(two, voice="again")


def test_a_retry_needs_entry_urls() -> None:
    assert "only addresses of [primary] entry_urls are tried again" in refused(RETRY.removeprefix(PRIMARY_TABLE), voice="again")


OUTGOING = f"""
[answer.out]
flow = "dial_through"
caller_id = "{ME}"
prefixes = ["+1", "+44"]
otherwise = "sorry"
[[sip]]
answer = "out"
"""


@pytest.mark.parametrize(
    ("to", "expected"),
    [
        ("sip:911@office.sip.twilio.com", "out/emergency/1"),
        ("112", "out/emergency/1"),
        ("sip:+442071838750@office.sip.twilio.com", "out/through/1"),
        ("sip:%2B12025550100@office.sip.twilio.com;user=phone", "out/through/1"),
        ("sip:%2b12025550100@office.sip.twilio.com", "out/through/1"),
        ("sip:+33612345678@office.sip.twilio.com", "sorry/start/1"),
        ("sip:9115550100@office.sip.twilio.com", "sorry/start/1"),
        ("", "sorry/start/1"),
    ],
)
def test_what_employees_dial(to: str, expected: str) -> None:
    """Emergency numbers first and always, then the allowed prefixes; everything else is told so."""
    answers = book(OUTGOING, twilio='sip_domains = ["office"]')
    assert document(answers, "/sip/office", To=to, From="sip:ann@office.sip.twilio.com") == expected


def test_an_employees_call_shows_the_configured_number_and_dials_what_was_dialled() -> None:
    sent = twiml(book(OUTGOING, twilio='sip_domains = ["office"]'), "/sip/office", To="sip:+442071838750@office.sip.twilio.com")
    assert f'callerId="{ME}"' in sent
    assert "<Number>+442071838750</Number>" in sent


def test_emergency_calls_that_fail_say_what_to_do() -> None:
    answers = book(OUTGOING, twilio='sip_domains = ["office"]')
    assert "dial it on a mobile phone" in twiml(answers, "/voice/out/emergency_dialled/1", DialCallStatus="failed")


@pytest.mark.parametrize("entry", ["sip", "app"])
def test_employees_calls_always_reach_emergency_numbers(entry: str) -> None:
    """Synth refuses an environment in which somebody in need would hear an apology."""
    serving = 'sip_domains = ["office"]' if entry == "sip" else 'apps = ["softphone"]'
    outgoing = OUTGOING.replace("[[sip]]", f"[[{entry}]]")
    assert "/start/1" not in document(book(outgoing, twilio=serving), f"/{entry}/x", To="911")
    early = f'[calendar.office]\nzone = "UTC"\n[[{entry}]]\nopen = "office"\nanswer = "sorry"\n'
    assert f"[[{entry}]]: somebody who dials 112 may get sorry/start/1 instead" in refused(early + outgoing, twilio=serving)
    assert f"no [[{entry}]] rule says what their callers hear" in refused(twilio=serving)


def test_a_message_may_lead_on() -> None:
    """`play` says or plays a message, and then hangs up or goes to another answer."""
    answers = book('[answer.note]\nflow = "play"\nmessage = "We moved."\nthen = "sorry"\n', voice="note")
    assert "/voice/note/after/1" in twiml(answers)
    assert document(answers, "/voice/note/after/1") == "sorry/start/1"
    assert "<Hangup/>" in twiml(book('[answer.note]\nflow = "play"\nmessage = "We moved."\n', voice="note"))


def test_a_reply_is_sent_once_in_a_quiet_period() -> None:
    """Twilio keeps the cookie for four idle hours at most; a shorter period is ours to end."""
    answers = book('[answer.later]\nflow = "reply"\ntext = "Later."\nquiet_seconds = 600\n', sms="later")
    cookie = cookie_of(answers, "later/start/1", now=1000)
    texted = {"From": "+12025550177", "To": ME, "Body": "hello"}
    assert document(answers, "/sms", now=1000, **texted) == "later/start/1"
    assert document(answers, "/sms", now=1599, cookie=cookie, **texted) == "later/nothing/1"
    assert document(answers, "/sms", now=1600, cookie=cookie, **texted) == "later/start/1"
    assert "a cookie for 1 to 14400 seconds" in refused('[answer.later]\nflow = "reply"\ntext = "x"\nquiet_seconds = 14401\n', sms="later")
