"""The local cloud does what AWS would do where the product depends on it, and leaves nothing behind."""

import itertools
import json
import os
import re
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from http.client import HTTPSConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from local.cloud import LocalCloud
from local.emulator.controls import ANSWER, LONGEST
from local.emulator.process import CannotStart
from tests.stories import scene
from tests.unit.record_worker import delivery

ROOT = Path(__file__).parents[2]
calls = (f"Call-{number}." for number in itertools.count())


class Api:
    """The scene's API, requested by the standard library's client."""

    def __init__(self, cloud: LocalCloud, outputs: dict[str, str]) -> None:
        self.cloud, self.outputs = cloud, outputs
        self.path = f"/restapis/{outputs['Api']}/v1/_user_request_"
        self.trust = ssl.create_default_context(cafile=str(cloud.ca_bundle))

    def request(self, verb: str, path: str, body: str | bytes = b"", host: str | None = None) -> tuple[int, dict[str, str], str]:
        """Status, headers, body; `host` is what name the request bears, always connected to 127.0.0.1."""
        connection = HTTPSConnection("localhost", self.cloud.port, timeout=ANSWER, context=self.trust)
        headers = {"Content-Type": scene.FORM} | ({"Host": host} if host else {})
        connection.request(verb, path, body, headers)
        answer = connection.getresponse()
        said = answer.status, {key.lower(): value for key, value in answer.getheaders()}, answer.read().decode()
        connection.close()
        return said

    def post(self, **form: str) -> tuple[int, dict[str, str], str]:
        return self.request("POST", f"{self.path}/voice", urlencode(form))

    def asked(self, **form: str) -> Any:
        """What the function saw."""
        return json.loads(self.post(**form)[2])

    def kept(self, call: str) -> list[dict[str, Any]]:
        """The journal lines of a call that came through, in order of arrival."""
        key = {":call": {"S": call}}
        query = self.cloud.client("dynamodb").query(
            TableName=self.outputs["Table"],
            KeyConditionExpression="#c = :call",
            ExpressionAttributeNames={"#c": "call"},
            ExpressionAttributeValues=key,
        )
        return list(query["Items"])


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    os.environ["SECRET_OF_THE_SHELL"] = "x"
    with LocalCloud(tmp_path_factory.mktemp("cloud"), port=0, retry_seconds=0.1) as cloud:
        yield cloud
    del os.environ["SECRET_OF_THE_SHELL"]


@pytest.fixture(scope="module")
def deployed(cloud: LocalCloud) -> Api:
    """In the place of the real stack, which these tests do not need."""
    return Api(cloud, scene.deploy(cloud))


@pytest.fixture
def api(deployed: Api) -> Iterator[Api]:
    yield deployed
    deployed.cloud.controls.deliveries()
    deployed.cloud.controls.outage()


def eventually(holds: Callable[[], Any]) -> Any:
    ends = time.monotonic() + LONGEST
    while not (result := holds()) and time.monotonic() < ends:
        time.sleep(0.05)
    return result


