"""A flow: a folder of `twiml_templates/` with documents and `steps.toml`, unrolled turn by turn for one answer.

`steps.toml` holds `turns` (how often the flow may run, 1 if left out), `come_back` (which document sets the cookie by which a re-entry
continues, and where), `lookup` (tables that rules and documents look a parameter up in) and the steps, each a list of rules.
"""

import tomllib
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from answerbook.dialling import emergency_numbers
from answerbook.rules import Condition, alternatives
from answerbook.templates import Templates
from config.checks import path_name
from config.judgement import as_list
from config.lines import Lines
from config.mistakes import ConfigError, Mistakes, near, nearest
from config.settings import Settings
from config.tables import Answer
from lambdas.answer.book import host_of
from lambdas.answer.journal import PARAMETERS

TARGETS = ("answer", "document", "again")
OTHER_KEYS = ("turn",)
KEYS = ("turns", "come_back", "lookup")  #: of `steps.toml`, beside the steps
#: So many documents of one answer are a mistake in `turns`, not a call.
MOST_TURNS = 200
#: Twilio keeps cookies so long: https://www.twilio.com/docs/messaging/twiml#twilio-cookies
LONGEST_COOKIE = 4 * 3600


@dataclass(frozen=True)
class StepRule:
    """A rule of a step: its conditions, its one target (`answer`, `document` or `again`) and where it stands."""

    conditions: list[Condition]
    kind: str
    target: str
    turn: int | None
    at: str


@dataclass(frozen=True)
class Turn:
    """One turn of a flow: its steps and the documents that set a cookie."""

    steps: dict[str, list[StepRule]]
    come_back: dict[str, dict[str, Any]]


