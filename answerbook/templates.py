"""Templates: Jinja with the values of an answer filled in at synth; the caller's own parameters stay placeholders.

Templates decide at synth, rules decide at call time: `call.X` can be written out, and refuses every test, filter and comparison.
"""

import functools
import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn, cast

import jinja2
import jinja2.bccache
import jinja2.meta
import jinja2.nodes

from answerbook.limits import PAYING, Budget, Limited
from answerbook.words import CLOSE, OPEN
from config.folders import Folders, first_below
from config.mistakes import MISSING, ConfigError, nearest
from config.toml import read_text
from lambdas.answer.book import host_of
from lambdas.answer.journal import PARAMETERS

#: What a template may use beside the answer's values (docs/configuration.md explains each).
GIVEN = frozenset(
    "call step callback lookup identity turn say words english audio audible elsewhere refuse entry_urls primary_hosts".split()
) | {"emergency_numbers"}
ORIGINAL = "shipped/"  #: before the name of a template: the shipped one, also where the team has one of that name
Asked = Callable[..., Any]  #: a filter or a test of Jinja's
#: Values that `say` reads by itself.
SPOKEN = frozenset({"language", "voice", "unknown_caller"})


#: Jinja's words for a value that is not set.
UNSET = re.compile(r"'(?P<name>\w+)' is undefined")


class Unset(ConfigError):
    """A shipped template needs a value that the answer does not set: the settings are wrong, not the template."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name}: {MISSING}")
        self.name = name


class Call:
    """`call.From` in a template: the parameter of that name, filled in when the call comes."""

    def __getattr__(self, name: str) -> "Parameter":
        if name.startswith("__"):
            raise AttributeError(name)
        if name not in PARAMETERS:
            raise jinja2.UndefinedError(f"call.{name} is not a Twilio parameter that is kept{nearest(name, set(PARAMETERS))}")
        return Parameter(name)

    def alone(self, *_: object) -> NoReturn:
        """Refuse to be written or asked as a whole."""
        raise jinja2.UndefinedError("call alone says nothing; name a parameter, as in call.From")

    __bool__ = __str__ = __html__ = __iter__ = __getitem__ = __len__ = alone


class Parameter:
    """A value that is not known yet."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __html__(self) -> str:
        return f"{OPEN}{self.name}{CLOSE}"

    def unknown(self, *_: object) -> NoReturn:
        """Refuse every question."""
        raise jinja2.UndefinedError(f"call.{self.name} is not known before the call; put the condition into steps.toml")

    __bool__ = __str__ = __len__ = __iter__ = __getitem__ = __add__ = __radd__ = __lt__ = __gt__ = __mod__ = __contains__ = unknown
    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> NoReturn:
        self.unknown()


class Compiled(jinja2.BytecodeCache):
    """Templates as Jinja compiled them, shared by all the compilations of a process, since most read the same shipped flows. Jinja compares
    the checksum of the source, so that a file that was edited is compiled anew."""

    def __init__(self) -> None:
        self.known: dict[str, tuple[str, Any]] = {}

    def load_bytecode(self, bucket: jinja2.bccache.Bucket) -> None:
        """The code of this source, if it was compiled before."""
        checksum, code = self.known.get(bucket.key, ("", None))
        if checksum == bucket.checksum:
            bucket.code = code

    def dump_bytecode(self, bucket: jinja2.bccache.Bucket) -> None:
        """Keep what was compiled."""
        self.known[bucket.key] = (bucket.checksum, bucket.code)


#: By whether a template's values are escaped, which is decided when it is compiled.
COMPILED = {True: Compiled(), False: Compiled()}


