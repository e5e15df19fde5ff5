"""What the TwiML check promises to whoever writes a template."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from answerbook.advice import advice
from answerbook.grammar import Problem, check


def voice(inner: str) -> list[str]:
    return [problem.message for problem in check(f"<Response>{inner}</Response>", "voice")]


def messaging(inner: str) -> list[str]:
    return [problem.message for problem in check(f"<Response>{inner}</Response>", "messaging")]


def advised(inner: str) -> list[str]:
    return [problem.message for problem in advice(f"<Response>{inner}</Response>", "voice")]


def test_a_good_document_has_no_problems() -> None:
    document = """<?xml version="1.0" encoding="UTF-8"?>
<Response>
  <Say voice="Polly.Joanna" language="en-US"><emphasis>Please</emphasis> <break time="500ms"/>speak.</Say>
  <Record action="/voice/voicemail/recorded/1#rc=2&amp;rp=all" maxLength="120" finishOnKey="#" timeout="5"
          recordingStatusCallback="https://api.example.com/recording" recordingStatusCallbackEvent="completed absent"/>
  <Hangup/>
</Response>
"""
    assert check(document, "voice") == []
    assert advice(document, "voice") == []


def test_problems_come_by_line_and_each_names_the_nearest_right_name() -> None:
    document = """<Response>
  <Gathr numDigits="1"/>
  <Dial
     callerID="+15550100"><Numbr>+15550101</Numbr></Dial>
  <Reject reason="bussy"/>
