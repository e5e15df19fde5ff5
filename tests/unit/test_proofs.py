"""What synth proves of flows that a platform team writes itself, and how it says what is wrong."""

import shutil
from pathlib import Path

import pytest

from config.folders import TEMPLATES
from config.mistakes import ConfigError
from tests.unit.books import book, compiled, document, refused, request, settings_text

OWN = '[answer.own]\nflow = "own"\n'
PRIMARY = '[primary]\nhosts = ["app.example.com"]\nentry_urls = ["https://app.example.com/voice"]\n'
TRUNK = '[[trunk]]\nanswer = "own"\n'


@pytest.fixture
def templates(tmp_path: Path) -> Path:
    """The templates of the project, to which a test adds a flow."""
    for flow in ("apology", "silent", "standby", "retry_primary", "voicemail"):
        shutil.copytree(TEMPLATES / flow, tmp_path / flow)
    return tmp_path


def write(templates: Path, **files: str) -> Path:
    """The flow `own`: documents by name, and its steps."""
    (templates / "own").mkdir()
    for name, text in files.items():
        content = text if name == "steps" or text.startswith("<Response") else f"<Response>{text}</Response>"
        (templates / "own" / f"{name}.{'toml' if name == 'steps' else 'xml'}").write_text(content)
    return templates