class Templates:
    """The templates below the folders (`<flow>/<document>.xml`, `<flow>/steps.toml`); of several with one name the first is used."""

    def __init__(self, folders: Folders) -> None:
        self.folders = folders
        self.loader = jinja2.FunctionLoader(self.load)
        self.budget = Budget()
        self.xml = environment(self.loader, escaped=True, budget=self.budget)
        self.toml = environment(self.loader, escaped=False, budget=self.budget)

    @functools.cache  # noqa: B019 - one Templates lives for one synthesis
    def flows(self) -> list[str]:
        """The names of the flows: the folders with a document."""
        return sorted({path.parent.name for path in self.folders.files("*/*.xml")})

    def documents(self, flow: str) -> list[str]:
        """The names of a flow's documents."""
        return sorted(path.stem for path in self.folders.files(f"{flow}/*.xml"))

    def path(self, flow: str, document: str) -> Path:
        """The file of a document."""
        return self.file(f"{flow}/{document}.xml")

    def steps_path(self, flow: str) -> Path:
        """The file of a flow's steps; where the team's would lie, if there is none."""
        return self.file(f"{flow}/steps.toml")

    def file(self, name: str) -> Path:
        """A file of that name; where the team's would lie, if there is none."""
        return self.folders.find(name) or self.folders.own / name

    def document(self, flow: str, name: str, values: Mapping[str, Any]) -> str:
        """One document with the values filled in."""
        return self.render(self.xml, f"{flow}/{name}.xml", **values)

    def steps(self, flow: str, values: Mapping[str, Any]) -> str:
        """The text of a flow's `steps.toml`; nothing where it has none."""
        if not self.folders.find(f"{flow}/steps.toml"):
            return ""
        return self.render(self.toml, f"{flow}/steps.toml", **values)

    def source(self, flow: str) -> str:
        """`steps.toml` as it was written, for the lines of its steps."""
        path = self.folders.find(f"{flow}/steps.toml")
        return path.read_text(encoding="utf-8") if path else ""

    def render(self, environment: jinja2.Environment, name: str, **values: Any) -> str:
        """Fill a template in. Raises ConfigError with the line of the template, or of the one that it includes or extends."""
        self.budget.begin()
        try:
            return environment.get_template(name).render(**values)
        except ConfigError:
            raise
        except jinja2.TemplateSyntaxError as error:
            raise ConfigError(f"{error.filename or self.file(name)}:{error.lineno}: {error.message}") from error
        except RecursionError as error:
            place = self.place_of(error, self.file(name))
            raise ConfigError(f"{place}: it includes or calls itself without end; break the circle") from error
        except (jinja2.TemplateError, TypeError, ValueError, LookupError, ArithmeticError) as error:
            place = self.place_of(error, self.file(name))
            unset = UNSET.fullmatch(str(error))
            if unset and Path(place).is_relative_to(self.folders.shipped):
                raise Unset(unset["name"]) from error
            raise ConfigError(f"{place}: {remedied(error)}") from error
        finally:
            self.budget.end()

    def place_of(self, error: BaseException, path: Path) -> str:
        """File and line of the innermost template that an error came from."""
        place, trace = f"{path}:1", error.__traceback__
        while trace:
            file = Path(trace.tb_frame.f_code.co_filename)
            if any(file.is_relative_to(folder) for folder in self.folders.all):
                place = f"{file}:{trace.tb_lineno}"
            trace = trace.tb_next
        return place

    @functools.cache  # noqa: B019 - as above
    def variables(self, flow: str) -> frozenset[str]:
        """The values that the files of a flow use, and those that they include or extend."""
        files = [*self.folders.files(f"{flow}/*.xml"), *self.folders.files(f"{flow}/steps.toml")]
        used = {name for path in files for name in self.used_in(path)}
        return frozenset(used | (SPOKEN if "say" in used else set())) - GIVEN

    @functools.cache  # noqa: B019 - as above
    def used_in(self, path: Path) -> frozenset[str]:
        """The names that a template uses, and those that it includes or extends, each file once."""
        used: set[str] = set()
        seen: set[Path] = set()
        waiting = [path]
        while waiting:
            if (current := waiting.pop()) not in seen:
                seen.add(current)
                names, referenced = self.names(current)
                used |= names
                waiting += [file for name in referenced if (file := self.referenced(name))]
        return frozenset(used)

    def load(self, name: str) -> tuple[str, str, Callable[[], bool]] | None:
        """A template's text as Jinja wants it: with its file, and whether that is what it was. Raises ConfigError, OSError."""
        path = self.referenced(name)
        return (read_text(path), str(path), lambda: True) if path else None

    def referenced(self, name: str) -> Path | None:
        """The file of a template by the name that another one gives it. A document of a team's own that stands in for a shipped one reaches
        that by `shipped/` before its name."""
        if name.startswith(ORIGINAL):
            return first_below([self.folders.shipped], name.removeprefix(ORIGINAL))
        return self.folders.find(name)

    def mentioned(self, flow: str) -> bool:
        """Whether a template names another one of that folder."""
        return any(f"{flow}/" in read_text(path) for path in self.folders.files("*/*.xml"))

    def blocks_of_nobody(self, path: Path) -> Iterator[str]:
        """A line for each block that stands in for none of the template which this one extends."""
        outermost, _, extended = blocks_in(read_text(path))
        there = {name for parent in extended for name in self.blocks(parent)}
        for name, line in outermost.items():
            if extended and name not in there:
                yield f"{path}:{line}: {extended[0]} has no block {name!r}{nearest(name, there)}"

    def blocks(self, name: str) -> set[str]:
        """The blocks that a template of this name has, its own and those of the one that it extends."""
        file = self.referenced(name)
        _, own, extended = blocks_in(read_text(file)) if file else ({}, set[str](), ())
        return own.union(*(self.blocks(parent) for parent in extended))

    def names(self, path: Path) -> tuple[frozenset[str], frozenset[str]]:
        """The names that a template uses, and those of the templates that it includes or extends. Raises ConfigError."""
        try:
            return names_in(read_text(path))
        except jinja2.TemplateSyntaxError as error:
            raise ConfigError(f"{path}:{error.lineno}: {error.message}") from error


