"""The stand-in for Twilio refuses what Twilio refuses: hosts that are retired, credentials and SIDs of another Region, methods, filters."""

from collections.abc import Iterator
from typing import Any

import pytest
import requests as http

from local.twilio import StandInTwilio
from local.twilio.hosts import REGIONS, RETIRED, address, served
from local.twilio.numbers import Number
from local.twilio.platform import Alert, Recording, new_sid
from local.twilio.primary import Primary
from local.twilio.rest import RestApi

SID = "AC" + "a" * 32
BASE = f"/2010-04-01/Accounts/{SID}"
WRITER, LINE = "+15550123999", "+15550100999"


@pytest.fixture
def accounts() -> dict[str, StandInTwilio]:
    """The same account in each Region, with a token of its own."""
    return {region: StandInTwilio(SID, f"token of {region}", region=region) for region in REGIONS}


@pytest.fixture
def api(accounts: dict[str, StandInTwilio]) -> Iterator[RestApi]:
    with RestApi(accounts["us1"].platform, keys={"SKus1": "secret"}) as server:
        for region in ("ie1", "au1"):
            server.serve(accounts[region].platform, {f"SK{region}": "secret"})
        yield server


def ask(api: RestApi, path: str, region: str = "us1", user: tuple[str, str] | None = None, host: str = "", **how: Any) -> http.Response:
    """One request with the credentials and to the host of a Region, unless others are given."""
    name = host or address("api", region).removeprefix("https://")
    known = user or (SID, f"token of {region}")
    return http.request(how.pop("method", "GET"), api.url + path, headers={"Host": name}, auth=known, timeout=60, **how)


def problem(answer: http.Response) -> tuple[int, int]:
    """Status and code of an error."""
    return answer.status_code, answer.json()["code"]


# --- hosts and Regions


@pytest.mark.parametrize("host", [*RETIRED, "monitor.ie1.twilio.com", "api.tokyo.jp1.twilio.com", "api.example.com"])
def test_a_host_that_is_retired_or_unknown_gives_no_answer(api: RestApi, host: str) -> None:
    with pytest.raises(http.ConnectionError, match="without response"):
        ask(api, f"{BASE}.json", host=host)


@pytest.mark.parametrize("host", ["api.twilio.com", "api.us1.twilio.com", "api.umatilla.us1.twilio.com", "api.frankfurt.us1.twilio.com"])
def test_the_united_states_have_several_names(host: str) -> None:
    assert served(host) == ("api", "us1")


@pytest.mark.parametrize("region", REGIONS)
def test_each_region_takes_its_own_credentials_and_no_others(api: RestApi, region: str) -> None:
    for other in REGIONS:
        for user in ((SID, f"token of {other}"), (f"SK{other}", "secret")):
            assert ask(api, f"{BASE}.json", region, user).status_code == (200 if other == region else 401)


@pytest.mark.parametrize("region", REGIONS)
def test_what_is_in_one_region_is_nowhere_else(api: RestApi, accounts: dict[str, StandInTwilio], region: str) -> None:
    platform = accounts[region].platform
    recording = Recording(new_sid("RE"), new_sid("CA"), "", 3, "completed", b"RIFF", 1_800_000_000)
    alert = Alert(new_sid("NO"), 11200, "error", "failed", new_sid("CA"), "POST", "https://a.example.com", {}, 500, "", 1_800_000_000)
    platform.recordings.append(recording)
    platform.alerts.append(alert)
    accounts[region].number(LINE)
    for other in REGIONS:
        there = 200 if other == region else 404
        assert ask(api, f"{BASE}/Recordings/{recording.sid}.json", other).status_code == there
        monitor = address("monitor", other).removeprefix("https://")
        assert ask(api, f"/v1/Alerts/{alert.sid}", other, host=monitor).status_code == there
        numbers = ask(api, f"{BASE}/IncomingPhoneNumbers.json", other).json()["incoming_phone_numbers"]
        assert [each["phone_number"] for each in numbers] == ([LINE] if other == region else [])


