"""An environment's settings and answer book, checked together: every mistake of both in one go."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from answerbook.compile import TEMPLATES, compile_book
from config.file import HERE, File
from config.judgement import Judgement
from config.mistakes import ConfigError, Mistakes
from config.settings import Settings
from config.warnings import warnings_of


@dataclass(frozen=True)
class Checked:
    """An environment that may be deployed, and what is worth a second look in it."""

    settings: Settings
    book: dict[str, Any]
    warnings: list[str]


def check(environment: str, directory: Path = HERE, templates: Path = TEMPLATES) -> Checked:
    """Read `<directory>/<environment>.toml` and compile it. Raises ConfigError with every mistake of settings and templates."""
    judgement = Judgement(environment, File.read(environment, directory))
    mistakes = Mistakes()
    mistakes.add(*judgement.mistakes)
    book: dict[str, Any] = {}
    if judgement.complete_enough:
        try:
            book = compile_book(judgement.settings, templates)
        except ConfigError as error:
            mistakes.add(*(mistake for mistake in error.mistakes if not judgement.explains(mistake)))
    mistakes.settle()
    return Checked(judgement.settings, book, list(warnings_of(judgement.settings, book)))