@functools.cache
def names_in(source: str) -> tuple[frozenset[str], frozenset[str]]:
    """The names that a template uses, and those of other templates in it. Raises TemplateSyntaxError."""
    tree = environment(None, escaped=True).parse(source)
    return frozenset(jinja2.meta.find_undeclared_variables(tree)), frozenset(filter(None, jinja2.meta.find_referenced_templates(tree)))


@functools.cache
def blocks_in(source: str) -> tuple[Mapping[str, int], set[str], tuple[str, ...]]:
    """The outermost blocks of a template with their lines, all of its blocks, and the template that it extends, if that is known by now."""
    tree = environment(None, escaped=True).parse(source)
    extended = (each.template for each in tree.find_all(jinja2.nodes.Extends))
    outermost = {node.name: node.lineno for node in tree.body if isinstance(node, jinja2.nodes.Block)}
    everywhere = {node.name for node in tree.find_all(jinja2.nodes.Block)}
    return outermost, everywhere, tuple(str(node.value) for node in extended if isinstance(node, jinja2.nodes.Const))


def environment(found_by: jinja2.BaseLoader | None, escaped: bool, budget: Budget | None = None) -> jinja2.Environment:
    """What Jinja needs to read and render templates: in its sandbox, because who checks a colleague's templates, or has a pipeline do it,
    does not mean to run their code, nor to wait for it."""
    made = Limited(
        budget or Budget(),
        loader=found_by,
        undefined=jinja2.StrictUndefined,
        autoescape=escaped,
        keep_trailing_newline=escaped,
        bytecode_cache=COMPILED[escaped],
    )
    made.filters |= {"host": host_of, "tojson": json_of}
    made.filters = {name: knowing(cast(Asked, function)) for name, function in made.filters.items()} | PAYING
    made.tests = {name: knowing(cast(Asked, function)) for name, function in made.tests.items()}
    return made


def knowing(function: Asked) -> Asked:
    """A filter or test of Jinja's that refuses the caller's parameters, whatever it asks of them."""

    @functools.wraps(function)
    def asked(*values: Any, **options: Any) -> Any:
        for value in values:
            if isinstance(value, Parameter):
                value.unknown()
        return function(*values, **options)

    return asked


def json_of(value: Any) -> str:
    """A value as TOML reads it too. Raises UndefinedError for one that is not set, with its name."""
    return json.dumps(str(value) if isinstance(value, jinja2.Undefined) else value)


def remedied(error: BaseException) -> str:
    """The error in a sentence; for a value that is not set, where to set it."""
    text = str(error)
    if isinstance(error, jinja2.TemplateNotFound):
        return f"there is no template {error.name!r}; write it with its folder, as in voicemail/start.xml"
    if text == "'call' is undefined":
        return 'call is known in documents only; here a condition has the parameter\'s name, as in { From = "+44*", document = "start" }'
    return f"{text}; set it in the [answer] table, or correct its name here" if text.endswith("is undefined") else text