def test_a_product_answers_at_its_own_host(api: RestApi) -> None:
    assert ask(api, "/v1/Alerts").status_code == 404
    assert ask(api, f"{BASE}/Calls.json", host="monitor.twilio.com").status_code == 404
    assert ask(api, "/v1/Alerts", host="monitor.twilio.com").status_code == 200


def test_pages_of_a_list_of_alerts_are_in_their_region(api: RestApi, accounts: dict[str, StandInTwilio]) -> None:
    for at in range(3):
        alert = Alert(
            new_sid("NO"), 11200, "error", "failed", new_sid("CA"), "POST", "https://a.example.com", {}, 500, "", 1_800_000_000 + at
        )
        accounts["ie1"].platform.alerts.append(alert)
    told = ask(api, "/v1/Alerts?PageSize=2", "ie1", host="monitor.dublin.ie1.twilio.com").json()
    assert told["meta"]["next_page_url"].startswith("https://monitor.dublin.ie1.twilio.com/v1/Alerts?")


def test_webhooks_and_addresses_name_their_region(accounts: dict[str, StandInTwilio]) -> None:
    with Primary() as web:
        web.answers("<Response/>", "/text")
        number = accounts["ie1"].number(LINE, sms_url=web.url + "/text")
        number.text(WRITER, "Look", files=[(b"a photo", "image/jpeg")])
        [received] = web.received
    assert received.headers["x-home-region"] == "ie1"
    assert received.form["MediaUrl0"].startswith("https://api.dublin.ie1.twilio.com/")


# --- methods


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/Recordings.json"),
        ("DELETE", "/Messages.json"),
        ("POST", "/IncomingPhoneNumbers.json"),
        ("DELETE", f"/Calls/CA{'0' * 32}.json"),
        ("POST", ".json"),
    ],
)
def test_a_method_that_a_resource_does_not_have_is_refused(api: RestApi, method: str, path: str) -> None:
    assert problem(ask(api, BASE + path, method=method)) == (405, 20004)


def test_no_call_is_placed(api: RestApi, accounts: dict[str, StandInTwilio]) -> None:
    """A list as the answer would look like success."""
    answer = ask(api, f"{BASE}/Calls.json", method="POST", data={"To": WRITER, "From": LINE, "Url": "https://a.example.com"})
    assert answer.status_code == 501
    assert accounts["us1"].platform.calls == []


@pytest.fixture
def number(accounts: dict[str, StandInTwilio]) -> Number:
    """A number in the United States."""
    return accounts["us1"].number(LINE)


def send(api: RestApi, region: str = "us1", **form: str) -> http.Response:
    """A text that is to go out."""
    fields = {"To": WRITER, "From": LINE, "Body": "Thank you"} | {
        name.capitalize().replace("url", "Url"): value for name, value in form.items()
    }
    return ask(api, f"{BASE}/Messages.json", region, method="POST", data={name: value for name, value in fields.items() if value})


def test_a_text_that_is_sent_is_there(api: RestApi, accounts: dict[str, StandInTwilio], number: Number) -> None:
    answer = send(api)
    told = answer.json()
    assert (answer.status_code, told["status"], told["direction"], told["from"], told["to"]) == (
        201,
        "queued",
        "outbound-api",
        LINE,
        WRITER,
    )
    [sent] = accounts["us1"].platform.sent
    assert (sent.from_, sent.to, sent.body, sent.sid) == (LINE, WRITER, "Thank you", told["sid"])
    listed = ask(api, f"{BASE}/Messages.json?To=%2B15550123999").json()["messages"]
    assert [each["sid"] for each in listed] == [told["sid"]]


