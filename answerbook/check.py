"""An environment's settings and answer book, checked together: every mistake of both in one go."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from answerbook.compile import Compiler
from answerbook.doubts import doubts
from config.file import HERE, File
from config.folders import TEMPLATES, Folders
from config.judgement import Judgement
from config.mistakes import ConfigError, Mistakes
from config.settings import Settings


@dataclass(frozen=True)
class Checked:
    """An environment that may be deployed, and what is worth a second look in it."""

    settings: Settings
    book: dict[str, Any]
    warnings: list[str]


def check(environment: str, directory: Path = HERE, templates: Path = TEMPLATES, shipped: Path = TEMPLATES) -> Checked:
    """Read `<directory>/<environment>.toml` and compile it. Raises ConfigError with every mistake of settings and templates."""
    return check_file(environment, File.read(environment, directory), Folders(templates, shipped))


def check_file(environment: str, file: File, folders: Folders) -> Checked:
    """The same of a file that was read."""
    judgement = Judgement(environment, file)
    mistakes = Mistakes()
    mistakes.add(*judgement.mistakes)
    if not judgement.complete_enough:
        mistakes.settle()
    compiler = Compiler(judgement.settings, folders)
    book: dict[str, Any] = {}
    try:
        book = compiler.compile()
    except ConfigError as error:
        mistakes.add(*(mistake for mistake in error.mistakes if not judgement.explains(mistake)))
    mistakes.settle()
    return Checked(judgement.settings, book, sorted(doubts(judgement.settings, compiler.draft)))
