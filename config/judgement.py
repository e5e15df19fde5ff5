"""All mistakes of an environment's file at once, without those that only follow from another.

A wrong value is left out, a misspelt key is read as the one that it resembles, and what is left is judged again: so the checks that look
at several tables, and the compiler after them, find their mistakes too. What they say of a value or line that was found wrong before is
not told.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from typing import Any, get_args

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from config.contradictions import contradictions
from config.file import File
from config.lines import Path
from config.mistakes import MISSING, Told, near, nearest, shortened
from config.tables import ENTRIES, Frozen, Settings

_TARGETS = ("answer",)
_ROUNDS = 8  #: a value may hide further mistakes, in it and beside it; so often it is looked for them
#: What pydantic puts into a location that stands in no file.
_NOT_WRITTEN = ("conditions", "values", "[key]")
#: What pydantic says of a value of the wrong kind, in the words of a TOML file.
_KINDS = {
    "tuple_type": "must be a list in brackets",
    "dict_type": "must be a table with keys of its own",
    "model_type": "must be a table with keys of its own",
    "string_type": "must be text in quotes",
    "bool_type": "must be true or false, without quotes",
    "int_type": "must be a whole number, without quotes",
    "int_parsing": "must be a whole number, without quotes",
    "int_from_float": "must be a whole number",
    "string_pattern_mismatch": "must be the code of a language, as in en-US",
    "bool_parsing": "must be true or false, without quotes",
    "too_short": "must not be empty",
    "string_too_short": "must not be empty",
}


#: What pydantic says at length.
_SHORTER = {"String should": "must", "greater than or equal to": "at least", "less than or equal to": "at most"}


class Judgement:
    """`mistakes` of a file, and its `settings` without them where enough is left (else asking for them raises the last error)."""

    def __init__(self, environment: str, file: File) -> None:
        self.file = file
        self.environment = environment
        self.mistakes: list[str] = []
        self._wrong: set[str] = set()
        self._lines: set[int] = set()
        self._keys: set[str] = set()
        self._error: ValidationError | None = None
        self._settings: Settings | None = None
        self._judge()

    @property
    def settings(self) -> Settings:
        """The settings, as far as they are right. Raises ValidationError where that is not far enough."""
        if self._settings is None:
            raise self._error or LookupError
        return self._settings

    @property
    def complete_enough(self) -> bool:
        """Whether further checks have anything to stand on."""
        return self._settings is not None

    def explains(self, mistake: str) -> bool:
        """Whether a mistake that a later check found follows from one that was told."""
        told = Told.of(mistake)
        if told.file == str(self.file.path) and (told.line in self._lines or told.key in self._keys):
            return True
        return any(wrong in told.sentence for wrong in self._wrong)

    def _judge(self) -> None:
        """Look, tell, leave out, and look again."""
        data = deepcopy(self.file.data)
        for _ in range(_ROUNDS):
            try:
                self._settings = Settings.model_validate(_shaped(data, self.file) | {"environment": self.environment, "file": self.file})
                break
            except ValidationError as error:
                self._error = error
                found = list(_causes(error.errors(include_url=False)))
            self._tell(told for one in found if not self.explains(told := self._mistake(one)))
            for one in sorted(found, key=_from_the_end):
                self._remember(one)
                self._leave_out(data, one)
        further = [mistake for mistake in self._contradictions() if not self.explains(mistake)]
        self._tell(further)
        self._wrong |= {key for mistake in further for key in re.findall(r"twilio\.\w+", mistake)}

    def _contradictions(self) -> Iterator[str]:
        """What the tables say against each other."""
        for path, value, sentence in contradictions(self._settings) if self._settings else ():
            yield f"{self.file.place(*path, value=value)}: {'.'.join(path)}: {sentence}"

    def _tell(self, mistakes: Iterable[str]) -> None:
        """Note mistakes; the same one counts once."""
        self.mistakes += dict.fromkeys(mistakes)

    def _mistake(self, found: ErrorDetails) -> str:
        """One mistake that pydantic found."""
        path = _written(found["loc"]) or _named(found)
        key = ".".join(str(part) for part in path)
        return f"{self._place(path, found)}: {key + ': ' if key else ''}{_reason(found, key)}"

    def _place(self, path: Path, found: ErrorDetails) -> str:
        """File and line of a mistake; of a list, that of the value."""
        return self.file.place(*path, value=found["input"] if isinstance(found["input"], str | int | float) else None)

    def _remember(self, found: ErrorDetails) -> None:
        """What further mistakes may follow from."""
        path = _written(found["loc"])
        self._keys.add(".".join(map(str, path)))
        if found["type"] != "missing" or len(path) > 1:
            self._lines.add(Told.of(self._mistake(found)).line)
        if isinstance(found["input"], str) and found["type"] != "missing":
            self._wrong.add(repr(found["input"]))
        if path[0] in ("answer", "calendar") and len(path) == 2:
            self._wrong.add(repr(path[1]))
        if isinstance(path[-1], int):
            self._keys.add(whole := ".".join(map(str, path[:-1])))
            self._wrong |= {whole, "[{}] {}".format(*whole.rpartition(".")[::2])}

    def _leave_out(self, data: Any, found: ErrorDetails) -> None:
        """Remove what is wrong; a misspelt key becomes the right one, and what cannot be left out its example."""
        *path, last = _written(found["loc"])
        table = _at(data, path)
        if isinstance(table, list) and isinstance(last, int) and last < len(table):
            del table[last]
        elif isinstance(table, dict):
            value = table.pop(last, None)
            if found["type"] == "extra_forbidden" and (meant := near(str(last), _keys(found["loc"]))):
                self.file.lines.read_as((*path, last), (*path, meant))
                _merge(table, meant, value)
            elif (instead := _instead(found, value)) is not None:
                table[last] = instead


def _instead(found: ErrorDetails, value: Any) -> Any:
    """What stands in for a wrong value that cannot be left out; None if it can."""
    return [value] if found["type"] == "tuple_type" and value is not None else _stand_in(found["loc"])


def _causes(found: list[ErrorDetails]) -> Iterator[ErrorDetails]:
    """The errors without those that follow: a key is missing because it is misspelt, a list is too short because its values are wrong."""
    meant = {(*one["loc"][:-1], near(str(one["loc"][-1]), _keys(one["loc"]))) for one in found if one["type"] == "extra_forbidden"}
    around = {one["loc"][:length] for one in found for length in range(len(one["loc"]))}
    yield from (one for one in found if not (one["type"] == "missing" and one["loc"] in meant) and one["loc"] not in around)


def _from_the_end(found: ErrorDetails) -> tuple[bool, list[int]]:
    """Elements of a list are left out from its end on, so that the places of the others stay."""
    return found["type"] == "extra_forbidden", [-part for part in found["loc"] if isinstance(part, int)]


def _merge(table: dict[str, Any], key: str, value: Any) -> None:
    """Put a value at its right key, beside what stands there."""
    if isinstance(table.get(key), dict) and isinstance(value, dict):
        table[key] = value | table[key]
    if isinstance(table.get(key), list) and isinstance(value, list):
        table[key] = table[key] + value
    table.setdefault(key, value)


def _at(data: Any, path: Iterable[str | int]) -> Any:
    """The table or list at a path; None where there is none."""
    for part in path:
        try:
            data = data[part]
        except (KeyError, IndexError, TypeError):
            return None
    return data


def _stand_in(location: tuple[str | int, ...]) -> Any:
    """What a required key has in the example; later checks say nothing of it, because its line was told."""
    model = _table(location)
    field = model.model_fields.get(str(location[-1])) if model else None
    if field is None or not field.is_required():
        return None
    return field.examples[0] if field.examples else "" if field.annotation is str else None


def _named(found: ErrorDetails) -> Path:
    """The key that the message of a table's own check begins with."""
    return tuple(str(found["msg"]).removeprefix("Value error, ").partition(":")[0].split("."))


