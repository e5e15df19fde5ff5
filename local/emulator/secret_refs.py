"""`Ref` of a secret in a template is its ARN; ministack gives its name, and a policy made with that allows nothing.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-secretsmanager-secret.html (return values)
"""

from typing import Any

from ministack.services import secretsmanager
from ministack.services.cloudformation import provisioners

from local.emulator.admin import Json

_handlers = dict(provisioners._RESOURCE_HANDLERS["AWS::SecretsManager::Secret"])


def _name(arn: str) -> str:
    return next((name for name, secret in secretsmanager._secrets.items() if secret["ARN"] == arn), arn)


def _create(logical_id: str, properties: Json, stack: str) -> tuple[str, Json]:
    _, attributes = _handlers["create"](logical_id, properties, stack)
    return attributes["Arn"], attributes


def _update(arn: str, *rest: Any) -> tuple[str, Json]:
    _, attributes = _handlers["update"](_name(arn), *rest)
    return attributes["Arn"], attributes


def _delete(arn: str, properties: Json) -> None:
    _handlers["delete"](_name(arn), properties)


def install() -> None:
    """Let the physical id of a secret be its ARN."""
    changed = {"create": _create, "update": _update, "delete": _delete}
    provisioners._RESOURCE_HANDLERS["AWS::SecretsManager::Secret"] = _handlers | changed
