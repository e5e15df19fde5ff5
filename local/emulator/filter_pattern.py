"""Filter patterns of CloudWatch Logs.

Terms are separated by blanks and must all occur; `"a phrase"` occurs as written, `-term` must not occur, of `?a ?b` one must,
`%regex%` must be found; everything is case sensitive. Patterns for JSON (`{ $.a = 1 }`) are `json_pattern`'s; those for columns (`[a, b]`)
are not known here.
Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
"""

import re
from collections.abc import Callable
from typing import Any, NamedTuple

from ministack.services import cloudwatch_logs as logs

from local.emulator.json_pattern import Pattern

_TERM = re.compile(r'([?-]?)(?:"((?:\\.|[^"\\])*)"|%((?:\\.|[^%\\])+)%|(\S+))')

type Matcher = Callable[[str], bool]


class Term(NamedTuple):
    """One term: its sign (`""`, `"-"` or `"?"`) and whether it occurs in a line."""

    sign: str
    occurs: Matcher


class UnknownPattern(ValueError):
    """The pattern is of a kind that the local cloud cannot match."""


def matcher(pattern: str) -> Matcher:
    """Whether a line matches `pattern`; raises `UnknownPattern` for column patterns and for what is not understood."""
    if pattern.strip().startswith("["):
        raise UnknownPattern(f"the local cloud matches words, phrases and JSON only, not {pattern!r}")
    if pattern.strip().startswith("{"):
        try:
            return Pattern(pattern).matches
        except ValueError as error:
            raise UnknownPattern(str(error)) from error
    terms = [_term(match) for match in _TERM.finditer(pattern)]
    required = [term.occurs for term in terms if term.sign == ""]
    excluded = [term.occurs for term in terms if term.sign == "-"]
    optional = [term.occurs for term in terms if term.sign == "?"] if not required else []

    def matches(line: str) -> bool:
        if not all(occurs(line) for occurs in required) or any(occurs(line) for occurs in excluded):
            return False
        return not optional or any(occurs(line) for occurs in optional)

    return matches


def _term(match: re.Match[str]) -> Term:
    sign, phrase, regex, word = match.groups()
    if regex is not None:
        return Term(sign, lambda line: re.search(regex, line) is not None)
    wanted = word if phrase is None else re.sub(r"\\(.)", r"\1", phrase)
    return Term(sign, lambda line: wanted in line)


def install() -> None:
    """Mend `FilterLogEvents`, which ignores case and cuts phrases at blanks; structured patterns stay as they were."""
    original = logs._compile_filter_pattern

    def compile_pattern(raw: str | None) -> Any:
        try:
            return matcher(raw or "")
        except UnknownPattern:
            return original(raw)

    logs._compile_filter_pattern = compile_pattern