def _written(location: tuple[str | int, ...]) -> Path:
    """A location as it stands in the file: without what only the model has."""
    return tuple(part for index, part in enumerate(location) if not index or part not in _NOT_WRITTEN)


def _shaped(data: dict[str, Any], file: File) -> dict[str, Any]:
    """Answers and rules hold keys of the user's own: gather them, and note the line of each."""
    shaped = dict(data)
    name = file.path.name  # without its folder: the book that it goes into is the same wherever it is made
    if isinstance(data.get("answer"), dict):
        shaped["answer"] = {key: _answer(value, f"{name}:{file.lines.of(('answer', key))}") for key, value in data["answer"].items()}
    if isinstance(data.get("unverified"), dict):
        shaped["unverified"] = data["unverified"] | {"at": f"{name}:{file.lines.of(('unverified',))}"}
    for entry in ENTRIES:
        if isinstance(data.get(entry), list):
            shaped[entry] = [_rule(value, f"{name}:{file.lines.of((entry, index))}") for index, value in enumerate(data[entry])]
    return shaped


def _answer(value: Any, at: str) -> Any:
    """`flow` and the values for it."""
    if not isinstance(value, dict):
        return value
    values = {key: item for key, item in value.items() if key != "flow"}
    return {"values": values, "at": at} | {key: value[key] for key in ("flow",) if key in value}


def _rule(value: Any, at: str) -> Any:
    """The target and the conditions, each a list of strings."""
    if not isinstance(value, dict):
        return value
    conditions = {name: as_list(item) for name, item in value.items() if name not in _TARGETS}
    return {"conditions": conditions, "at": at} | {key: value[key] for key in _TARGETS if key in value}


def as_list(value: Any) -> Any:
    """One value or a list of them."""
    return tuple(value) if isinstance(value, list) else (value,)


def _reason(found: ErrorDetails, key: str) -> str:
    """What is wrong and what to do."""
    if found["type"] == "extra_forbidden":
        return f"unknown key{nearest(key.rpartition('.')[2], _keys(found['loc'])) or '; remove it (docs/configuration.md lists all keys)'}"
    if found["type"] == "missing":
        return MISSING
    if key in ENTRIES and found["type"] == "tuple_type":
        return f"must be a list of rules: write [[{key}]]"
    message = _KINDS.get(found["type"], str(found["msg"]).removeprefix("Value error, ").replace("Input should", "must"))
    for long, short in _SHORTER.items():
        message = message.replace(long, short)
    return message if found["type"] == "value_error" else f"{message} (found {shortened(repr(found['input']))})"


def _keys(location: tuple[str | int, ...]) -> list[str]:
    """The keys that the table of a location may have."""
    model = _table(location)
    return [name for name in model.model_fields if name not in _FILLED_IN] if model else []


#: Fields that nobody writes.
_FILLED_IN = frozenset({"environment", "file", "at", "values", "conditions"})


def _table(location: tuple[str | int, ...]) -> type[Frozen] | None:
    """The model of the table that a location's last key stands in."""
    model: Any = Settings
    for part in location[:-1]:
        fields: Mapping[str, Any] | None = getattr(model, "model_fields", None)
        inner = get_args(model)[:1] if isinstance(part, int) else get_args(model)[1:]
        model = fields[str(part)].annotation if fields and part in fields else next(iter(inner), None)
    return next((table for table in (model, *get_args(model)) if hasattr(table, "model_fields")), None)
