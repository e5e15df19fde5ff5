"""Which language goes with which voice, and what is said of voices that no table has."""

from pathlib import Path

import pytest

from answerbook import twiml, voices
from answerbook.check import check
from answerbook.grammar import check as grammar
from tests.unit.books import settings_text


def problems(attributes: str) -> list[str]:
    """What is wrong with a <Say> of these attributes."""
    return [problem.message for problem in grammar(f"<Response><Say {attributes}>Hello</Say></Response>", "voice")]


@pytest.mark.parametrize(
    "attributes",
    [
        'voice="Polly.Vicki-Neural" language="de-DE"',
        'voice="Polly.Aditi" language="hi-IN"',
        'voice="Polly.Zhiyu" language="zh-CN"',
        'voice="Polly.Zhiyu" language="cmn-CN"',
        'voice="Polly.Hiujin-Neural" language="yue-CN"',
        'voice="Google.cmn-CN-Wavenet-A" language="zh-CN"',
        'voice="Google.fil-ph-Neural2-A" language="fil-PH"',
        'voice="man" language="en-US"',
        'voice="woman" language="de"',
        'voice="alice" language="ja-JP"',
        'voice="Polly.Nobody-Neural" language="de-DE"',
        'voice="ElevenLabs.Anna-flash_v2_5" language="de-DE"',
        'voice="Polly.Vicki"',
    ],
)
def test_what_fits_or_may_fit_is_accepted(attributes: str) -> None:
    assert problems(attributes) == []


@pytest.mark.parametrize(
    ("attributes", "says"),
    [
        ('voice="Polly.Vicki" language="en-US"', "speaks de-DE, not en-US; choose a voice of that language, as in Polly.Ivy"),
        ('voice="Polly.Amy" language="en-US"', 'speaks en-GB, not en-US; write language="en-GB" or choose a voice of that language'),
        ('voice="Google.en-GB-Standard-A" language="en-US"', 'speaks en-GB, not en-US; write language="en-GB"'),
        ('voice="Google.sw-KE-Standard-A" language="de-DE"', "speaks sw-KE, not de-DE"),
        (
            'voice="Polly.Hala-Neural" language="de-DE"',
            "speaks ar-AE and arb, not de-DE; choose a voice of that language, as in Polly.Daniel-Neural",
        ),
        ('voice="man" language="ja-JP"', "and de, not ja-JP; choose a voice of that language, as in Polly.Mizuki"),
        ('voice="Polly.Vicki" language="sk-SK"', "not sk-SK; choose a voice of that language"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_remedy(attributes: str, says: str) -> None:
    (message,) = problems(attributes)
    assert says in message


@pytest.mark.parametrize(
    "voice", ["Vicki", "polly.Vicki", "Azure.de-DE-KatjaNeural", "Polly.", "Google.Wavenet-A", "ElevenLabs.", "Polly. Vicki"]
)
def test_names_of_no_company_are_refused(voice: str) -> None:
    assert "must be a voice of a company's such as Polly.Joanna" in problems(f'voice="{voice}"')[0]


def test_a_language_that_there_is_not_is_one_mistake() -> None:
    (message,) = problems('voice="Polly.Vicki" language="de-XX"')
    assert message.endswith("did you mean de-DE?")


def test_every_voice_in_the_table_may_be_said_in_its_own_language() -> None:
    """So nothing is refused that the compiler itself writes."""
    for voice in twiml.table().voices:
        assert voices.doubt(voice) == ""
        language = voices.language_for(voice, "xx-XX")
        assert not problems(f'voice="{voice}" language="{language}"' if language else f'voice="{voice}"')


@pytest.mark.parametrize(
    ("voice", "inherited", "language"),
    [
        ("", "de-DE", "de-DE"),
        ("Polly.Vicki", "de-DE", "de-DE"),
        ("Polly.Vicki", "en-US", "de-DE"),
        ("Polly.Aditi", "hi-IN", "hi-IN"),
        ("man", "de-DE", "de"),
        ("man", "ja-JP", "en-US"),
        ("Google.nl-BE-Wavenet-A", "nl-NL", "nl-BE"),
        ("Google.fil-ph-Neural2-A", "en-US", "fil-PH"),
        ("Google.eu-ES-Standard-A", "en-US", ""),  # Basque has a voice, and no code that <Say> takes
        ("Polly.Nobody", "en-US", ""),
    ],
)
def test_the_language_beside_a_voice(voice: str, inherited: str, language: str) -> None:
    assert voices.language_for(voice, inherited) == language


def warnings(tmp_path: Path, voice: str) -> list[str]:
    """What is worth a second look in settings with a voice."""
    (tmp_path / "test.toml").write_text(
        settings_text(f'[answer.note]\nflow = "voicemail"\ngreeting = "Hi."\nvoice = "{voice}"\n', voice="note")
    )
    return check("test", tmp_path).warnings


def test_a_voice_that_the_table_has_not_is_a_warning_with_the_nearest_name(tmp_path: Path) -> None:
    (warning,) = warnings(tmp_path, "Polly.Viki-Neural")
    assert warning.startswith(f"{tmp_path}/test.toml:")
    assert "Polly had no voice Polly.Viki-Neural when the table was compared (2026-11-27); did you mean Polly.Vicki-Neural?" in warning
    assert warning.endswith("a voice that Twilio does not have says nothing, so call once and listen")


def test_voices_of_elevenlabs_are_a_warning(tmp_path: Path) -> None:
    (warning,) = warnings(tmp_path, "ElevenLabs.Anna")
    assert "ElevenLabs' voices are in no table, so nobody has checked ElevenLabs.Anna;" in warning


def test_known_voices_are_none(tmp_path: Path) -> None:
    assert warnings(tmp_path, "Polly.Vicki-Neural") == []
