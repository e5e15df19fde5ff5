"""Which lines a log subscription wants: the filter pattern syntax of CloudWatch Logs for words and phrases."""

import pytest

from local.emulator.filter_pattern import UnknownPattern, matcher

ACCESS = '{"errorType":"THROTTLED","status":"200","latency":5001}'
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
        ('{ $.errorType = "THROTTLED" }', ACCESS, True),
        ('{ $.errorType != "THROTTLED" }', ACCESS, False),
        ('{ $.errorType != "-" }', ACCESS, True),
        ('{ $.none != "-" }', ACCESS, False),
        ("{ $.latency > 5000 }", ACCESS, True),
        ("{ $.latency > 5001 }", ACCESS, False),
        ("{ $.status > 5 }", ACCESS, False),
        ('{ ($.errorType != "-") && ($.errorType != "THROTTLED") }', ACCESS, False),
        ('{ ($.errorType = "-") || ($.errorType = "THROT*") && ($.status = 200) }', ACCESS, True),
        ('{ (($.errorType = "-") || ($.status = "200")) && ($.latency <= 5001) }', ACCESS, True),
        ("{ $.errorType = %^THR|^DEF% }", ACCESS, True),
        ("{ $.errorType = %^[A-Z]{3}$% }", ACCESS, False),
        ("{ $.none = %.% }", ACCESS, False),
        ('{ $.errorType = "THROTTLED" }', "no JSON", False),
    ],
)
def test_a_pattern_matches_as_cloudwatch_logs_says(pattern: str, line: str, wanted: bool) -> None:
    assert matcher(pattern)(line) is wanted


@pytest.mark.parametrize(
    "pattern", ["{ $.medium voice }", "{ ($.a = 1 }", "{ $.a = 1 } x", "{ $.a IS NULL }", " [ip, user, status=4*]", "{ $.a = %(b|c)% }"]
)
def test_patterns_that_are_not_understood_are_refused_and_not_guessed(pattern: str) -> None:
    with pytest.raises(UnknownPattern):
        matcher(pattern)
