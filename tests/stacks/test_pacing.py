"""How much of API Gateway is made at once: its control plane throttles, and CloudFormation begins whatever waits for nothing."""

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any

import pytest

#: At most so many at once. https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html
MOST = {"RestApi": 1, "Deployment": 1, "GatewayResponse": 4, "Resource": 4, "Method": 4}
ALL = 8  #: of ten requests a second, with a burst of forty

Needs = dict[str, set[str]]


def referred(value: Any) -> Iterator[str]:
    """The logical ids that a value names."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            match key, inner:
                case "Ref", str():
                    yield inner
                case "Fn::GetAtt", [str() as name, *_]:
                    yield name
                case _:
                    yield from referred(inner)
    elif isinstance(value, list):
        yield from chain.from_iterable(map(referred, value))


def needs(template: dict[str, Any]) -> Needs:
    """What each resource waits for, by whatever way."""
    resources = template["Resources"]
    direct = {
        name: {*each.get("DependsOn", []), *referred(each.get("Properties", {}))} & resources.keys() for name, each in resources.items()
    }
    whole: Needs = {}

    def follow(name: str, path: tuple[str, ...] = ()) -> set[str]:
        assert name not in path, f"a circle: {path}"
        if name not in whole:
            whole[name] = direct[name].union(*(follow(other, (*path, name)) for other in direct[name]))
        return whole[name]

    for name in direct:
        follow(name)
    return whole


def most_at_once(whole: Needs, names: list[str]) -> int:
    """The most of these that may wait for nothing of one another: as many as there must be chains to hold them all (Dilworth)."""
    taken: dict[str, str] = {}

    def extend(name: str, seen: set[str]) -> bool:
        for later in names:
            if name in whole[later] and later not in seen:
                seen.add(later)
                if later not in taken or extend(taken[later], seen):
                    taken[later] = name
                    return True
        return False

    return len(names) - sum(extend(name, set()) for name in names)


@pytest.mark.parametrize("which", ["production", "playing"])
def test_no_more_is_made_at_once_than_api_gateway_takes(request: pytest.FixtureRequest, which: str) -> None:
    template = request.getfixturevalue(which)
    whole = needs(template)
    kinds = {name: each["Type"].rpartition("::")[2] for name, each in template["Resources"].items() if "::ApiGateway::" in each["Type"]}
    found = {kind: most_at_once(whole, [name for name, own in kinds.items() if own == kind]) for kind in MOST}
    assert {kind: number for kind, number in found.items() if number > MOST[kind]} == {}
    assert most_at_once(whole, list(kinds)) <= ALL
