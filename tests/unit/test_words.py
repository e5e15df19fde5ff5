"""What callers hear: languages, voices, SSML and their own details."""

import pytest

from tests.unit.books import book, refused, twiml


def said(text: str, more: str = "", **fields: str) -> str:
    """The TwiML of an apology with these words."""
    return twiml(book(f'[answer.note]\nflow = "apology"\ntext = {text}\n{more}', voice="note"), **fields)


def test_words_are_said_in_the_language_of_the_environment() -> None:
    """Without a voice, which leaves the account's default."""
    assert '<Say language="en-US">Sorry.</Say>' in said('"Sorry."')
    assert '<Say language="de-DE">Verzeihung.</Say>' in said('"Verzeihung."', '[last_resort]\nlanguage = "de-DE"\n')


def test_an_answer_has_a_language_and_a_voice() -> None:
    assert '<Say language="de-DE" voice="Polly.Vicki">' in said('"Verzeihung."', 'language = "de-DE"\nvoice = "Polly.Vicki"\n')


def test_the_same_message_in_several_languages_in_turn() -> None:
    sent = said('["Sorry.", { text = "Perdón.", language = "es-MX", voice = "Polly.Mia" }]')
    assert '<Say language="en-US">Sorry.</Say><Say language="es-MX" voice="Polly.Mia">Perdón.</Say>' in sent


def test_a_message_in_another_language_does_not_take_the_answers_voice() -> None:
    """It speaks the answer's language."""
    sent = said('["Sorry.", { text = "Perdón.", language = "es-MX" }]', 'voice = "Polly.Joanna"\n')
    assert '<Say language="en-US" voice="Polly.Joanna">Sorry.</Say><Say language="es-MX">Perdón.</Say>' in sent


def test_a_voice_speaks_its_own_language_where_nobody_names_one() -> None:
    """The environment's would not fit, and Twilio would say nothing."""
    assert '<Say language="de-DE" voice="Polly.Vicki">Hallo.</Say>' in said('"Hallo."', 'voice = "Polly.Vicki"\n')
    assert '<Say language="de-DE" voice="Polly.Vicki">Hallo.</Say>' in said(
        '{ text = "Hallo.", voice = "Polly.Vicki" }', 'language = "en-GB"\n'
    )
    assert '<Say language="en-GB" voice="Polly.Amy">Hi.</Say>' in said('"Hi."', 'voice = "Polly.Amy"\n')


def test_a_voice_that_nobody_knows_gets_the_language_that_was_written_for_it_or_none() -> None:
    assert '<Say voice="ElevenLabs.Anna">Hallo.</Say>' in said('"Hallo."', 'voice = "ElevenLabs.Anna"\n')
    assert '<Say language="de-DE" voice="ElevenLabs.Anna">' in said('"Hallo."', 'language = "de-DE"\nvoice = "ElevenLabs.Anna"\n')


def test_the_shipped_words_are_not_read_by_a_voice_of_another_language() -> None:
    heard = twiml(book('[answer.note]\nflow = "voicemail"\ngreeting = "Guten Tag."\nvoice = "Polly.Vicki"\n', voice="note"))
    assert '<Say language="de-DE" voice="Polly.Vicki">Guten Tag.</Say>' in heard
    assert '<Say language="en-US">We did not hear a message. Goodbye.</Say>' in heard


def test_ssml_stays_markup_and_text_does_not() -> None:
    assert "One<break time='1s'/>two</Say>" in said("""{ ssml = "One<break time='1s'/>two", voice = "Polly.Joanna" }""")
    assert "1 &lt; 2 &amp; 3</Say>" in said('"1 < 2 & 3"')


def test_the_callers_details_stand_in_braces_and_are_escaped() -> None:
    sent = said('"You call from {From}."', From='<Dial>+1</Dial>"')
    assert "You call from &lt;Dial&gt;+1&lt;/Dial&gt;&quot;." in sent


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('""', "a message must be a text, a table or a list of these, and not empty"),
        ("3", "a message must be a text, a table or a list of these"),
        ('{ tekst = "x" }', "a message has no 'tekst'; did you mean 'text'?"),
        ('{ text = "x", ssml = "y" }', "a message needs either text or ssml"),
        ('{ audio = "x.wav" }', "also where audio is played: it stands in for it"),
        ('{ ssml = "x" }', "needs a voice that knows it"),
        ('"Hello {Form}"', "{Form} is not a Twilio parameter that is kept; did you mean 'From'?"),
        ('{ text = "x", language = "de-De" }', "de-DE"),
        ('{ text = "x", voice = "Pollly.Joanna" }', "did you mean Polly.Joanna?"),
        ('{ text = "x", voice = "Polly.Vicki", language = "en-US" }', "speaks de-DE, not en-US"),
        ('{ ssml = "<brake/>", voice = "Polly.Amy" }', "<brake>"),
        ('{ ssml = "1 < 2", voice = "Polly.Amy" }', "not well-formed"),
    ],
)
def test_a_mistake_in_a_message_is_refused(text: str, says: str) -> None:
    message = refused(f'[answer.note]\nflow = "apology"\ntext = {text}\n', voice="note")
    assert says in message
    assert "note" in message