DESKS = 'lookup.desks = { "+12025550100" = "Ann" }\n'


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({"start": "<Say>{{ greting }}</Say>"}, "own/start.xml:1: 'greting' is undefined; set it in the [answer] table"),
        (
            {"start": "{% if call.From %}<Say>x</Say>{% endif %}"},
            "call.From is not known before the call; put the condition into steps.toml",
        ),
        ({"start": "<Say>{{ call.From | upper }}</Say>"}, "call.From is not known before the call"),
        ({"start": "<Say>{{ call.Form }}</Say>"}, "call.Form is not a Twilio parameter that is kept; did you mean 'From'?"),
        ({"start": "<Say>{{ call.CallToken }}</Say>"}, "call.CallToken is not a Twilio parameter that is kept"),
        ({"start": "{% if %}"}, "own/start.xml:1: "),
        ({"start": "<Say>x</Say>\n<Sai>y</Sai>"}, "own/start.xml:2: <Sai> is not a TwiML verb; did you mean <Say>?"),
        ({"start": "<Say>1 < 2</Say>"}, "own/start.xml:1: not well-formed"),
        ({"start": "<Message>x</Message>"}, "<Message> belongs to messaging documents"),
        (
            {"start": "<Redirect>{{ step('nxt') }}</Redirect>", "steps": 'next = [{ document = "start" }]'},
            "no such step; did you mean 'next'?",
        ),
        ({"start": "<Say>x</Say>", "steps": 'next = [{ Digits = "1", document = "start" }]'}, "needs a last rule without conditions"),
        ({"start": "<Say>x</Say>", "steps": "next = []"}, "needs a last rule without conditions"),
        ({"start": "<Say>x</Say>", "steps": 'next = ["start"]'}, "'start' is not a rule"),
        ({"start": "<Say>x</Say>", "steps": 'next = [{ document = "strat" }]'}, "has no document 'strat'; did you mean 'start'?"),
        ({"start": "<Say>x</Say>", "steps": 'next = [{ document = "start", turn = 2 }]'}, "there is no turn 2 of 'start'; turns is 1"),
        ({"start": "<Say>x</Say>", "steps": 'next = [{ answer = "sory" }]'}, "there is no answer 'sory'; did you mean 'sorry'?"),
        ({"start": "<Say>x</Say>", "steps": 'next = [{ answer = "sorry", document = "start" }]'}, "this one has answer and document"),
        ({"start": "<Say>x</Say>", "steps": 'next = [{ Digits = "1" }]'}, "exactly one of answer, document, again; this one has none"),
        (
            {"start": "<Say>x</Say>", "steps": 'next = [{ again = "start" }, { document = "start" }]'},
            "own/steps.toml:1: again has a next turn to lead to only where the file says how many there are; add turns = 3",
        ),
        ({"start": "<Say>x</Say>", "steps": "turns = 0"}, "turns is 0; it must be a whole number from 1 to 200"),
        (
            {"start": "<Say>x</Say>", "steps": "turns = 1\nturns = 2"},
            "own/steps.toml: not TOML once the values of the answer are filled in",
        ),
        ({"start": "<Say>x</Say>", "steps": 'come_back.start = { step = "x" }'}, "the flow has no step 'x'"),
        ({"begin": "<Say>x</Say>"}, "the flow 'own' has no document 'start'"),
        ({"start": "<Record action='{{ callback(\"recordin\") }}'/>"}, "there is no such callback; did you mean 'recording'?"),
        ({"start": "<Say>x</Say><Redirect>/voice/own</Redirect>"}, "write {{ elsewhere('https://...') }}"),
        ({"start": "<Redirect>{{ call.ErrorUrl }}</Redirect>"}, "write {{ elsewhere('https://...') }}"),
        ({"start": "<Redirect>https://x.example.net/</Redirect>"}, "write {{ elsewhere('https://...') }}"),
        ({"start": "<Redirect>{{ elsewhere('https://app.example.com/gathered') }}</Redirect>"}, "not in primary.entry_urls"),
        ({"start": "<Dial>15550100</Dial>"}, "dials it: '15550100' is not a phone number"),
        ({"start": "<Dial><Number>{{ call.Digits }}</Number></Dial>"}, "dials what the caller says"),
        ({"start": "<Dial><Number>{{ call.To }}</Number></Dial>"}, "dials what the caller says"),
        ({"start": '<Dial callerId="Example"><Number>+12025550100</Number></Dial>'}, "callerId: 'Example' is not a phone number"),
        ({"start": "<Gather><Say>x</Say></Gather><Hangup/>"}, "own/start.xml:1: <Gather> without action requests this document again"),
        ({"start": "<Say>x</Say>\n<Record/>"}, "own/start.xml:2: <Record> without action requests this document again"),
        ({"start": "<Hangup/><Say>x</Say>"}, "<Say> is never reached"),
        ({"start": "<Play>{{ audio('x.wav') }}</Play>"}, "own/start.xml:1: there is no audio file 'x.wav' in "),
        ({"start": "<Say>{{ call.From | default('nobody') }}</Say>"}, "call.From is not known before the call"),
        ({"start": "{% if call.From is defined %}<Say>x</Say>{% endif %}"}, "call.From is not known before the call"),
        ({"start": "<Say>{{ call }}</Say>"}, "call alone says nothing; name a parameter, as in call.From"),
        ({"start": "<Say>x</Say>", "steps": 'next = [{ document = "{{ call.From }}" }]'}, "call is known in documents only"),
        ({"start": "{{ say(greeting) }}"}, "own/start.xml:1: 'greeting' is undefined; set it in the [answer] table"),
        ({"start": "{{ say([]) }}"}, "a message must be a text, a table or a list of these, and not empty; this is []"),
        ({"start": "<Say>x</Say>", "steps": "next = [{ answer = {{ onward | tojson }} }]"}, "own/steps.toml:1: 'onward' is undefined"),
        ({"start": "{% include 'part.xml' %}"}, "own/start.xml:1: there is no template 'part.xml'"),
        ({"start": "{% include 'own/start.xml' %}"}, "own/start.xml:1: it includes or calls itself without end"),
        ({"start": "{% if 'x' is loud %}{% endif %}"}, "No test named 'loud'"),
        ({"start": "<Say>x</Say>", "two words": "<Say>x</Say>"}, "own/two words.xml: 'two words' cannot be part of a URL"),
        ({"start": "<Say>x</Say>", "steps": '"two words" = [{ document = "start" }]'}, "'two words' cannot be part of a URL"),
        (
            {"start": "<Say>x</Say>", "steps": 'next = [{ document = "start", turn = "1" }]'},
            "turn = '1' is not a number; write it without quotes",
        ),
        (
            {"start": "<Say>{{ lookup('desks', call.To) }}</Say>", "steps": DESKS + 'start = [{ document = "start" }]'},
            "own/start.xml looks To up in 'desks', where this rule may find nothing; add To.in = \"desks\" to it",
        ),
        (
            {
                "start": "<Say>{{ lookup('desks', call.To) }}</Say>",
                "steps": DESKS + 'next = [{ From.in = "desks", document = "start" }, { answer = "sorry" }]',
            },
            "own/start.xml looks To up in 'desks', where this rule may find nothing",
        ),
        ({"start": "<Say>{{ lookup('desk', call.To) }}</Say>", "steps": DESKS}, "no such look-up; did you mean 'desks'?"),
        (
            {"start": "<Say>{{ lookup('desks', 'To') }}</Say>", "steps": DESKS},
            "name a parameter of the caller's, as in lookup(",
        ),
        ({"start": "<Say>{{ lookup('desks', call.To) | lower }}</Say>", "steps": DESKS}, "is not known before the call"),
        (
            {"start": "<Say>x</Say>", "steps": DESKS + 'next = [{ To.in = "desk", document = "start" }]'},
            "no look-up 'desk'; did you mean",
        ),
        ({"start": "<Say>x</Say>", "steps": DESKS + 'next = [{ To.on = "desks", document = "start" }]'}, 'write it as in To.in = "phones"'),
        ({"start": "<Say>x</Say>", "steps": DESKS + 'next = [{ open.in = "desks", document = "start" }]'}, "'open' is not a parameter"),
        ({"start": "<Say>x</Say>", "steps": 'lookup.desks = { "+12025550100" = 7 }'}, "lookup.desks: write a table of texts"),
        ({"start": "<Say>x</Say>", "steps": "lookup = 7"}, "lookup.NAME: write a table of texts"),
        ({"start": "<Say>x</Say>", "steps": "turns = true"}, "turns is True; it must be a whole number from 1 to 200"),
    ],
)
def test_a_mistake_in_a_flow_names_file_and_remedy(templates: Path, files: dict[str, str], says: str) -> None:
    """And how to write it."""
    message = refused(PRIMARY + OWN, write(templates, **files), voice="own")
    assert says in message


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ('[answer.own]\nflow = "onw"\n', "test.toml:16: answer.own.flow: there is no flow 'onw'; did you mean 'own'?"),
        ('[answer.own]\nflow = "own"\ntxt = "x"\n', "answer.own.txt: the flow 'own' uses no such value; did you mean 'text'?"),
        ('[answer.own]\nflow = "own"\nturn = 2\n', "answer.own.turn: the flow 'own' uses no such value"),
        ('[answer.own]\ntext = "x"\n', "answer.own.flow: is missing"),
        ('[answer."own name"]\nflow = "own"\n', "cannot be part of a URL"),
    ],
)
def test_a_mistake_in_an_answer_names_line_and_remedy(templates: Path, answer: str, says: str) -> None:
    assert says in refused("\n" + answer, write(templates, start="<Say>{{ text }}</Say>"), voice="own")


