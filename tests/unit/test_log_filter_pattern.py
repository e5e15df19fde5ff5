"""Which lines a log subscription wants: the filter pattern syntax of CloudWatch Logs for words and phrases."""

import pytest

from local.emulator.filter_pattern import UnknownPattern, matcher

JOURNAL = '{"fallback.journal": 1, "medium": "voice"}'


@pytest.mark.parametrize(
    ("pattern", "line", "wanted"),
    [
        ("", "anything", True),
        ('"fallback.journal"', JOURNAL, True),
        ('"fallback.journal"', "fallback journal", False),
        ('"fallback.journal"', "fallback-journal", False),
        ('"Fallback.journal"', JOURNAL, False),
        ('"two words"', "these two words here", True),
        ('"two words"', "words two", False),
        ('"a \\"quoted\\" word"', 'a "quoted" word', True),
        ("ERROR timeout", "ERROR: a timeout", True),
        ("ERROR timeout", "ERROR: refused", False),
        ("ERROR -timeout", "ERROR: refused", True),
        ("ERROR -timeout", "ERROR: a timeout", False),
        ("?WARN ?ERROR", "ERROR", True),
        ("?WARN ?ERROR", "INFO", False),
        ("%voice|sms%", JOURNAL, True),
        ("%^voice%", JOURNAL, False),
    ],
)
def test_a_pattern_matches_as_cloudwatch_logs_says(pattern: str, line: str, wanted: bool) -> None:
    assert matcher(pattern)(line) is wanted


@pytest.mark.parametrize("pattern", ["{ $.medium = voice }", " [ip, user, status=4*]"])
def test_structured_patterns_are_refused_and_not_guessed(pattern: str) -> None:
    with pytest.raises(UnknownPattern, match="words and phrases only"):
        matcher(pattern)