def using(word: str) -> list[int]:
    """The processes that have a word in their command line or environment."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            text = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
        except OSError:
            continue
        if word.encode() in text and int(process.name) != os.getpid():
            found.append(int(process.name))
    return found


def listening(pid: int) -> set[str]:
    """The addresses, as the kernel writes them, on which a process accepts connections."""
    inodes = {match[1] for link in Path(f"/proc/{pid}/fd").iterdir() if (match := re.match(r"socket:\[(\d+)\]", str(link.readlink())))}
    rows = [line.split() for name in ("tcp", "tcp6") for line in Path(f"/proc/{pid}/net/{name}").read_text().splitlines()[1:]]
    return {row[1] for row in rows if row[3] == "0A" and row[9] in inodes}


# What a caller gets when the function fails


@pytest.mark.parametrize("do", ["raise", "exit", "hang", "text", "nothing", "unknown field", "object", "too large", "import"])
def test_a_function_that_fails_gives_the_gateway_response(api: Api, do: str) -> None:
    status, headers, body = api.post(do=do)
    assert (status, headers["content-type"], body) == (200, "text/xml", "<Response><!-- DEFAULT_5XX --></Response>")


def test_an_integration_that_is_late_gives_its_own_gateway_response(api: Api) -> None:
    assert api.request("PUT", f"{api.path}/voice", urlencode({"do": "hang"}))[::2] == (
        200,
        "<Response><!-- INTEGRATION_TIMEOUT --></Response>",
    )


def test_a_throttled_alias_gives_the_gateway_response(api: Api) -> None:
    functions = api.cloud.client("lambda")
    functions.put_function_concurrency(FunctionName=api.outputs["Answer"], ReservedConcurrentExecutions=0)
    answer = api.post()
    functions.delete_function_concurrency(FunctionName=api.outputs["Answer"])
    assert answer[::2] == (200, "<Response><!-- INTEGRATION_FAILURE --></Response>")
    assert api.asked()["event"]["httpMethod"] == "POST"


def test_a_function_whose_policy_does_not_name_the_api_is_not_called(api: Api) -> None:
    functions = api.cloud.client("lambda")
    alias = {"FunctionName": api.outputs["Answer"], "Qualifier": "live"}
    statement = json.loads(functions.get_policy(**alias)["Policy"])["Statement"][0]
    functions.remove_permission(**alias, StatementId=statement["Sid"])
    answer = api.post()
    source = statement["Condition"]["ArnLike"]["AWS:SourceArn"]
    functions.add_permission(
        **alias, StatementId="again", Action="lambda:InvokeFunction", Principal="apigateway.amazonaws.com", SourceArn=source
    )
    assert answer[::2] == (200, "<Response><!-- API_CONFIGURATION_ERROR --></Response>")
    assert api.post()[0] == 200


@pytest.mark.parametrize("verb", ["GET", "POST", "DELETE"])
def test_an_unknown_path_takes_status_and_text_of_the_4xx_response(api: Api, verb: str) -> None:
    assert api.request(verb, f"{api.path}/nowhere")[::2] == (200, "<Response><!-- MISSING_AUTHENTICATION_TOKEN --></Response>")


def test_more_than_ten_megabytes_are_refused(api: Api) -> None:
    assert api.request("POST", f"{api.path}/voice", b"a" * (10 * 1024 * 1024 + 1))[2] == "<Response><!-- REQUEST_TOO_LARGE --></Response>"


@pytest.mark.parametrize("verb", ["GET", "POST"])
def test_a_static_document_needs_no_function(api: Api, verb: str) -> None:
    status, headers, body = api.request(verb, f"{api.path}/static", "a=b" if verb == "POST" else b"")
    assert (status, headers["content-type"], body) == (200, "text/xml", "<Response/>")


# What the function sees


def test_the_url_that_was_posted_to_can_be_put_together_again(api: Api) -> None:
    by_path = api.asked()["event"]["requestContext"]
    assert by_path["domainName"] + by_path["path"] == f"localhost:{api.cloud.port}{api.path}/voice"
    host = f"{api.outputs['Api']}.execute-api.{api.cloud.region}.amazonaws.com"
    by_host = json.loads(api.request("POST", "/v1/voice", host=host)[2])["event"]["requestContext"]
    assert by_host["domainName"] + by_host["path"] == f"{host}/v1/voice"
    assert (by_host["stage"], by_host["identity"]["sourceIp"]) == ("v1", "127.0.0.1")


def test_the_order_of_query_parameters_is_lost_but_no_value(api: Api) -> None:
    path = f"{api.path}/voice?a=1&b=2&c=3&d=4&e=5&f=6&a=7"
    seen = [json.loads(api.request("GET", path)[2])["event"]["multiValueQueryStringParameters"] for _ in range(8)]
    assert all(each == {"a": ["1", "7"], "b": ["2"], "c": ["3"], "d": ["4"], "e": ["5"], "f": ["6"]} for each in seen)
    assert len({tuple(each) for each in seen}) > 1


def test_one_request_id_is_in_the_event_the_answer_and_the_access_log(api: Api) -> None:
    _, headers, body = api.post()
    request_id = json.loads(body)["event"]["requestContext"]["requestId"]
    lines = api.cloud.client("logs").filter_log_events(logGroupName=api.outputs["Access"], filterPattern=f'"{request_id}"')["events"]
    assert headers["x-amzn-requestid"] == request_id
    assert [json.loads(line["message"]) for line in lines] == [{"id": request_id, "type": "-", "status": "200", "path": "/voice"}]


def test_the_access_log_names_the_error(api: Api) -> None:
    request_id = api.post(do="raise")[1]["x-amzn-requestid"]
    lines = api.cloud.client("logs").filter_log_events(logGroupName=api.outputs["Access"], filterPattern=f'"{request_id}"')["events"]
    assert json.loads(lines[0]["message"])["type"] == "DEFAULT_5XX"


def test_a_function_has_nothing_of_the_shell_that_started_the_cloud(api: Api) -> None:
    environ = api.asked()["environ"]
    assert "SECRET_OF_THE_SHELL" not in environ
    assert environ["AWS_ENDPOINT_URL"] == api.cloud.endpoint


def test_a_recycled_function_starts_anew(api: Api) -> None:
    first, second = api.asked()["started"], api.asked()["started"]
    api.cloud.controls.recycle(api.outputs["Answer"])
    assert first == second != api.asked()["started"]


# Log deliveries


def test_a_journal_line_is_delivered_once(api: Api) -> None:
    call = next(calls)
    api.post(call=call)
    api.cloud.controls.settled()
    assert [item["lines"]["N"] for item in api.kept(call)] == ["1"]


def test_a_line_can_come_twice_in_one_delivery_and_in_two(api: Api) -> None:
    call = next(calls)
    api.cloud.controls.deliveries(repeat_lines=2, repeat_deliveries=2)
    api.post(call=call)
    api.cloud.controls.settled()
    items = api.kept(call)
    assert [item["lines"]["N"] for item in items] == ["2"] * 4
    assert len({item["line"]["S"] for item in items}) == 1


def test_lines_can_come_late_and_backwards(api: Api) -> None:
    first, second = next(calls), next(calls)
    api.cloud.controls.deliveries(hold=True)
    api.post(call=first)
    api.post(call=second)
    assert api.cloud.controls.settled()["held"] == 2
    assert not api.kept(first)
    api.cloud.controls.deliveries(reverse=True, together=True)
    api.cloud.controls.settled()
    assert api.kept(first)[0]["at"]["S"] > api.kept(second)[0]["at"]["S"]
    assert api.kept(first)[0]["lines"]["N"] == "2"


def test_lines_can_be_lost(api: Api) -> None:
    call = next(calls)
    before = api.cloud.controls.deliveries(lose=True)["lost"]
    api.post(call=call)
    assert api.cloud.controls.settled()["lost"] == before + 1
    assert not api.kept(call)


def test_a_broken_subscriber_gets_its_lines_from_the_failure_queue_once_it_is_mended(api: Api) -> None:
    call, functions = next(calls), api.cloud.client("lambda")
    variables = {"TABLE": api.outputs["Table"], "BROKEN": "yes"}
    functions.update_function_configuration(FunctionName=api.outputs["Keeper"], Environment={"Variables": variables})
    api.post(call=call)
    api.cloud.controls.settled()
    assert not api.kept(call)
    functions.update_function_configuration(FunctionName=api.outputs["Keeper"], Environment={"Variables": {**variables, "BROKEN": "no"}})
    assert eventually(lambda: api.kept(call))[0]["after_failure"]["BOOL"]


@pytest.mark.parametrize("own", [False, True])
def test_what_is_invoked_asynchronously_waits_while_it_is_throttled(api: Api, own: bool) -> None:
    """By a log subscription, and by a call of one's own."""
    call, functions = next(calls), api.cloud.client("lambda")
    functions.put_function_concurrency(FunctionName=api.outputs["Keeper"], ReservedConcurrentExecutions=0)
    if own:
        functions.invoke(
            FunctionName=api.outputs["Keeper"], InvocationType="Event", Payload=json.dumps(delivery(json.dumps({"call": call})))
        )
    else:
        api.post(call=call)
    with pytest.raises(TimeoutError, match="no invocation under way"):
        api.cloud.controls.settled(quiet=1)
    functions.delete_function_concurrency(FunctionName=api.outputs["Keeper"])
    api.cloud.controls.settled()
    assert not api.kept(call)[0]["after_failure"]["BOOL"]