def test_a_circle_is_printed(templates: Path) -> None:
    """Two answers that lead to each other would keep a caller for ever."""
    files = {"start": "<Redirect>{{ step('next') }}</Redirect>", "steps": 'next = [{ Digits = "1", answer = "sorry" }, { answer = "own" }]'}
    message = refused(OWN, write(templates, **files), voice="own")
    assert message.startswith(f"{templates}/own/steps.toml:1: this never ends: ")
    assert "own/start/1 -> own/next/1" in message
    assert "own/next/1 -> own/start/1" in message


def test_a_lost_cookie_does_not_make_a_circle(templates: Path) -> None:
    """A flow that knows where it was by its cookie alone would begin anew with the same server, for ever."""
    files = {
        "start": "<Redirect>{{ elsewhere('https://a.example.net/voice') }}</Redirect>",
        "steps": 'failed = [{ answer = "sorry" }]\ncome_back.start = { step = "failed" }',
    }
    message = refused(PRIMARY + OWN, write(templates, **files), voice="own")
    assert "this never ends when Twilio loses the cookie: own/start/1 -> own/start/1" in message


def test_a_retry_that_does_not_answer_the_call_is_a_circle(templates: Path) -> None:
    """While the call still rings, the second failure looks like the first."""
    redirect = "<Redirect>{{ elsewhere('https://app.example.com/voice') }}</Redirect>"
    steps = 'start = [{ CallStatus = "ringing", document = "hold" }, { answer = "sorry" }]\n'
    write(templates, hold=f"<Pause/>{redirect}", steps=steps)
    assert "when Twilio loses the cookie: own/hold/1 -> own/hold/1" in refused(PRIMARY + OWN, templates, voice="own")
    (templates / "own" / "hold.xml").write_text(f"<Response><Say>One moment.</Say>{redirect}</Response>")
    assert document(book(PRIMARY + OWN, templates, voice="own"), CallStatus="ringing") == "own/hold/1"


def test_standby_and_retry_must_not_hand_to_each_other(templates: Path) -> None:
    """A standby that ends in a retry of the primary would be begun anew by the failure of that."""
    standby = '[answer.there]\nflow = "standby"\nurls = ["https://a.example.net/voice"]\notherwise = "{}"\n'
    retry = '[answer.again]\nflow = "retry_primary"\notherwise = "{}"\n'
    wrong = PRIMARY + standby.format("again") + retry.format("sorry")
    assert "this never ends when Twilio loses the cookie" in refused(wrong, templates, voice="there")
    book(PRIMARY + standby.format("sorry") + retry.format("there"), templates, voice="again")


@pytest.mark.parametrize(
    ("verb", "says"),
    [
        (
            "<Redirect>{{ elsewhere('https://a.example.net/') }}</Redirect>",
            "hands the call to another server, but under /trunk Twilio has nothing",
        ),
        ("{{ say({'audio': 'hello.wav', 'text': 'Hello'}) }}", "plays audio, but under /trunk Twilio has nothing to fall back to"),
    ],
)
def test_nothing_under_trunk_needs_a_way_back(templates: Path, verb: str, says: str, hello: bytes) -> None:
    """Twilio has no fallback behind a disaster recovery URL."""
    steps = 'start = [{ ErrorUrl = "https://app.example.com/*", document = "go" }, { answer = "sorry" }]'
    write(templates, go=verb, steps=steps)
    (templates / "own" / "hello.wav").write_bytes(hello)
    book(PRIMARY + OWN, templates, voice="own")
    assert says in refused(PRIMARY + OWN + TRUNK, templates, twilio='trunks = ["main"]')