def test_default_texts_are_english_in_every_answer() -> None:
    """A German voice that reads English words is understood by nobody."""
    box = '[answer.note]\nflow = "voicemail"\ngreeting = "Guten Tag."\nlanguage = "de-DE"\nvoice = "Polly.Vicki"\n'
    said = twiml(book(box, voice="note"))
    assert '<Say language="de-DE" voice="Polly.Vicki">Guten Tag.</Say>' in said
    assert '<Say language="en-US">We did not hear a message. Goodbye.</Say>' in said
    british = twiml(book(box.replace("de-DE", "en-GB").replace("Vicki", "Amy"), voice="note"))
    assert '<Say language="en-GB" voice="Polly.Amy">We did not hear a message. Goodbye.</Say>' in british


@pytest.mark.parametrize(("voice", "most"), [("man", 4096), ("Polly.Joanna", 3000), ("Google.en-US-Neural2-A", 5000)])
def test_what_is_repeated_leaves_no_more_than_the_voice_may_say(voice: str, most: int) -> None:
    twice = twiml(
        book(f'[answer.note]\nflow = "apology"\ntext = "You said {{SpeechResult}} {{Body}}"\nvoice = "{voice}"\n', voice="note"),
        SpeechResult="a" * 9000,
        Body="b" * 9000,
    )
    words = twice.partition(">You said ")[2].partition("</Say>")[0]
    assert most - 50 < len("You said " + words) <= most
    assert words.endswith("b...")


def test_a_document_that_grows_too_large_is_refused() -> None:
    """Four times 3,200 signs that are written as six bytes each."""
    said = ", ".join(['"You wrote {Body}"'] * 4)
    message = refused(f'[answer.note]\nflow = "apology"\ntext = [{said}]\nvoice = "Google.en-US-Neural2-A"\n', voice="note")
    assert "with the longest values of Body the document has 77" in message
    assert "bytes; Twilio takes at most 65536 (64 kB); repeat less of what the caller said (answer 'note' at" in message


def test_no_value_makes_a_document_too_large() -> None:
    """Of what was proved the worst: quotation marks, which are escaped, as often as there is room for them."""
    said = ", ".join(['"You wrote {Body}"'] * 3)
    answers = book(f'[answer.note]\nflow = "apology"\ntext = [{said}]\nvoice = "Google.en-US-Neural2-A"\n', voice="note")
    assert 57_000 < len(twiml(answers, Body='"' * 10_000).encode()) <= 65_536
    for each in ("🙂", "я", "漢"):
        assert len(twiml(answers, Body=each * 10_000).encode()) <= 65_536


def test_addresses_are_cut_too() -> None:
    sent = said('"You call from {From}."', From="sip:" + "x" * 5000 + "@example.com")
    assert "x" * 97 + "..." in sent
    assert "x" * 98 not in sent


def test_the_words_of_the_last_resort_are_checked_as_twiml() -> None:
    """Nothing else stands behind them."""
    assert 'test.toml:15: last_resort.language: <Say language="xx-XX"> must be one of' in refused(
        '[last_resort]\nlanguage = "xx-XX"\n[answer.x]\nflow = "busy"\n'
    )


@pytest.mark.parametrize(
    ("language", "say"),
    [
        ("en-US", '<Say language="en-US" voice="man">'),
        ("en-GB", '<Say language="en-US" voice="man">'),
        ("de-DE", '<Say language="de-DE">'),
        ("ja-JP", '<Say language="ja-JP">'),
    ],
)
def test_the_last_resort_is_said_by_what_depends_on_least(language: str, say: str) -> None:
    compiled = book(f'[last_resort]\nlanguage = "{language}"\n')
    assert say in compiled.documents["last_resort/voice"]["parts"][0]
