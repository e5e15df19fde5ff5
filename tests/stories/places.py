"""Environments that stories deploy beside `local`, and the world around them: primaries, standbys, telephones."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from local.cloud import LocalCloud
from local.outputs import Outputs
from local.twilio import Resolver, StandInTwilio, Undocumented
from local.twilio.audio import speech

CALLER = "+12025550177"
OURS = "+12025550100"  #: the number that calls of ours show


@dataclass(frozen=True)
class Place:
    """A deployed environment; `media` is the host of its audio."""

    cloud: LocalCloud
    outputs: Outputs
    media: str

    def twilio(self, hosts: Mapping[str, int] | None = None, undocumented: Undocumented | None = None) -> StandInTwilio:
        """A stand-in Twilio for which these host names lead to ports of this machine, everything of AWS's to the local cloud."""
        named = {host: ("127.0.0.1", port) for host, port in (hosts or {}).items()}
        known = named | {f".execute-api.{self.outputs.region}.amazonaws.com": ("127.0.0.1", self.cloud.port)}
        return StandInTwilio(
            self.outputs.account_sid,
            self.outputs.auth_token,
            resolver=Resolver(known),
            ca_bundle=self.cloud.ca_bundle,
            undocumented=undocumented,
            verified_caller_ids=(OURS,),
        )

    def entry(self, path: str) -> str:
        """The address of an entry of the voice API, as in `/sip/office`."""
        return self.outputs.entry(path)


def deploy(cloud: LocalCloud, environment: str, config: Path, directory: Path) -> Place:
    """Deploy an environment with two recorded messages beside the shipped templates."""
    templates = directory / "templates"
    (templates / "audio").mkdir(parents=True)
    for name, words in (("note", "We have moved."), ("greeting", "Please leave a message.")):
        (templates / "audio" / f"{name}.wav").write_bytes(speech(words))
    context = {"environment": environment, "config": str(config), "templates": str(templates), "unchecked": "yes"}
    outputs = cloud.deploy(context)
    apis = cloud.client("apigateway").get_rest_apis(limit=500)["items"]
    media = [api["id"] for api in apis if api["name"] == f"fallback-{environment}-mediafiles"]
    return Place(cloud, outputs, f"{media[0]}.execute-api.{outputs.region}.amazonaws.com" if media else "")