REFUSED: dict[str, tuple[dict[str, str], int]] = {
    "nobody to send it to": ({"to": ""}, 21604),
    "nobody who sends it": ({"from": ""}, 21603),
    "nothing in it": ({"body": ""}, 21602),
    "too long": ({"body": "x" * 1601}, 21617),
    "sender and receiver swapped": ({"to": LINE, "from": WRITER}, 21606),
    "to oneself": ({"to": LINE}, 21266),
    "to no number": ({"to": "Ann"}, 21211),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_sent_is_refused(api: RestApi, accounts: dict[str, StandInTwilio], number: Number, what: str) -> None:
    form, code = REFUSED[what]
    assert problem(send(api, **form)) == (400, code)
    assert accounts["us1"].platform.sent == []


def test_a_number_of_another_region_sends_nothing(api: RestApi, number: Number) -> None:
    assert problem(send(api, "ie1")) == (400, 21606)


def test_nobody_who_opted_out_is_written_to(api: RestApi, number: Number) -> None:
    number.text(WRITER, "STOP")
    assert problem(send(api)) == (400, 21610)
    number.text(WRITER, "START")
    assert send(api).status_code == 201


# --- lists


LISTS = ("/Calls.json", "/Recordings.json", "/Messages.json", "/IncomingPhoneNumbers.json")
BAD = ("PageSize=0", "PageSize=1001", "PageSize=many", "PageSize=", "Page=-1", "Page=first", "PageToken=PA1", "Colour=blue")


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize("query", BAD)
def test_a_list_refuses_what_it_does_not_take(api: RestApi, path: str, query: str) -> None:
    status, code = problem(ask(api, f"{BASE}{path}?{query}"))
    assert (status, code) == (400, 20007 if query.startswith("PageSize") else 20001)


@pytest.mark.parametrize(
    "query",
    ["/Calls.json?StartTime>=yesterday", "/Recordings.json?DateCreated=2026-13-01", "/Messages.json?DateSent<=", "/Calls.json?EndTime=1"],
)
def test_a_date_that_is_none_is_refused(api: RestApi, query: str) -> None:
    assert problem(ask(api, BASE + query.replace("<", "%3C").replace(">", "%3E"))) == (400, 20001)


@pytest.mark.parametrize("query", ["StartDate=soon", "PageSize=5000", "Page=x", "ResourceSid=CA1"])
def test_the_list_of_alerts_does_so_too(api: RestApi, query: str) -> None:
    assert ask(api, f"/v1/Alerts?{query}", host="monitor.twilio.com").status_code == 400


def test_recordings_that_were_deleted_are_told_when_asked_for(api: RestApi) -> None:
    assert problem(ask(api, f"{BASE}/Recordings.json?IncludeSoftDeleted=perhaps")) == (400, 20001)
    assert ask(api, f"{BASE}/Recordings.json?IncludeSoftDeleted=false&ConferenceSid=CF1").json()["recordings"] == []


def test_calls_can_be_narrowed_by_each_filter(api: RestApi, accounts: dict[str, StandInTwilio]) -> None:
    with Primary() as web:
        web.answers("<Response><Say>Hello</Say></Response>", "/voice")
        number = accounts["us1"].number(LINE, voice_url=web.url + "/voice")
        first, second = number.call("+15550123001"), number.call("+15550123002")
    second.parameters["ParentCallSid"] = first.sid
    second.status = "busy"
    for query, found in (
        ("From=%2B15550123001", [first]),
        ("To=%2B15550100999", [first, second]),
        ("To=%2B15550100000", []),
        ("Status=busy", [second]),
        (f"ParentCallSid={first.sid}", [second]),
        ("EndTime%3E=2099-01-01", []),
    ):
        told = ask(api, f"{BASE}/Calls.json?{query}").json()["calls"]
        assert {each["sid"] for each in told} == {each.sid for each in found}, query


def test_a_page_token_goes_on_behind_what_was_shown(api: RestApi, accounts: dict[str, StandInTwilio]) -> None:
    """Also when something new has come meanwhile."""
    platform = accounts["us1"].platform
    for at in range(3):
        platform.recordings.append(Recording(new_sid("RE"), new_sid("CA"), "", 3, "completed", b"RIFF", 1_800_000_000 + at))
    first = ask(api, f"{BASE}/Recordings.json?PageSize=2").json()
    platform.recordings.append(Recording(new_sid("RE"), new_sid("CA"), "", 3, "completed", b"RIFF", 1_900_000_000))
    rest = ask(api, first["next_page_uri"]).json()
    assert [each["sid"] for each in rest["recordings"]] == [platform.recordings[0].sid]
    assert rest["next_page_uri"] is None