def test_a_subscriber_whose_policy_does_not_name_the_log_group_gets_nothing(api: Api) -> None:
    call, functions = next(calls), api.cloud.client("lambda")
    keeper = {"FunctionName": api.outputs["Keeper"]}
    (statement,) = json.loads(functions.get_policy(**keeper)["Policy"])["Statement"]
    functions.remove_permission(**keeper, StatementId=statement["Sid"])
    allowed = {"Action": statement["Action"], "Principal": statement["Principal"]["Service"]}
    functions.add_permission(**keeper, StatementId="other", SourceArn="arn:aws:logs:us-east-1:000000000000:log-group:other:*", **allowed)
    before = api.cloud.controls.settled()["lost"]
    api.post(call=call)
    functions.add_permission(**keeper, StatementId="again", SourceArn=statement["Condition"]["ArnLike"]["AWS:SourceArn"], **allowed)
    assert api.cloud.controls.settled()["lost"] == before + 1


def test_a_search_of_the_log_wants_words_as_they_are_written(api: Api) -> None:
    call, logs = next(calls), api.cloud.client("logs")
    api.post(call=call)
    found = {
        pattern: len(logs.filter_log_events(logGroupName=api.outputs["Journal"], filterPattern=pattern)["events"])
        for pattern in (f'"{call}"', f'"{call.lower()}"')
    }
    assert found == {f'"{call}"': 1, f'"{call.lower()}"': 0}


