"""The audio that callers hear: an API of its own, because binary answers would break the others' (`*/*` turns their forms into base64),
and a function of its own, so that the answer's zip stays small."""

from collections.abc import Mapping
from pathlib import Path

from aws_cdk import Duration
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from config.folders import TEMPLATES, Folders
from config.settings import Settings
from stacks.api import Api, Static
from stacks.functions import KEPT, ROOT, Files, function, log_group, zipped


class Media(Construct):
    """`GET /{file}` for <Play>; where it fails, Twilio learns it by 503 and asks for the words instead."""

    def __init__(self, scope: Construct, name: str, settings: Settings, audio: Mapping[str, str], templates: Path = TEMPLATES) -> None:
        super().__init__(scope, name)
        self.api = Api(scope, f"{name}Files", settings, Static(None), "Audio for <Play>", binary=True)
        self.function = function(
            self,
            "Function",
            "lambdas.media.handler.handler",
            zipped("media", media_files(audio, templates)),
            log_group(self, "Log", settings.retention.logs),
            {},
            timeout=Duration.seconds(5),
            current_version_options=lambda_.VersionOptions(removal_policy=KEPT),
            description="Serves the audio that callers hear",
        )
        self.alias = lambda_.Alias(self, "Live", alias_name="live", version=self.function.current_version)
        self.api.serve("{file}", self.alias, ("GET",))


def media_files(audio: Mapping[str, str], templates: Path) -> Files:
    """What the function consists of: its handler and the audio, by digest."""
    folders = Folders(templates)
    own = {path: (ROOT / path).read_bytes() for path in ("lambdas/media/__init__.py", "lambdas/media/handler.py")}
    files = {f"lambdas/media/audio/{name}": (folders.find(path) or templates / path).read_bytes() for name, path in audio.items()}
    return {"lambdas/__init__.py": b""} | own | files
