"""Webhook rules of the stand-in for Twilio: which applies, how it signs, how it delivers; and the product's own answer to such requests."""

from collections.abc import Callable, Iterator

import pytest
from twilio.request_validator import RequestValidator

from local.twilio import StandInTwilio
from local.twilio.connection import Resolver
from local.twilio.exchange import Ask, Exchange
from local.twilio.overrides import Overrides
from local.twilio.primary import Primary, Says, refusing_url
from local.twilio.rules import Match, Rule, Setting, SharedKey, setting_for
from local.twilio.signing import Tokens
from local.twilio.undocumented import Undocumented
from local.twilio.webhook import Webhooks

TOKEN = "12345"


@pytest.fixture
def web() -> Iterator[Primary]:
    with Primary() as server:
        server.behaves("", Says(b"<Response/>"))
        yield server


def ruled(*rules: Rule) -> Callable[..., Exchange]:
    """Requests of an account with these rules."""
    webhooks = Webhooks(Tokens(TOKEN), Resolver(), None, Undocumented(), rules=list(rules))

    def send(url: str) -> Exchange:
        sent = Exchange(Ask(url), 0.0, "CA1", {"CallSid": "CA1"})
        webhooks.send(sent, "voice", None)
        return sent

    return send


def test_a_rule_with_a_shared_key_signs_with_it_and_names_it(web: Primary) -> None:
    """The Auth Token signs nothing there."""
    key = SharedKey()
    send = ruled(Rule("PREFIX_MATCH", Setting(key), f"{web.url}/"))
    send(f"{web.url}/voice#rc=2")
    headers = web.received[-1].headers
    settings = headers["x-twilio-webhooks-signature-settings"]
    assert settings == f"key={key.id},algorithm=HMAC_SHA256"
    expected = RequestValidator(key.secret).compute_signature(f"{web.url}/voice", {"CallSid": "CA1"}, "HMAC_SHA256")
    assert headers["x-twilio-signature"] == expected
    elsewhere = ruled(Rule("PREFIX_MATCH", Setting(key), "https://other.example.com/"))
    elsewhere(f"{web.url}/voice")
    assert "x-twilio-webhooks-signature-settings" not in web.received[-1].headers


def test_the_rule_that_says_most_wins() -> None:
    settings = {name: Setting(SharedKey(name)) for name in ("default", "short", "long", "exact")}
    rules = [
        Rule("DEFAULT", settings["default"]),
        Rule("PREFIX_MATCH", settings["short"], "https://a.example.com/"),
        Rule("PREFIX_MATCH", settings["long"], "https://a.example.com/v1/"),
        Rule("EXACT_MATCH", settings["exact"], "https://a.example.com/v1/voice"),
    ]
    for url, name in (
        ("https://a.example.com/v1/voice#rc=2", "exact"),
        ("https://a.example.com/v1/sms", "long"),
        ("https://a.example.com/", "short"),
        ("https://b.example.com/", "default"),
    ):
        assert setting_for(url, rules) is settings[name]
    assert setting_for("https://b.example.com/", rules[1:]) is None


def test_a_setting_takes_the_place_of_what_stands_in_the_url() -> None:
    """Retries are none unless it names them."""
    with refusing_url() as dead:
        assert len(ruled()(f"{dead}/voice#rc=2").attempts) == 3
        assert len(ruled(Rule("DEFAULT", Setting()))(f"{dead}/voice#rc=2").attempts) == 1
        retried = Setting(delivery=Overrides(retries=1))
        assert len(ruled(Rule("DEFAULT", retried))(f"{dead}/voice").attempts) == 2


def test_rules_are_refused_as_twilio_refuses_them() -> None:
    wrong: tuple[tuple[Match, str], ...] = (("PREFIX_MATCH", "https://a"), ("EXACT_MATCH", "https://a/"), ("DEFAULT", "https://a/"))
    for match, value in wrong:
        with pytest.raises(ValueError, match=r"slash|no value"):
            Rule(match, Setting(), value)
    twilio = StandInTwilio("AC1", TOKEN)
    twilio.rule("DEFAULT", Setting())
    with pytest.raises(ValueError, match="59103"):
        twilio.rule("DEFAULT", Setting())