def test_a_service_can_be_out_and_come_back(api: Api) -> None:
    dynamodb = api.cloud.client("dynamodb")
    api.cloud.controls.outage(dynamodb="error")
    with pytest.raises(dynamodb.exceptions.ClientError, match="ServiceUnavailable"):
        dynamodb.list_tables()
    api.cloud.controls.outage()
    assert dynamodb.list_tables()["TableNames"] == [api.outputs["Table"]]


def test_rights_are_enforced(api: Api) -> None:
    """The keeper may put items and no more: what it may not do is refused."""
    functions = api.cloud.client("lambda")
    role = functions.get_function_configuration(FunctionName=api.outputs["Keeper"])["Role"].rpartition("/")[2]
    iam = api.cloud.client("iam")
    policy = iam.get_role_policy(RoleName=role, PolicyName="own")["PolicyDocument"]
    iam.put_role_policy(RoleName=role, PolicyName="own", PolicyDocument=json.dumps(policy).replace("dynamodb:PutItem", "dynamodb:GetItem"))
    record = {"messageId": "1", "body": json.dumps({"requestPayload": delivery(json.dumps({"call": "forbidden"}))})}
    answer = functions.invoke(FunctionName=api.outputs["Keeper"], Payload=json.dumps({"Records": [record]}))
    iam.put_role_policy(RoleName=role, PolicyName="own", PolicyDocument=json.dumps(policy))
    assert "AccessDeniedException" in answer["Payload"].read().decode()


def test_a_template_refers_to_a_secret_by_its_arn(api: Api) -> None:
    assert api.outputs["Secret"].startswith(f"arn:aws:secretsmanager:{api.cloud.region}:000000000000:secret:")


