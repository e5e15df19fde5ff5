"""The access log of a REST API's stage: one line a request, in the stage's own format, into its log group.

ministack drops the setting and writes nothing. `$context` variables that have no value are written as `-`. Without the account's log
role, or once that role is gone from IAM, nothing is written and nobody is told.
Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-mapping-template-reference.html#context-variable-reference
"""

import json
import logging
import re
import time
from collections.abc import Callable, Mapping
from typing import Any

from ministack.core.responses import new_uuid
from ministack.services import cloudwatch_logs, iam
from ministack.services.cloudformation import provisioners

from local.emulator.admin import Json

logger = logging.getLogger("local.access_log")

_VARIABLE = re.compile(r"\$context((?:\.[A-Za-z]\w*)+)")


def write(settings: Json, variables: Mapping[str, Any]) -> None:
    """Write the line of one request; `settings` is the stage's `accessLogSettings`, `variables` lack the `$context.`."""
    if not settings.get("destinationArn") or not _role_in_force():
        return
    line = _VARIABLE.sub(lambda found: _text(variables.get(found[1][1:])), settings["format"])
    group = settings["destinationArn"].partition(":log-group:")[2].removesuffix(":*")
    if group not in cloudwatch_logs._log_groups:
        logger.warning("access log group %s is gone", group)
        return
    stream = new_uuid().replace("-", "")
    cloudwatch_logs._create_log_stream({"logGroupName": group, "logStreamName": stream})
    event = {"timestamp": int(time.time() * 1000), "message": line}
    cloudwatch_logs._put_log_events({"logGroupName": group, "logStreamName": stream, "logEvents": [event]})


def _role_in_force() -> bool:
    role = json.loads(provisioners._apigw_v1._get_account()[2]).get("cloudwatchRoleArn") or ""
    return role.rpartition("/")[2] in iam._roles


def _text(value: Any) -> str:
    return "-" if value is None or value == "" else str(value)


def _keeping_setting(provision: Callable[..., Any]) -> Callable[..., Any]:
    """CloudFormation's creation or update of a stage, which also keeps the template's AccessLogSetting."""

    def wrapped(*arguments: Any, **named: Any) -> Any:
        properties = arguments[2] if provision is _update else arguments[1]
        setting = properties.get("AccessLogSetting") or {}
        if setting and not _role_in_force():
            raise ValueError("CloudWatch Logs role ARN must be set in account settings to enable logging")
        result = provision(*arguments, **named)
        stage = provisioners._apigw_v1._stages_v1[properties["RestApiId"]][properties["StageName"]]
        stage["accessLogSettings"] = {"destinationArn": setting.get("DestinationArn"), "format": setting.get("Format")}
        return result

    return wrapped


_stage = provisioners._RESOURCE_HANDLERS["AWS::ApiGateway::Stage"]
_update = _stage["update"]


def install() -> None:
    """Let stages keep their access log setting, and have none in an account whose API Gateway has no role for it."""
    _stage["create"] = _keeping_setting(_stage["create"])
    _stage["update"] = _keeping_setting(_stage["update"])