</Response>"""
    assert check(document, "voice") == [
        Problem(2, "<Gathr> is not a TwiML verb; did you mean <Gather>?"),
        Problem(3, "<Dial> has no attribute callerID; did you mean callerId?"),
        Problem(4, "<Numbr> is not a TwiML noun; did you mean <Number>?"),
        Problem(5, '<Reject reason="bussy"> must be rejected or busy; did you mean busy?'),
    ]


@pytest.mark.parametrize(
    ("document", "line", "words"),
    [
        ("", 1, "the document is empty"),
        ("<Response>\n<Say>Hello</Response>", 2, "<Say> of line 2 is not closed"),
        ("<Response>\n<Say>Hello</Say>", 2, "<Response> of line 1 is not closed"),
        ("<Response>\n<Say>a & b</Say></Response>", 2, "& is written &amp;"),
        ("<Response><Say loop=2>a</Say></Response>", 1, "values need quotes"),
        ('\n<?xml version="1.0"?><Response/>', 2, "before the XML declaration"),
        ('\ufeff<?xml version="1.0"?><Response/>', 1, "byte order mark"),
        ('<?xml version="1.0" encoding="latin-1"?><Response/>', 1, 'encoding="latin-1"'),
        ('<!DOCTYPE r [<!ENTITY e SYSTEM "file:///etc/passwd">]><Response>&e;</Response>', 1, "DOCTYPE"),
        ("<Response/>\n<Response/>", 2, "junk after document element"),
        ("<Response><Say>\ud800</Say></Response>", 1, "not well-formed"),
        ("<Say>Hello</Say>", 1, "the root element is <Say>; Twilio wants <Response>"),
        ("<response/>", 1, "the root element is <response>"),
    ],
)
def test_what_is_no_document_is_one_problem_with_its_line(document: str, line: int, words: str) -> None:
    (problem,) = check(document, "voice")
    assert problem.line == line
    assert words in problem.message


@settings(deadline=None, derandomize=True, database=None)
@given(st.text() | st.text(alphabet='<>/="& \n\ue000\ue001ResponsSayDial').map("<Response>{}</Response>".format))
def test_no_text_makes_the_check_raise(document: str) -> None:
    assert isinstance(check(document, "voice"), list)
    assert isinstance(advice(document, "messaging"), list)


def test_nesting_thousands_deep_is_only_too_large() -> None:
    deep = '<lang xml:lang="en-GB">' * 5000 + "a" + "</lang>" * 5000
    (too_large,) = voice(f"<Say>{deep}</Say>")
    assert too_large.endswith("Twilio takes at most 65536 (64 kB)")


def test_64_kb_is_the_end_in_bytes_not_in_letters() -> None:
    longest = "x" * (65536 - len("<Response><!----></Response>"))
    assert voice(f"<!--{longest}-->") == []
    assert voice(f"<!--{longest[1:]}é-->")[0].startswith("the document has 65537 bytes")


def test_each_medium_has_its_own_verbs() -> None:
    assert messaging("<Say>Hello</Say>") == ["<Say> belongs to voice documents, and this is a messaging document"]
    assert voice("<Message>Hello</Message>") == ["<Message> belongs to messaging documents, and this is a voice document"]


def test_what_stands_in_the_wrong_place_is_told_what_may_stand_there() -> None:
    assert voice("<Gather><Dial>+15550100</Dial></Gather>") == ["<Dial> may not stand in <Gather>, which holds <Pause>, <Play> and <Say>"]
    assert voice("<Pause><Say>Hello</Say></Pause>") == ["<Pause> holds no elements, so <Say> may not stand in it"]
    assert voice("Hello <Hangup/>") == ['<Response> holds no text, but here it holds "Hello"']


def test_an_unknown_name_far_from_home_is_still_recognized() -> None:
    assert voice("<Gather><Nummber/></Gather>") == ["<Nummber> is not a TwiML noun; did you mean <Number>?"]
    assert voice("<GatherPlay/>") == ["<GatherPlay> is not a TwiML verb; did you mean <Gather>?"]


def test_the_same_noun_may_take_less_in_another_verb() -> None:
    assert voice('<Play digits="1w2"/>') == []
    assert voice('<Gather><Play digits="1">a.mp3</Play></Gather>') == ["<Play> has no attribute digits"]
    assert voice('<Refer><Sip username="a">sip:a@example.com</Sip></Refer>') == ["<Sip> has no attribute username"]


@pytest.mark.parametrize(
    ("attributes", "wanted"),
    [
        ('maxLength="1"', "a whole number from 2 to 86400"),
        ('maxLength="86401"', "a whole number from 2 to 86400"),
        ('maxLength="2.5"', "a whole number from 2 to 86400"),
        ('timeout="-1"', "a whole number from 0 to 86400"),
        ('timeout="five"', "a whole number from 0 to 86400"),
        ('timeout="٣"', "a whole number from 0 to 86400"),
        ('playBeep="yes"', "true or false"),
        ('method="post"', "GET or POST; did you mean POST?"),
        ('finishOnKey="ABC"', "keys out of 0-9, # and *"),
        ('trim="trim-silense"', "trim-silence or do-not-trim; did you mean trim-silence?"),
        (
            'recordingStatusCallbackEvent="completed abzent"',
            "one of in-progress, completed, absent, or several of them",
        ),
        ('recordingStatusCallbackEvent=""', "one of in-progress, completed, absent, or several of them"),
    ],
)
def test_a_wrong_value_is_told_what_it_must_be(attributes: str, wanted: str) -> None:
    (message,) = voice(f"<Record {attributes}/>")
    assert message.startswith(f"<Record {attributes}> must be {wanted}")


def test_long_lists_are_looked_up_in_the_table_but_the_nearest_name_is_told() -> None:
    (message,) = voice('<Say language="en-UK">Hello</Say>')
    assert message.endswith("must be one of those listed in answerbook/twiml.toml under SayLanguage; did you mean en-US?")


def test_languages_are_named_in_full_or_as_the_oldest_voices_know_them() -> None:
    assert voice('<Say voice="woman" language="es">Hola</Say>') == []
    (message,) = voice('<Say language="pt">Olá</Say>')
    assert message.endswith("under SayLanguage; did you mean pt-BR?")


def test_either_of_two_kinds_is_right() -> None:
    assert voice('<Gather speechTimeout="auto"/><Gather speechTimeout="3"/>') == []
    assert voice('<Gather speechTimeout="automatic"/>')[0].endswith("from 1 to 86400 or auto; did you mean auto?")


@pytest.mark.parametrize(
    "url",
    [
        "/voice/menu/start/1",
        "next.xml?a=1&amp;b=2",
        "www.example.com",
        "https://user:secret@voice.example.com:8443/a#ct=2000&amp;rt=6000&amp;tt=9000&amp;rc=1&amp;rp=ct,rt&amp;sni=n",
        "https://[2001:db8::1]/a#e=ashburn,umatilla",
    ],
)
def test_urls_that_twilio_requests_are_right(url: str) -> None:
    assert voice(f"<Redirect>\n{url}\n</Redirect><Dial action='{url}'>+15550100</Dial>") == []


@pytest.mark.parametrize(
    ("url", "wanted"),
    [
        ("", "a URL"),
        ("https://example.com/a b", "a URL; ' ' in it is written %20"),
        ("https://example.com/{CallSid}", "a URL; '{' in it is written %7B"),
        ("https://voice_1.example.com/a", "a URL whose host has no underscore, unlike voice_1.example.com"),
        ("https://-a.example.com/", "a URL with a valid host, unlike '-a.example.com'"),
        ("https:///a", "a URL with a valid host, unlike ''"),
        ("https://example.com:port/", "a URL; its host or port cannot be read"),
        ("https://[::1/", "a URL; its host or port cannot be read"),
        ("ftp://example.com/a", "a URL that begins with http:// or https://"),
        ("localhost:8080/a", "a URL that begins with http:// or https://"),
        ("/a#rc=6", "a URL whose connection override rc is a whole number from 0 to 5, not 6"),
        ("/a#tt=99", "a URL whose connection override tt is a whole number from 100 to 15000, not 99"),
        (
            "/a#rp=ct,never",
            "a URL whose connection override rp is one of 4xx, 5xx, ct, rt, all, or several of them, not",
        ),
        ("/a#e=mars", "a URL whose connection override e is one of ashburn, dublin,"),
        ("/a#top", "a URL whose fragment holds connection overrides only (ct, rt, tt, rc, rp, sni, e), not top"),
    ],
)
def test_urls_that_twilio_would_refuse_are_told_why(url: str, wanted: str) -> None:
    (message,) = voice(f'<Dial action="{url}">+15550100</Dial>')
    assert f"must be {wanted}" in message


def test_streams_want_a_websocket() -> None:
    assert voice('<Connect><Stream url="wss://example.com/audio"/></Connect>') == []
    assert "must be a URL that begins with wss://" in voice('<Connect><Stream url="https://example.com"/></Connect>')[0]


def test_numbers_and_sip_addresses_are_checked_as_such() -> None:
    assert voice("<Dial>+1 (555) 010-0199</Dial>") == []
    assert "must be a phone number such as +15550100" in voice("<Dial>reception</Dial>")[0]
    assert "must be a phone number such as +15550100" in voice("<Dial><Number>reception</Number></Dial>")[0]
    assert "must be a SIP URI such as sip:desk@example.com" in voice("<Dial><Sip>desk</Sip></Dial>")[0]


@pytest.mark.parametrize("inner", ["<Say/>", "<Say> </Say>", "<Dial/>", "<Dial><Number/></Dial>", "<Play/>", "<Dial><Sip/></Dial>"])
def test_what_needs_words_is_not_left_empty(inner: str) -> None:
    (message,) = voice(inner)
    assert "is empty; it needs " in message


def test_required_attributes_are_missed() -> None:
    assert voice("<Hangup><Parameter value='a'/></Hangup>") == ["<Parameter> lacks its attribute name"]


@pytest.mark.parametrize(
    ("inner", "says"),
    [
        ("<Dial>+12025550100<Number>+12025550101</Number></Dial>", '<Dial> holds elements or text, but here it holds <Number> and "+12'),
        (
            "<Dial><Conference>a</Conference><Number>+12025550101</Number></Dial>",
            "<Conference> stands in <Dial> alone, and here it holds 2",
        ),
        ("<Dial><Queue>a</Queue><Queue>b</Queue></Dial>", "<Queue> stands in <Dial> alone"),
        (
            f"<Dial>{'<Client>a</Client>' * 6}{'<Sip>sip:a@example.com</Sip>' * 5}</Dial>",
            "<Dial> holds 11 elements; Twilio takes at most 10",
        ),
        ("<Dial><Client>ann<Identity>ann</Identity></Client></Dial>", "<Client> holds elements or text"),
        ("<Dial><Client><Identity>a</Identity><Identity>b</Identity></Client></Dial>", "<Client> holds 2 <Identity>"),
        ("<Enqueue/>", "<Enqueue> is empty; it needs text or an element in it or its attribute workflowSid"),
        ("<Enqueue>support<Task>{}</Task></Enqueue>", "<Enqueue> holds elements or text"),
        ("<Queue>support</Queue>", "<Queue> may not stand in <Response>"),
        ("<Start/>", "<Start> is empty; it needs an element in it"),
        ("<Refer><Sip>sip:a@example.com</Sip><Sip>sip:b@example.com</Sip></Refer>", "<Refer> holds 2 elements; Twilio takes at most 1"),
        ("<Connect><Room>a</Room><Room>b</Room></Connect>", "<Connect> holds 2 elements"),
        ('<Start><Stream name="a"/></Start>', "<Stream> lacks its attribute url"),
        ('<Start><Stream url="wss://example.com/a?b=c"/></Start>', "must be a URL without ?; write <Parameter> elements instead"),
        ('<Connect><Stream url="wss://example.com" track="both_tracks"/></Connect>', "must be inbound_track"),
        ("<Stop><Stream/></Stop>", "<Stream> lacks its attribute name"),
        ('<Start><Siprec name="a"/></Start>', "<Siprec> lacks its attribute connectorName"),
        ("<Pay><Prompt><Say>x</Say></Prompt></Pay>", "<Prompt> lacks its attribute for"),
        ('<Say voice="Polly.Amy"><say-as>12</say-as></Say>', "<say-as> lacks its attribute interpret-as"),
        ('<Say voice="Polly.Amy">a<break time="11s"/></Say>', "must be a time of at most 10s"),
        ('<Dial callerId="">+12025550100</Dial>', "must be a phone number such as +15550100 or a name without spaces"),
        ("<Dial>+1</Dial>", "must be a phone number"),
        ("<Dial>+12025550100123456789</Dial>", "must be a phone number"),
        ("<Dial><Sip>sip:101</Sip></Dial>", "must be a SIP URI"),
        ('<Record transcribe="true" maxLength="121"/>', "make it 120 at most, or leave transcribe out"),
        ("<Redirect>//</Redirect>", "must be a URL with http: or https: before its //"),
        ("<Redirect>//example.com/a</Redirect>", "or a path that begins with one /"),
        ("<Enqueue workflowSid='WW0'><Task>sales</Task></Enqueue>", "must be a JSON object such as"),
        ("<Enqueue workflowSid='WW0'><Task>[1]</Task></Enqueue>", "must be a JSON object"),
        ("<Enqueue workflowSid='WW0'><Task>{\"wait\": NaN}</Task></Enqueue>", "must be a JSON object such as"),
        (f'<Gather input="speech" hints="{",".join(["a"] * 501)}"/>', "at most 500 hints separated by commas, not 501"),
        (f'<Gather input="speech" hints="yes, {"a" * 101}"/>', "hints of at most 100 characters each"),
        ('<Say voice="Polly.Joanna-Neural">a <emphasis>b</emphasis></Say>', "does not know <emphasis>"),
        ('<Say voice="Polly.Joanna-Generative"><p>a <emphasis>b</emphasis></p></Say>', "does not know <emphasis>"),
        ('<Sms to="reception">a</Sms>', "must be a phone number such as +15550100 or a channel's address"),
    ],
)
def test_what_may_not_stand_together_and_what_may_not_be_missing(inner: str, says: str) -> None:
    """Each is a mistake that Twilio answers with a warning, and the person on the line with silence."""
    (message,) = voice(inner)
    assert says in message


@pytest.mark.parametrize(
    "inner",
    [
        "<Dial>911</Dial>",
        '<Record transcribe="true" maxLength="120"/>',
        '<Connect><ConversationRelay url="wss://example.com/ws" conversationConfiguration="conv_configuration_1"/></Connect>',
        '<Start><Transcription conversationId="conv_1" conversationConfiguration="c" enableProviderData="true"/></Start>',
        '<Record transcribe="false" maxLength="600"/>',
        '<Record playBeep="1"/><Record playBeep="0"/>',
        '<Pay><Prompt for="bank-routing-number" errorType="invalid-bank-routing-number"><Say>x</Say></Prompt></Pay>',
        f'<Gather input="speech" hints="{",".join(["a"] * 500)}"/>',
        '<Say voice="Polly.Joanna">a <emphasis>b</emphasis></Say>',
        "<Dial callerId='client:ann'><Client><Identity>ann</Identity><Parameter name='a' value='b'/></Client></Dial>",
        "<Dial><Conference waitUrl=''>silent</Conference></Dial>",
        "<Dial><Sip>sip:pbx.example.com;transport=tls</Sip><Number>(202) 555-0100</Number></Dial>",
        "<Enqueue workflowSid='WW0'><Task>{}</Task></Enqueue>",
        "<Stop><Stream name='a'/></Stop>",
        "<Pay><Prompt for='security-code' attempt='9 10'><Say>x</Say></Prompt></Pay>",
        "<Say voice='Polly.Amy'><break time='10000ms'/><break time='0.5s'/>a</Say>",
    ],
)
def test_what_twilio_takes_is_not_refused(inner: str) -> None:
    assert voice(inner) == []


def test_a_message_says_at_most_1600_characters_however_it_is_cut_up() -> None:
    assert messaging(f"<Message>{'ü' * 1600}</Message>") == []
    halves = f"<Body>{'x' * 800}</Body><Media>https://example.com/{'y' * 99}.png</Media><Body>{'x' * 801}</Body>"
    assert messaging(f"<Message>{halves}</Message>") == ["<Message> says 1601 characters; Twilio takes at most 1600"]
    assert messaging("<Message/>") == ["<Message> is empty; it needs text or an element in it"]


@pytest.mark.parametrize(("voice_name", "most"), [("man", 4096), ("Polly.Amy", 3000), ("Google.en-GB-Wavenet-A", 5000)])
def test_how_much_a_say_may_say_depends_on_its_voice(voice_name: str, most: int) -> None:
    say = f'<Say voice="{voice_name}"><prosody rate="slow">{{}}</prosody></Say>'
    assert voice(say.format("x" * most)) == []
    assert voice(say.format("x" * (most + 1))) == [f"<Say> says {most + 1} bytes; Twilio takes at most {most}"]


def test_a_reply_is_ten_messages_at_most() -> None:
    assert messaging("<Message>a</Message>" * 10) == []
    assert messaging("<Message>a</Message>" * 11) == ["<Response> holds 11 <Message>; Twilio takes at most 10"]


def test_a_whisper_may_only_say_play_gather_and_hang_up() -> None:
    whisper = '<Response><Gather numDigits="1"><Pause/><Say>Press 1.</Say></Gather><Play>a.wav</Play>{}</Response>'
    assert check(whisper.format("<Hangup/>"), "voice", whisper=True) == []
    (problem,) = check(whisper.format("<Dial>+15550100</Dial>"), "voice", whisper=True)
    assert problem.message == ("<Dial> does nothing in a whisper document, which may hold <Gather>, <Hangup>, <Play> and <Say> only")


def test_what_the_call_fills_in_is_not_judged_but_names_and_lines_are() -> None:
    filled = "\ue000From\ue001"
    document = f"""<Response>
  <Say voice="{filled}">{filled}</Say>
  <Dial callerId="{filled}" timeout="{filled}" action="{filled} {filled}"><Number>{filled}</Number></Dial>
  <Dail>{filled}</Dail>
  <{filled}/>