@pytest.mark.parametrize(
    ("whisper", "says"),
    [
        ("<Pause/><Hangup/>", "<Pause> does nothing in a whisper document"),
        ("<Dial>+12025550100</Dial>", "<Dial> does nothing in a whisper document"),
        ("<Gather action=\"{{ step('pressed') }}\"><Say>1</Say></Gather>", "<Record> does nothing in a whisper document"),
        (
            "{{ say({'audio': 'hello.wav', 'text': 'Hello'}) }}",
            "a person called who hears this before being connected has nothing to fall back to",
        ),
    ],
)
def test_a_whisper_holds_what_a_whisper_may(templates: Path, whisper: str, says: str, hello: bytes) -> None:
    """Also the documents that follow it."""
    steps = 'heard = [{ document = "whisper" }]\npressed = [{ document = "after" }]'
    dial = "<Dial><Number url=\"{{ step('heard') }}\">+12025550100</Number></Dial>"
    write(templates, start=dial, whisper=whisper, after="<Record/>", steps=steps)
    (templates / "own" / "hello.wav").write_bytes(hello)
    assert says in refused(OWN, templates, voice="own")


@pytest.mark.parametrize(
    ("verb", "does"),
    [
        ("<Dial>+12025550100</Dial>", "dials"),
        ("<Redirect>{{ elsewhere('https://a.example.net/') }}</Redirect>", "redirects"),
        ("<Say>{{ call.From }}</Say>", "repeats what the request said"),
        ("{{ say({'audio': 'hello.wav', 'text': 'Hello'}) }}", "plays audio"),
        ("<Gather action=\"{{ step('pressed') }}\"/>", "dials"),
    ],
)
def test_strangers_cost_and_learn_nothing(templates: Path, verb: str, does: str, hello: bytes) -> None:
    """Also by no document that follows."""
    write(templates, start=verb, dial="<Dial>+12025550100</Dial>", steps='pressed = [{ document = "dial" }]')
    (templates / "own" / "hello.wav").write_bytes(hello)
    text = settings_text(OWN).replace('voice = "sorry"', 'voice = "own"')
    with pytest.raises(ConfigError, match=f"unverified.voice: own/.* {does}"):
        compiled(text, templates)


def test_a_step_and_a_document_of_one_name_are_two_things(templates: Path) -> None:
    """The way on from the step is not lost behind the document."""
    write(
        templates,
        start="<Gather action=\"{{ step('dial') }}\"/>",
        dial="<Say>x</Say>",
        call="<Dial>+12025550100</Dial>",
        steps='dial = [{ document = "call" }]',
    )
    with pytest.raises(ConfigError, match=r"unverified.voice: own/call/1 dials"):
        compiled(settings_text(OWN).replace('voice = "sorry"', 'voice = "own"'), templates)


def test_our_own_failure_gets_the_last_resort() -> None:
    """Before every rule, so that no chain of our own failures has a second link; from strangers too."""
    answers = book(voice="sorry")
    for url in (
        "https://abc123.execute-api.us-west-2.amazonaws.com/v1/voice/x/y/1",
        "https://media1.execute-api.us-west-2.amazonaws.com/v1/x.wav",
    ):
        assert document(answers, ErrorUrl=url) == "last_resort/voice"
        assert document(answers, "/sms", ErrorUrl=url) == "last_resort/sms"
    stranger = request(ErrorUrl="https://abc123.execute-api.us-west-2.amazonaws.com/v1/voice")
    assert answers.choose_unverified(stranger, 0).document == "last_resort/voice"
    assert answers.choose_unverified(request(ErrorUrl="https://app.example.com/voice"), 0).document == "sorry/start/1"
    named = book('[api]\nhosts = ["fallback.example.com"]\n')
    assert document(named, ErrorUrl="https://fallback.example.com/voice") == "last_resort/voice"
    assert document(named, ErrorUrl="https://app.example.com/voice") == "sorry/start/1"


def test_long_hunt_groups_compile() -> None:
    """Two hundred turns are the limit, and no recursion stands in their way."""
    numbers = [f"+1202555{number:04}" for number in range(200)]
    line = f'[answer.line]\nflow = "forward"\nnumbers = {numbers}\ncaller_id = "+12025550199"\notherwise = "sorry"\n'
    answers = book(line, voice="line")
    assert document(answers, "/voice/line/dialled/199", From="+12025559999") == "line/ring/200"
