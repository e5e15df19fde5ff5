"""What functions are told must fit into Lambda's environment: AWS refuses the deployment halfway where it does not.

https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
"""

from typing import Any

from config.mistakes import ConfigError

LARGEST = 4096  #: bytes of all names and values of a function
API_ID = 10  #: bytes of a REST API's id
UNKNOWN = 120  #: bytes of what is known at deployment alone: an ARN, a name
REMEDIES = {
    "PROBE_URLS": "too many trunks, SIP domains and apps to ask each of them; name the entries to be asked in [probe] urls",
    "ACCOUNTS": "too many twilio.accounts for one environment; deploy a second one for the rest, and point their numbers at it",
    "HEALTH_URLS": "too many or too long addresses in primary.health; name one for each application",
    "PRIMARY_HOSTS": "too many primary.hosts; name those whose webhooks Twilio asks",
    "ASYNCHRONOUS_PATHS": "too many paths in primary.asynchronous; let `:id` stand for a segment that varies",
}


def refuse_large_environments(template: dict[str, Any]) -> None:
    """Raises ConfigError for a function that would be told too much, with the list that is the longest."""
    resources = template["Resources"]
    for name, resource in resources.items():
        told = resource["Properties"].get("Environment") if resource["Type"] == "AWS::Lambda::Function" else None
        sizes = {variable: len(variable) + _length(value, resources) for variable, value in (told or {}).get("Variables", {}).items()}
        if (total := sum(sizes.values())) > LARGEST:
            longest = max(sizes, key=lambda variable: sizes[variable])
            remedy = REMEDIES.get(longest, f"{longest} is the longest of it")
            raise ConfigError(f"{name}: about {total} bytes of environment, of {LARGEST} that Lambda takes: {remedy}")


def _length(value: Any, resources: dict[str, Any]) -> int:
    match value:
        case str():
            return len(value.encode())
        case {"Fn::Join": [_, parts]}:
            return sum(_length(part, resources) for part in parts)
        case {"Ref": name} if resources.get(name, {}).get("Type") == "AWS::ApiGateway::RestApi":
            return API_ID
        case _:
            return UNKNOWN
