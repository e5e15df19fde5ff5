"""Filter patterns of CloudWatch Logs for JSON lines: `{ ($.type != "-") && ($.latency > 5000) }`.

Comparisons of one field, `&&` and `||` between them: `=`, `!=` with a text in which `*` stands for anything, or with a regular expression
between `%`; `<`, `>`, `<=`, `>=` with a number. A field that is missing meets no comparison, and a number written as text is none.
Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
"""

import json
import operator
import re
from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import Any

_TOKEN = re.compile(r'\s*(?:(\$[\w.]+)|(&&|\|\||!=|<=|>=|[=<>()])|"([^"]*)"|(%[^%()]*%)|([^\s()&|=<>!]+))')
_NUMBERS: dict[str, Callable[[float, float], bool]] = {"<": operator.lt, ">": operator.gt, "<=": operator.le, ">=": operator.ge}

type Test = Callable[[Any], bool]


class Pattern:
    """A pattern, read from left to right; `&&` binds closer than `||`. Raises `ValueError` for one that it does not understand."""

    def __init__(self, pattern: str) -> None:
        inner = pattern.strip()
        if not (inner.startswith("{") and inner.endswith("}")):
            raise ValueError(f"no pattern for JSON: {pattern}")
        self._rest = inner[1:-1].strip()
        self._test = self._any()
        if self._rest:
            raise ValueError(f"the pattern {pattern} is not understood at {self._rest!r}")

    def matches(self, line: str) -> bool:
        """Whether a line is JSON that fits."""
        try:
            return self._test(json.loads(line))
        except ValueError:
            return False

    def _any(self) -> Test:
        tests = [self._all()]
        while self._take("||"):
            tests.append(self._all())
        return lambda value: any(test(value) for test in tests)

    def _all(self) -> Test:
        tests = [self._one()]
        while self._take("&&"):
            tests.append(self._one())
        return lambda value: all(test(value) for test in tests)

    def _one(self) -> Test:
        if not self._take("("):
            return self._comparison()
        test = self._any()
        if not self._take(")"):
            raise ValueError(f"a bracket is not closed before {self._rest!r}")
        return test

    def _comparison(self) -> Test:
        field, sign, wanted = self._token(), self._token(), self._token()
        path = field.removeprefix("$.").split(".")
        if sign in _NUMBERS:
            return lambda value: _is_number(found := _at(value, path)) and _NUMBERS[sign](found, float(wanted))
        if sign not in ("=", "!=") or not field.startswith("$."):
            raise ValueError(f"no comparison: {field} {sign} {wanted}")
        return lambda value: (found := _at(value, path)) is not None and _fits(str(found), wanted) is (sign == "=")

    def _token(self) -> str:
        found = _TOKEN.match(self._rest)
        if not found:
            raise ValueError(f"the pattern is not understood at {self._rest!r}")
        self._rest = self._rest[found.end() :].strip()
        return next(part for part in found.groups() if part is not None)

    def _take(self, sign: str) -> bool:
        if not self._rest.startswith(sign):
            return False
        self._rest = self._rest[len(sign) :].strip()
        return True


def _fits(text: str, wanted: str) -> bool:
    if wanted[0] == wanted[-1] == "%":
        return re.search(wanted[1:-1], text) is not None
    return fnmatchcase(text, wanted)


def _at(value: Any, path: list[str]) -> Any:
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