# The cloud as a guest on this machine


def test_it_listens_on_one_port_of_the_loopback_and_nowhere_else(cloud: LocalCloud) -> None:
    cloud.client("sts").get_caller_identity()
    (emulator,) = [pid for pid in using(str(cloud.directory)) if b"local.emulator" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    assert listening(emulator) == {f"0100007F:{cloud.port:04X}"}


def test_a_taken_port_is_told_in_one_sentence_with_the_remedy(cloud: LocalCloud, tmp_path: Path) -> None:
    cloud.client("sts").get_caller_identity()
    with pytest.raises(CannotStart) as refused:
        LocalCloud(tmp_path, port=cloud.port).start()
    assert "\n" not in str(refused.value)
    assert f"port {cloud.port} of 127.0.0.1" in str(refused.value)
    assert "--port" in str(refused.value)


@pytest.mark.parametrize("same_port", [True, False])
def test_a_second_start_in_the_same_directory_is_refused_and_leaves_every_file_untouched(cloud: LocalCloud, same_port: bool) -> None:
    cloud.client("sts").get_caller_identity()
    before = files(cloud.directory)
    with pytest.raises(CannotStart, match=rf"Ctrl-C.*`kill {os.getpid()}`"):
        LocalCloud(cloud.directory, port=cloud.port if same_port else 0).start()
    assert files(cloud.directory) == before


def files(directory: Path) -> dict[str, bytes]:
    """What lies in a cloud's directory; logs go on by themselves."""
    lasting = [path for path in directory.rglob("*") if path.is_file() and path.suffix != ".log" and "tmp" not in path.parts[-3:]]
    return {str(path): path.read_bytes() for path in lasting} | {str(path): b"" for path in directory.glob("tmp/*")}


def test_two_clouds_live_side_by_side(cloud: LocalCloud, tmp_path: Path) -> None:
    with LocalCloud(tmp_path / "other", port=0) as other:
        other.client("sqs").create_queue(QueueName="theirs")
        assert "theirs" in other.client("sqs").get_queue_url(QueueName="theirs")["QueueUrl"]
        assert not [url for url in cloud.client("sqs").list_queues().get("QueueUrls", []) if url.endswith("theirs")]
    assert not using(str(tmp_path / "other"))


ORPHAN = """
import sys
from pathlib import Path
from local.cloud import LocalCloud
from tests.stories import scene
with LocalCloud(Path(sys.argv[1]), port=0) as cloud:
    outputs = scene.deploy(cloud)
    functions = cloud.client("lambda")
    functions.update_function_configuration(FunctionName=outputs["Answer"], Timeout=60)
    functions.invoke(FunctionName=outputs["Answer"], InvocationType="Event", Payload=b'{"body": "do=hang"}')
    print("up", flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_nothing_is_left_running_however_the_owner_ends(tmp_path: Path, end: signal.Signals) -> None:
    """Not even a function that hangs."""
    command = [sys.executable, "-c", ORPHAN, str(tmp_path)]
    owner = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    with owner:
        assert owner.stdout
        assert owner.stdout.readline() == b"up\n"
        assert eventually(lambda: [pid for pid in using(str(tmp_path)) if b"_worker.py" in Path(f"/proc/{pid}/cmdline").read_bytes()])
        owner.send_signal(end)
    assert eventually(lambda: not using(str(tmp_path)))
    with LocalCloud(tmp_path, port=0) as next_one:  # nor is the directory locked
        next_one.client("sts").get_caller_identity()


def test_everything_it_writes_lies_in_its_directory_and_the_key_is_the_owners(cloud: LocalCloud) -> None:
    cloud.client("sts").get_caller_identity()
    assert {"ca.pem", "server.pem", "server.key", "emulator.log", "tmp"} <= {path.name for path in cloud.directory.iterdir()}
    assert (cloud.directory / "server.key").stat().st_mode & 0o077 == 0
