"""The TwiML table is what Twilio's package knows, and a package that knows more, or less, is told of in words."""

from dataclasses import replace

import pytest

from ops import twiml_drift
from ops.sdk_twiml import Nesting
from ops.twiml_drift import Known, differences, installed

NEW = Nesting("Start", "Hologram", frozenset(), has_text=False, path=("start", "hologram"))


def with_voice(*nestings: Nesting, without: tuple[str, str] = ("", "")) -> Known:
    """The installed package with these in the place of its own."""
    others = tuple(each for each in installed()["voice"] if each.place not in {without, *(new.place for new in nestings)})
    return {"voice": (*others, *nestings)}


def pause() -> Nesting:
    return next(each for each in installed()["voice"] if each.place == ("Response", "Pause"))


def test_the_table_is_what_the_installed_package_knows() -> None:
    assert differences(installed()) == []


def test_a_new_element_is_told() -> None:
    (line,) = differences(with_voice(NEW))
    assert line.startswith("<Hologram> in <Start> is new: add it to answerbook/twiml.toml")


def test_an_element_that_is_gone_is_told() -> None:
    (line,) = differences(with_voice(without=("Response", "Pause")))
    assert line.startswith("<Pause> in <Response> is unknown to the package: remove it")


def test_attributes_that_are_new_or_gone_are_told() -> None:
    (new,) = differences(with_voice(replace(pause(), attributes=pause().attributes | {"music"})))
    assert new.startswith("<Pause music> is new: add it")
    (gone,) = differences(with_voice(replace(pause(), attributes=frozenset())))
    assert gone.startswith("<Pause length> is unknown to the package: remove it")


def test_text_that_an_element_takes_by_now_is_told() -> None:
    assert differences(with_voice(replace(pause(), has_text=True))) == ["<Pause> in <Response> holds text now: correct `text`"]


def test_an_exception_that_the_package_has_caught_up_with_is_told() -> None:
    dial = next(each for each in installed()["voice"] if each.place == ("Response", "Dial"))
    (caught_up,) = differences(with_voice(replace(dial, attributes=dial.attributes | {"callReason"})))
    assert caught_up == "<Dial callReason>: the package knows it by now: take it out of [beyond_the_sdk]"
    (stale,) = differences(with_voice(without=("Response", "Prompt")))
    assert stale == "<Prompt> in <Response>: the package no longer knows it: take it out of [withheld_from_the_sdk]"


def test_the_command_fails_where_there_is_a_difference(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert twiml_drift.main() == 0
    assert "0 differences" in capsys.readouterr().out
    monkeypatch.setattr(twiml_drift, "installed", lambda: with_voice(NEW))
    assert twiml_drift.main() == 1
    assert "<Hologram>" in capsys.readouterr().out