class Flow:
    """The flow of one answer. Raises ConfigError for an unknown flow, a value missing, a step that is none; those mistakes after which the
    rest can still be judged are added to `mistakes`."""

    def __init__(self, templates: Templates, name: str, settings: Settings, mistakes: Mistakes) -> None:
        self.templates = templates
        self.name = name
        self.settings = settings
        self.answer: Answer = settings.answer[name]
        self.given = {"refuse": self.refuse} | given(settings)
        if self.answer.flow not in templates.flows():
            raise ConfigError(f"{self.at('flow')}: there is no flow {self.answer.flow!r}{nearest(self.answer.flow, templates.flows())}")
        self.documents = templates.documents(self.answer.flow)
        for document in self.documents:
            self.check_name(document, str(templates.path(self.answer.flow, document)))
        self.mistakes = mistakes
        self.answer = self.answer.model_copy(update={"values": self.used_values()})
        first = self.tables(1)
        self.lookups = self.checked_lookups(first.get("lookup", {}))
        self.turns = self.unrolled(first)

    def place(self, *path: str | int, value: object = None) -> str:
        """File and line of the answer in the settings, or of one of its values."""
        return self.settings.place("answer", self.name, *path, value=value)

    def at(self, *path: str | int, value: object = None) -> str:
        """The same with the key, as a message begins."""
        return f"{self.place(*path, value=value)}: {'.'.join(('answer', self.name, *map(str, path)))}"

    def source_of(self, value: object) -> str:
        """Where the settings say a value that stands in a document, and its key; nothing where they do not."""
        for path, said in inner_values(self.answer.values):
            if said is value or (isinstance(said, str | int | float) and str(said).removeprefix("client:") == str(value)):
                return self.at(*path, value=said if isinstance(said, str) else None)
        default = self.settings.last_resort.language
        return f"{self.settings.place('last_resort', 'language')}: last_resort.language" if value == default else ""

    def mistake(self, sentence: str, value: object) -> Exception:
        """A mistake in a value, at its place in the settings; for one of the template's own an error to which its line is added."""
        source = self.source_of(value)
        return ConfigError(f"{source}: {sentence}") if source else ValueError(sentence)

    def refuse_value(self, sentence: str, value: object) -> None:
        """Note a mistake in a value, so that the rest is checked too; raise one of the template's own."""
        error = self.mistake(sentence, value)
        if not isinstance(error, ConfigError):
            raise error
        self.mistakes.add(*error.mistakes)

    def refuse(self, reason: str) -> NoReturn:
        """Stop, and say where the answer is defined. Templates call it for values that do not go together; a reason that begins with the
        key of a value is told on its line."""
        key, colon, sentence = reason.partition(": ")
        if not colon or not key.isidentifier():
            named_in = [(path, text) for path, text in inner_values(self.answer.values) if isinstance(text, str) and f"{text} " in reason]
            path, text = max(named_in, key=lambda found: len(found[1]), default=((), None))
            raise ConfigError(f"{self.at(*path, value=text)}: {reason}")
        named = [text for _, value in inner_values(self.answer.values.get(key)) if (text := str(value)) in sentence]
        raise ConfigError(f"{self.at(key, value=max(named, key=len, default=None))}: {sentence}")

    @property
    def file(self) -> str:
        """The flow's `steps.toml`, for messages."""
        return str(self.templates.steps_path(self.answer.flow))

    def step_place(self, step: str) -> str:
        """File and line of a step."""
        return f"{self.answer.flow}/steps.toml:{Lines(self.templates.source(self.answer.flow)).of((step,))}"

    def used_values(self) -> dict[str, Any]:
        """The values that the flow uses; one left over is a mistake, and read as the one that it resembles. One that is used and not set
        stops the rendering."""
        used = self.templates.variables(self.answer.flow)
        values = {key: value for key, value in self.answer.values.items() if key in used}
        for key in self.answer.values.keys() - values:
            meant = near(key, used)
            known = f"; it uses {', '.join(sorted(used)) or 'none'}"
            self.mistakes.add(f"{self.at(key)}: the flow {self.answer.flow!r} uses no such value{nearest(key, used) or known}")
            if meant and meant not in values:
                self.settings.file.lines.read_as(("answer", self.name, key), ("answer", self.name, meant))
                values[meant] = self.answer.values[key]
        return values

    def check_name(self, name: str, at: str) -> None:
        """Names of steps and documents are parts of URLs."""
        try:
            path_name(name)
        except ValueError as error:
            raise ConfigError(f"{at}: {error}") from error

    def unrolled(self, first: dict[str, Any]) -> list[Turn]:
        """The turns, as many as `steps.toml` says; `first` is what it says in the first."""
        turns = first.get("turns", 1)
        if type(turns) is not int or not 1 <= turns <= MOST_TURNS:
            place = self.source_of(turns) or self.step_place("turns")
            rendered = "" if place.startswith(f"{self.settings.file.path}:") else rendered_for(self.settings, self.name)
            self.mistakes.add(f"{place}: turns is {turns!r}; it must be a whole number from 1 to {MOST_TURNS}{rendered}")
            turns = 1
        unrolled = [self.turn(first), *(self.turn(self.tables(turn)) for turn in range(2, turns + 1))]
        again = [rule.at for turn in unrolled for rules in turn.steps.values() for rule in rules if rule.kind == "again"]
        if again and "turns" not in first:
            raise ConfigError(f"{again[0]}: again has a next turn to lead to only where the file says how many there are; add turns = 3")
        return unrolled

    def tables(self, turn: int) -> dict[str, Any]:
        """`steps.toml` of one turn, read."""
        try:
            return tomllib.loads(self.templates.steps(self.answer.flow, self.given | self.answer.values | {"turn": turn}))
        except tomllib.TOMLDecodeError as error:
            raise ConfigError(f"{self.file}: not TOML once the values of the answer are filled in: {error}") from error

    def turn(self, data: dict[str, Any]) -> Turn:
        """One turn's steps and cookies."""
        lines = Lines(self.templates.source(self.answer.flow))
        place = f"{self.answer.flow}/steps.toml"
        for key, value in data.items():
            if key not in KEYS and not isinstance(value, list):
                raise ConfigError(f"{place}:{lines.of((key,))}: {key} is not a list of rules{nearest(key, KEYS)}")
            self.check_name(key, f"{place}:{lines.of((key,))}")
        own = self.settings.twilio.parameters
        steps = {
            step: [
                built
                for rule in rules
                for built in step_rules(rule, f"{place}:{lines.of((step,))}", self.named_lookups, self.source_of, own)
            ]
            for step, rules in data.items()
            if isinstance(rules, list)
        }
        return Turn(steps, self.checked_come_back(data.get("come_back", {}), steps))

    @property
    def named_lookups(self) -> dict[str, str]:
        """The look-ups by the name that `steps.toml` gives them: their names in the book."""
        return {name: f"{self.name}/{name}" for name in self.lookups}

    def checked_lookups(self, lookups: Any) -> dict[str, dict[str, str]]:
        """`[lookup.<name>]`: what a document writes for each value of a parameter, both as text."""
        for name, table in lookups.items() if isinstance(lookups, dict) else [("NAME", lookups)]:
            self.check_name(name, f"{self.file}: lookup")
            if not isinstance(table, dict) or not all(isinstance(value, str) and value for value in table.values()):
                raise ConfigError(f'{self.file}: lookup.{name}: write a table of texts, as in [lookup.{name}] and "+15550100123" = "Ann"')
        return dict(lookups)

    def checked_come_back(self, come_back: Any, steps: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
        """`come_back.<document> = { step = ..., for = seconds }`; names and times are checked."""
        if not isinstance(come_back, dict):
            raise ConfigError(f'{self.file}: come_back is {come_back!r}; write it as in come_back.start = {{ step = "failed" }}')
        for document, target in come_back.items():
            if document not in self.documents:
                raise ConfigError(f"{self.file}: come_back: the flow has no document {document!r}{nearest(document, self.documents)}")
            self.check_cookie(f"{self.file}: come_back.{document}", target, steps)
        return come_back

    def check_cookie(self, at: str, target: Any, steps: Mapping[str, Any]) -> None:
        """The step and the time of one cookie."""
        if not isinstance(target, dict) or not isinstance(target.get("step"), str):
            raise ConfigError(f'{at}: {target!r} names no step; write it as in {{ step = "failed" }}')
        if target["step"] not in steps:
            raise ConfigError(f"{at}: the flow has no step {target['step']!r}{nearest(target['step'], set(steps))}")
        seconds = target.get("for", LONGEST_COOKIE)
        if not isinstance(seconds, int) or not 1 <= seconds <= LONGEST_COOKIE:
            place = self.source_of(seconds) or f"{at}: for"
            raise ConfigError(
                f"{place}: {seconds!r} is too short or too long; Twilio keeps a cookie for 1 to {LONGEST_COOKIE} seconds (four hours)"
            )


def inner_values(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    """All that a value of the settings holds, itself and the keys of tables included, with the path to each, innermost first."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from inner_values(item, (*path, key))
            yield (*path, key), key
    elif isinstance(value, list | tuple):
        for item in value:
            yield from inner_values(item, path)
    yield path, value


def rendered_for(settings: Settings, answer: str) -> str:
    """What a message about a template ends in: the settings may be what is wrong."""
    return f" (answer {answer!r} at {settings.place('answer', answer)})"


def given(settings: Settings) -> dict[str, Any]:
    """What every flow may know of the environment."""
    primary = settings.primary
    hosts = sorted({*primary.hosts, *(host_of(url) for url in primary.entry_urls)})
    return {
        "entry_urls": list(primary.entry_urls),
        "primary_hosts": hosts,
        "emergency_numbers": emergency_numbers(settings),
    }


def step_rules(
    rule: Any, at: str, lookups: Mapping[str, str], source_of: Callable[[object], str], own: Collection[str] = ()
) -> list[StepRule]:
    """A rule of a step, once for each way its values are compared; `source_of`: where the settings say a value, if they do. Raises
    ConfigError where it has not exactly one target."""
    if not isinstance(rule, Mapping):
        raise ConfigError(f'{at}: {rule!r} is not a rule; write it as in {{ Digits = "1", document = "goodbye" }}')
    if type(rule.get("turn", 1)) is not int:
        raise ConfigError(f"{at}: turn = {rule['turn']!r} is not a number; write it without quotes")
    targets = [key for key in TARGETS if key in rule]
    if len(targets) != 1:
        raise ConfigError(f"{at}: a rule needs exactly one of answer, document, again; this one has {' and '.join(targets) or 'none'}")
    asked = {key: value for key, value in rule.items() if key not in TARGETS + OTHER_KEYS}
    looked_up = [in_lookup(key, value, at, lookups) for key, value in asked.items() if isinstance(value, dict)]
    words = {key: as_list(value) for key, value in asked.items() if not isinstance(value, dict)}
    target = (targets[0], str(rule[targets[0]]), rule.get("turn"), at)
    return [StepRule(looked_up + chosen, *target) for chosen in alternatives(words, lambda _, value=None: source_of(value) or at, own)]


def in_lookup(name: str, value: dict[str, Any], at: str, lookups: Mapping[str, str]) -> Condition:
    """`To.in = "phones"`: the parameter has an entry in that table. Raises ConfigError."""
    if name not in PARAMETERS:
        raise ConfigError(f"{at}: {name!r} is not a parameter that could be looked up{nearest(name, PARAMETERS)}")
    if list(value) != ["in"]:
        raise ConfigError(f'{at}: {name} = {value!r}: write it as in {name}.in = "phones", the name of a [lookup] table')
    if value["in"] not in lookups:
        raise ConfigError(f"{at}: {name}: the flow has no look-up {value['in']!r}{nearest(str(value['in']), lookups)}")
    return [name, "in", [lookups[value["in"]]]]
