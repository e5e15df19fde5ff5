"""What CloudFormation is refused: to make resources, where a test wants a deployment to fail, and to delete a table that is protected.

    POST /_ministack/refused   {"AWS::ApiGateway::Stage": 1}   the next so many resources of a type cannot be made, as if throttled

ministack deletes a protected table. Source:
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/WorkingWithTables.Basics.html#WorkingWithTables.Basics.DeletionProtection
"""

from typing import Any

from ministack.services.cloudformation import provisioners, stacks

from local.emulator import admin
from local.emulator.admin import Json

TABLE = "AWS::DynamoDB::GlobalTable"

_refused: dict[str, int] = {}


def change(wanted: Json | None) -> Json:
    """Replace what is refused. Raises `ValueError` for a type that this cloud does not know."""
    if wanted is not None:
        if unknown := wanted.keys() - provisioners._RESOURCE_HANDLERS.keys():
            raise ValueError(f"{min(unknown)!r} is no resource type")
        _refused.clear()
        _refused.update(wanted)
    return dict(_refused)


def _provision(kind: str, *rest: Any) -> Any:
    if _refused.get(kind, 0) > 0:
        _refused[kind] -= 1
        raise ValueError("Too Many Requests (Service: ApiGateway, Status Code: 429)")
    return _provision_resource(kind, *rest)


def _delete_table(table: str, properties: Json) -> Any:
    if any(replica.get("DeletionProtectionEnabled") for replica in properties.get("Replicas", [])):
        raise ValueError("Resource cannot be deleted as it is currently protected against deletion. Disable deletion protection first.")
    return _delete(table, properties)


_provision_resource: Any = stacks._provision_resource
_delete: Any = provisioners._RESOURCE_HANDLERS[TABLE]["delete"]


def install() -> None:
    """Stand between CloudFormation and what it makes."""
    stacks._provision_resource = _provision
    provisioners._RESOURCE_HANDLERS[TABLE]["delete"] = _delete_table
    admin.pages["/_ministack/refused"] = change