</Response>"""
    (problem,) = check(document, "voice")
    assert problem.line == 5
    assert [problem.line for problem in check(document.replace(f"  <{filled}/>\n", ""), "voice")] == [4]


def test_messages_show_placeholders_in_braces() -> None:
    assert voice("\ue000From\ue001 calls") == ['<Response> holds no text, but here it holds "{From} calls"']


def test_words_around_a_placeholder_still_count_towards_the_limit() -> None:
    assert messaging(f"<Message>{'x' * 1590}\ue000{'Body' * 5}\ue001</Message>") == []
    assert messaging(f"<Message>{'x' * 1601}\ue000Body\ue001</Message>") == ["<Message> says 1601 characters; Twilio takes at most 1600"]


@pytest.mark.parametrize(
    ("inner", "words"),
    [
        ('<Record maxLength="60" recordingStatusCallback="/r"/>', "<Record> without action"),
        ('<Record maxLength="60" action="/a"/>', "<Record> without recordingStatusCallback"),
        ('<Record recordingStatusCallback="/r" action="/a"/>', "<Record> without maxLength"),
        ('<Record maxLength="86400" recordingStatusCallback="/r" action="/a"/>', "<Record maxLength> over 14400 s"),
        ("<Gather/><Hangup/>", "<Gather> without action"),
        ('<Gather action="/a"/>', "a caller who presses nothing is cut off"),
        ("<Dial>+15550100</Dial>", "the call ends, answered or not"),
        ("<Dial>+15550100</Dial><Hangup/>", "the next verb follows, even after a conversation"),
        ("<Redirect/>", "<Redirect> without a URL"),
        ("<Say>Busy.</Say><Reject/>", "<Reject> refuses a call only as the first verb"),
        ('<Say loop="0">Please wait.</Say>', '<Say loop="0"> goes on until somebody hangs up'),
        ('<Gather action="/a"><Play loop="0">a.mp3</Play></Gather><Hangup/>', '<Play loop="0"> goes on'),
        ("<Hangup/><Say>Bye.</Say>", "<Say> is never reached: nothing after <Hangup> is carried out (line 1)"),
        ('<Dial action="/a">+15550100</Dial><Hangup/>', "<Hangup> is never reached: after <Dial action>"),
        ('<Gather action="/a" actionOnEmptyResult="true"/><Hangup/>', "<Hangup> is never reached: after <Gather"),
    ],
)
def test_advice_says_what_would_still_go_wrong_on_the_line(inner: str, words: str) -> None:
    assert voice(inner) == []
    (message,) = advised(inner)
    assert words in message


def test_there_is_no_advice_on_what_cannot_be_read() -> None:
    assert advice("<Response>", "voice") == []


@pytest.mark.parametrize(
    ("inner", "says"),
    [
        (
            '<Message to="reception">a</Message>',
            "must be a phone number such as +15550100 or a channel's address such as whatsapp:+15550100",
        ),
        ('<Message from="An alphanumeric">a</Message>', "or a sender of at most 11 letters and digits such as Example"),
        ("<Message><Media>picture</Media></Message>", "must be a URL such as https://example.com/a.png"),
        ("<Message><Media>//</Media></Message>", "must be a URL with http: or https: before its //"),
    ],
)
def test_a_reply_that_twilio_would_not_send_is_refused(inner: str, says: str) -> None:
    """14101, 14102, and media that cannot be fetched: the text is silently not sent, or comes without its picture."""
    (message,) = messaging(inner)
    assert says in message


@pytest.mark.parametrize(
    "attribute", ["to='+12025550100'", "to='whatsapp:+12025550100'", "from='12345'", "from='Example Co'", f"from='MG{'0' * 32}'"]
)
def test_addresses_of_texts_are_numbers_channels_and_senders(attribute: str) -> None:
    assert messaging(f"<Message {attribute}>a<Media>/a.png</Media></Message>".replace(">a<Media>", "><Body>a</Body><Media>")) == []
