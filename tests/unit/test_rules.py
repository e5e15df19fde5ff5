"""Routing: conditions of every kind, what a mistake in them says, and rules that could never answer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.books import NOW, book, document, refused

MARKED = '[answer.marked]\nflow = "apology"\ntext = "Marked."\n'
OFFICE = '[calendar.office]\nzone = "Europe/Berlin"\nthursday = ["09:00-17:00"]\n'


def rule(conditions: str, entry: str = "voice") -> str:
    return f'{MARKED}[[{entry}]]\n{conditions}\nanswer = "marked"\n'


@pytest.mark.parametrize(
    ("conditions", "meets", "misses"),
    [
        ('To = "+15005550006"', {"To": "+15005550006"}, {"To": "+15005550007"}),
        ('To = "+15005550006"', {"To": "sip:+15005550006@pbx.example.com;user=phone"}, {"To": "sip:x@pbx.example.com"}),
        ('To = ["+15005550006", "+15005550008"]', {"To": "+15005550008"}, {}),
        ('From = "+44*"', {"From": "+442071838750"}, {"From": "+4921112345"}),
        ('From = ["+44*", "anonymous"]', {"From": "anonymous"}, {"From": "+1442071838750"}),
        ('From = "E.164"', {"From": "+442071838750"}, {"From": "sip:+442071838750@example.com"}),
        ('AnsweredBy = "machine_*"', {"AnsweredBy": "machine_end_beep"}, {"AnsweredBy": "human"}),
        ('QueueResult = "queue-full"', {"QueueResult": "queue-full"}, {"QueueResult": "hangup"}),
        ('SessionStatus = "failed"', {"SessionStatus": "failed"}, {}),
        ('HandoffData = "*agent"', {"HandoffData": "*agent"}, {"HandoffData": "agent"}),
        ('"SipHeader_X-Customer" = "gold"', {"SipHeader_X-Customer": "gold"}, {"SipHeader_X-Customer": "silver"}),
        ('ErrorCode = "11200"', {"ErrorCode": "11200"}, {"ErrorCode": "11205"}),
        ('ErrorCode = ["11200-11299", "12100"]', {"ErrorCode": "12100"}, {"ErrorCode": "12101"}),
        ('ErrorCode = "11200-11299"', {"ErrorCode": "11299"}, {"ErrorCode": "11300"}),
        ('ErrorCode = "11200-11299"', {"ErrorCode": "11200"}, {"ErrorCode": "1" * 5000}),
        (
            'ErrorUrl = "/calls/:id/incoming"',
            {"ErrorUrl": "https://a.example/calls/7/incoming?x=1"},
            {"ErrorUrl": "https://a.example/calls/7"},
        ),
        ('ErrorUrl = "https://a.example.com/*"', {"ErrorUrl": "https://u:p@A.example.com:443/x"}, {"ErrorUrl": "https://b.example.com/x"}),
        ('ErrorUrl = "https://a.example.com/v/:n"', {"ErrorUrl": "http://a.example.com/v/1"}, {"ErrorUrl": "https://a.example.com/v"}),
        ('Body = "Yes"', {"Body": " yes! "}, {"Body": "yes please"}),
        ('FromCountry = "GB"', {"FromCountry": "GB"}, {"FromCountry": ""}),
        ('CallStatus = ["ringing", "queued"]', {"CallStatus": "ringing"}, {"CallStatus": "in-progress"}),
        ('person = "client:*"', {"From": "client:ann", "Direction": "inbound"}, {"From": "client:ann", "Direction": "outbound-api"}),
        ('person = "client:*"', {"To": "client:ann", "Direction": "outbound-dial"}, {"From": "+442071838750", "Direction": "inbound"}),
        ('To = "+44*"\nFromCountry = "GB"', {"To": "+441", "FromCountry": "GB"}, {"To": "+441", "FromCountry": "DE"}),
    ],
)
def test_a_rule_answers_what_its_conditions_say(conditions: str, meets: dict[str, str], misses: dict[str, str]) -> None:
    """All conditions of a rule must hold, each by any of its values; everybody else gets the rule below."""
    answers = book(rule(conditions))
    assert document(answers, **meets) == "marked/start/1"
    assert document(answers, **misses) == "sorry/start/1"


def test_a_trunk_is_told_by_its_path() -> None:
    """Twilio sends no parameter that names a trunk, so its URL does."""
    answers = book(rule('trunk = "paris"', "trunk") + '[[trunk]]\nanswer = "sorry"\n', twilio='trunks = ["paris", "rome"]')
    assert document(answers, "/trunk/paris") == "marked/start/1"
    assert document(answers, "/trunk/rome") == "sorry/start/1"
    assert document(answers, "/trunk/nobody-knows") == "sorry/start/1"


def test_a_calendar_is_asked_at_the_time_of_the_call() -> None:
    """`open` holds in the hours of the calendar, in its own zone."""
    answers = book(OFFICE + rule('open = "office"'))
    assert document(answers, now=NOW + 8.5 * 3600) == "marked/start/1"  # 09:30 in Berlin
    assert document(answers, now=NOW + 7.5 * 3600) == "sorry/start/1"


@pytest.mark.parametrize(
    ("conditions", "says"),
    [
        ('Form = "+44*"', "'Form' is not a condition; did you mean 'From'?"),
        ("ErrorCode = 11200", 'write the value as text, as in ErrorCode = "11200"'),
        ('ErrorCode = "11299-11200"', "the range 11299-11200 is empty"),
        ('ErrorCode = "timeout"', "'timeout' is not an error code"),
        ('To = "15005550006"', "write it in E.164"),
        ('To = "+1"', "is not a phone number"),
        ('From = "+4x*"', "begins no phone number"),
        ('FromCountry = "England"', "write its two letters"),
        ('CallStatus = "ringin"', "is never sent; did you mean 'ringing'?"),
        ('ErrorUrl = "https://"', "has no host"),
        ("From = []", "From has no value"),
        ('open = "offce"', "open = 'offce' is not among the [calendar] tables; did you mean 'office'?"),
        ('trunk = "paris"', "trunk is known in [[trunk]] rules only, so this one could never answer; remove it"),
        ('To = "+1 500 555 0006"', "write it in E.164"),
        ('To = "E.164"', "E.164 can be asked of From only"),
        ('From = "*"', "'*' is every value there is; leave From out"),
        ('ErrorUrl = "calls/incoming"', "is neither a path nor a web address: write it as in /calls/:id/incoming"),
        ('ErrorUrl = "app.example.com"', "is neither a path nor a web address: write it as in /calls/:id/incoming"),
        ('ErrorUrl = "https://*.example.com/*"', "* never stands for a part of a host's name"),
        ('ErrorUrl = "/calls/*"', "* stands for a whole host"),
        ('ErrorUrl = "https://app.example.com/calls/*"', "* stands for a whole host"),
        ('ErrorUrl = "/calls?session=1"', "leave out what follows ? or #"),
        ('ErrorUrl = "/calls/:/incoming"', "a colon needs a name"),
        ('Body = "yes*"', "a text is compared as a whole"),
        ('cookie = "x"', "'cookie' is not a condition"),
    ],
)
def test_a_mistake_in_a_condition_names_line_and_remedy(conditions: str, says: str) -> None:
    message = refused(OFFICE + rule(conditions))
    assert message.startswith("test.toml:21: ")
    assert says in message


def test_a_trunk_that_is_not_in_the_settings_is_refused() -> None:
    trunks = '[[trunk]]\ntrunk = "pariss"\nanswer = "sorry"\n[[trunk]]\nanswer = "sorry"\n'
    assert "trunk = 'pariss' is not among twilio.trunks; did you mean 'paris'?" in refused(trunks, twilio='trunks = ["paris"]')


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ('From = "+44*"', 'From = "+4420*"'),
        ('From = ["+44*", "+33*"]', 'From = ["+33612345678", "+442071838750"]'),
        ('From = "E.164"', 'From = "+442071838750"'),
        ('ErrorCode = "11200-11299"', 'ErrorCode = "11205"\nTo = "+442071838750"'),
        ('ErrorCode = "11200-11299"', 'ErrorCode = "11210-11220"'),
        ('ErrorUrl = "/calls/:id"', 'ErrorUrl = "/calls/latest"'),
        ('ErrorUrl = "/calls/:id"', 'ErrorUrl = "https://a.example.com/calls/1"'),
        ('ErrorUrl = "https://a.example.com/*"', 'ErrorUrl = "https://a.example.com/calls/1"'),
        ('open = "always"', 'open = "office"'),
        ('open = "office"', 'open = "late_office"'),
        ('Body = "yes"', 'Body = "yes"'),
        ('ErrorCode = ["11200-11299", "12100"]', 'ErrorCode = ["11205", "12100"]'),
        ('From = ["+44*", "anonymous"]', 'From = ["anonymous", "+4420*"]\nErrorCode = "11200"'),
        ('From = "E.164"', 'From = "+44*"'),
    ],
)
def test_a_rule_that_could_never_answer_is_reported(first: str, second: str) -> None:
    """Two lines are named: the rule that takes everything, and the one that is left with nothing."""
    week = "\n".join(f'{day} = ["00:00-24:00"]' for day in "monday tuesday wednesday thursday friday saturday sunday".split())
    calendars = f'{OFFICE}[calendar.always]\nzone = "Asia/Tokyo"\n{week}\n' + OFFICE.replace("office", "late_office").replace(
        "09:00", "11:00"
    )
    body = calendars + rule(first) + rule(second).removeprefix(MARKED)
    assert "this rule can never answer: the one at test.toml:" in refused(body)
    book(calendars + rule(second) + (rule(first).removeprefix(MARKED) if first != second else ""))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ('ErrorCode = "11200-11250"', 'ErrorCode = "11240-11299"'),
        ('ErrorCode = "11240-11299"', 'ErrorCode = "11200-11250"'),
        ('From = "+4420*"', 'From = "+44*"'),
        ('ErrorUrl = "/calls/latest"', 'ErrorUrl = "/calls/:id"'),
        ('ErrorUrl = "https://a.example.com/calls"', 'ErrorUrl = "https://a.example.com/*"'),
        ('From = "+44*"\nFromCountry = "GB"', 'From = "+44*"'),
        ('ErrorCode = ["11200", "11205"]', 'ErrorCode = ["11205", "11210"]'),
    ],
)
def test_rules_that_overlap_are_no_mistake(first: str, second: str) -> None:
    """Each has callers of its own."""
    book(rule(first) + rule(second).removeprefix(MARKED))


def test_the_last_rule_takes_everybody() -> None:
    assert "end with a [[trunk]] rule without conditions" in refused(rule('trunk = "main"', "trunk"), twilio='trunks = ["main"]')


PARAMETERS = "To From ErrorCode ErrorUrl FromCountry Digits CallStatus Direction Body SpeechResult DialBridged OptOutType".split()


@given(st.dictionaries(st.sampled_from(PARAMETERS), st.text(max_size=60)), st.text(max_size=40))
def test_any_value_whatever_is_answered(fields: dict[str, str], cookie: str) -> None:
    """At call time an unexpected value takes the last rule, never an exception."""
    clean = {name: value.encode("utf-8", "replace").decode() for name, value in fields.items()}
    for path in ("/voice", "/trunk/main", "/sms", "/sip/x", "/nothing"):
        assert document(HOSTILE, path, cookie=f"fallback={cookie}", **clean) in HOSTILE.documents


HOSTILE = book(
    OFFICE
    + rule('From = ["+44*", "E.164"]\nErrorCode = "11200-11299"\nErrorUrl = ["/a/:b", "https://a.example.com/*"]\nopen = "office"')
    + '[[trunk]]\nanswer = "sorry"\n',
    twilio='trunks = ["main"]\nnumbers = ["+15005550006"]',
)


def test_parameters_of_ones_own_are_asked_for_where_the_settings_name_them() -> None:
    asks = rule('Campaign = "spring"')
    known = book(asks, twilio='parameters = ["Campaign"]')
    assert document(known, Campaign="spring") == "marked/start/1"
    assert document(known, Campaign="autumn") == "sorry/start/1"
    assert "CallToken lets its bearer act for the caller" in refused(asks, twilio='parameters = ["CallToken"]')
    assert "'Campaign' is not a condition" in refused(asks)
    assert "and your own in twilio.parameters" in refused(rule('Xyzzyplugh = "1"'))


def test_an_answering_machine_is_asked_for_by_twilios_words() -> None:
    assert "'robot*' is never sent" in refused(rule('AnsweredBy = "robot*"'))
    assert "'machine' is never sent" in refused(rule('AnsweredBy = "machine"'))


def test_status_callbacks_are_no_condition() -> None:
    assert "'MessageStatus' is not a condition" in refused(rule('MessageStatus = "sent"', "sms"))
