"""A function's own policy decides which service may invoke it, and for what: ministack leaves this open.

And whoever may send a message may send ten: SQS has no permissions for batches, ministack asks for one. A policy names a log group with
`:*` behind it, for all but tags; ministack asks for it without, and for all where groups are listed. Parameters of a path and alarms that
are named are resources; ministack asks for all. Reading one event source mapping is an action of its own, which ministack takes for
listing them.
Sources: https://docs.aws.amazon.com/lambda/latest/dg/access-control-resource-based.html
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-api-permissions-reference.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/iam-access-control-overview-cwl.html
https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssystemsmanager.html
https://docs.aws.amazon.com/service-authorization/latest/reference/list_awslambda.html
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatch.html
"""

import json
import re
from typing import Any

from ministack.core import iam_actions
from ministack.core.iam_evaluator import EvalContext, evaluate_resource_policy
from ministack.core.responses import get_account_id, get_region
from ministack.services import lambda_svc

#: In whatever protocol they come: a form, JSON, or CBOR, where a text stands behind a sign or two that tell its length.
ALARM_NAMES = re.compile(r"fallback-[a-z0-9-]+")


def allowed(function_arn: str, service: str, source_arn: str) -> bool:
    """Whether `service` (`logs.amazonaws.com`) may invoke the function, version or alias on behalf of `source_arn`.

    Call it in the account and region of the function.
    """
    found = lambda_svc.function_policy_for_arn(function_arn)
    if found is None:
        return False
    context = EvalContext(
        principal_arn=service,
        principal_type="Service",
        principal_account=get_account_id(),
        action="lambda:InvokeFunction",
        resource_arn=function_arn,
        region=get_region(),
        service_context={"aws:sourcearn": source_arn, "aws:sourceaccount": get_account_id()},
    )
    return bool(evaluate_resource_policy(found[0], context, service=service).decision == "Allow")


def _action(service: str, *request: Any) -> str | None:
    action: str | None = _extract_iam_action(service, *request)
    if action == "lambda:ListEventSourceMappings" and request[1].rstrip("/").rpartition("/")[2] != "event-source-mappings":
        return "lambda:GetEventSourceMapping"
    return action.removesuffix("Batch") if action and service == "sqs" else action


def _resource(service: str, method: str, path: str, headers: Any, body: bytes, *request: Any) -> str:
    found: str = _extract_resource_arn(service, method, path, headers, body, *request)
    if service == "ssm" and found == "*" and (under := json.loads(body or "{}").get("Path")):
        return f"arn:aws:ssm:{get_region()}:{get_account_id()}:parameter{under}"
    if service == "monitoring" and found == "*" and (alarms := ALARM_NAMES.findall(body.decode(errors="replace"))):
        return f"arn:aws:cloudwatch:{get_region()}:{get_account_id()}:alarm:{alarms[0]}"
    if service == "logs" and found == "*":
        found = f"arn:aws:logs:{get_region()}:{get_account_id()}:log-group:{json.loads(body or '{}').get('logGroupNamePrefix', '')}"
    return f"{found}:*" if ":log-group:" in found and "TagResource" not in str(headers) and not found.endswith(":*") else found


_extract_iam_action: Any = iam_actions.extract_iam_action
_extract_resource_arn: Any = iam_actions.extract_resource_arn


def install() -> None:
    """Ask for what AWS asks for."""
    iam_actions.extract_iam_action = _action
    iam_actions.extract_resource_arn = _resource
