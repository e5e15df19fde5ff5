"""Jinja in its sandbox, with an end to what a template may write and do: a slip (`"-" * 10 ** 10`, loops in loops) or somebody's joke must
not take the machine that checks it.

Whatever a rendering writes or makes, and each round of its loops, is paid for out of a budget, by filters that are put around them when a
template is parsed. What makes much out of little at a stroke is estimated before it is done.
"""

import functools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from math import prod
from time import process_time
from typing import Any

import jinja2
from jinja2 import nodes
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.visitor import NodeTransformer

#: Characters of one rendering. A directory of 5,000 extensions takes a tenth of it, though an element, a call and a round of a loop cost
#: as much as so many characters.
MOST, STEP = 20_000_000, 10
SELDOM = 1000  #: characters until the clock is asked again
SECONDS = 60.0  #: of processor for all renderings of a synthesis; those of the largest settings take a few
REMEDY = "a document has at most 64 kB; correct the loop or the number, or put what is long into the settings"
#: Filters, and methods of texts, whose result may be as long as the product of what they are given.
MULTIPLYING = frozenset("batch center expandtabs indent join ljust replace rjust slice translate zfill".split())
FORMATS = ("format", "format_map")
#: A width in a format, of `%` or of `format`: so many digits that it is more than MOST, or taken from a value.
WIDE = re.compile(r"%[^a-zA-Z%]*(?:[0-9]{7}|\*)|\{[^{}]*:[^{}]*(?:[0-9]{7}|\{)")


class TooMuch(jinja2.TemplateRuntimeError):
    """A template writes or does more than any document needs."""


class Budget:
    """What may be spent: `most` by each rendering, `seconds` of processor by all."""

    def __init__(self, most: int = MOST, seconds: float = SECONDS) -> None:
        self.most, self.seconds = most, seconds
        self.spent, self.used, self.since, self.next_look = 0, 0.0, process_time(), 0

    def begin(self) -> None:
        """A rendering begins."""
        self.spent, self.since, self.next_look = 0, process_time(), 0

    def end(self) -> None:
        """A rendering is over."""
        self.used += process_time() - self.since

    def foresee(self, amount: int) -> None:
        """Raise TooMuch where so much more cannot be paid for."""
        if self.spent + amount > self.most:
            raise TooMuch(f"this writes or repeats more than {self.most:,} characters, or loops too often: {REMEDY}")

    def spend(self, amount: int) -> None:
        """Pay. Raises TooMuch."""
        self.foresee(amount)
        self.spent += amount
        if self.spent < self.next_look:
            return
        self.next_look = self.spent + SELDOM
        if self.used + process_time() - self.since > self.seconds:
            raise TooMuch(f"the templates take more than {self.seconds:g} seconds to fill in: {REMEDY}")


class Limited(ImmutableSandboxedEnvironment):
    """Jinja's sandbox (https://jinja.palletsprojects.com/en/stable/sandbox/), whose templates spend a budget."""

    intercepted_binops = frozenset({"+", "*", "**", "%"})

    def __init__(self, budget: Budget, **options: Any) -> None:
        super().__init__(**options)
        self.budget = budget
        self.filters = {name: self.limited(name, function) for name, function in self.filters.items()} | PAYING
        del self.globals["lipsum"]  # writes any amount of text

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        """The tree of a template, with what is paid for. Raises TemplateSyntaxError, also for what Python cannot read."""
        try:
            tree: nodes.Template = Paid().visit(super()._parse(source, name, filename))
        except RecursionError as error:
            raise jinja2.TemplateSyntaxError("brackets or blocks are nested hundreds of times; close them", 1, name, filename) from error
        except ValueError as error:
            raise jinja2.TemplateSyntaxError(f"this has a number that is too long: {error}", 1, name, filename) from error
        tree.set_environment(self)
        return tree

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """An operation whose result can be paid for."""
        if operator == "%" and isinstance(left, str):
            refuse_wide(left)
        self.budget.foresee(estimate(operator, left, right))
        return counted(context, super().call_binop(context, operator, left, right))

    def call(self, context: Context, function: Any, /, *values: Any, **options: Any) -> Any:
        """A call whose result can be paid for: of a function, a macro, or a method."""
        method = getattr(function, "__wrapped__", function)
        if isinstance(text := getattr(method, "__self__", None), str):
            self.check_growth(method.__name__, text, *values, *options.values())
        return counted(context, super().call(context, function, *values, **options))

    def limited(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """A filter whose result can be paid for."""
        first = 1 if hasattr(function, "jinja_pass_arg") else 0  # of what it is given

        @functools.wraps(function)
        def asked(*values: Any, **options: Any) -> Any:
            self.check_growth(name, *values[first:], *options.values())
            result = function(*values, **options)
            self.budget.spend(size(result))
            return result

        return asked

    def check_growth(self, name: str, value: Any, *others: Any) -> None:
        """Raise TooMuch where a filter, or a method of a text, would make too much of what it is given."""
        if name in FORMATS:
            refuse_wide(value)
        if name in MULTIPLYING:
            self.budget.foresee(product(value, *(others[1:2] if name == "replace" else others)))


class Paid(NodeTransformer):
    """Puts the filters that pay around what a template writes, makes and repeats."""

    def visit_For(self, node: nodes.For) -> nodes.Node:  # noqa: N802 - the name is Jinja's
        """A loop: each round."""
        self.generic_visit(node)
        node.iter = filtered(node.iter, "rounds")
        return node

    def visit_Output(self, node: nodes.Output) -> nodes.Node:  # noqa: N802
        """What is written: the template's own text, and the values."""
        self.generic_visit(node)
        own = sum(len(child.data) for child in node.nodes if isinstance(child, nodes.TemplateData))
        values = [child if isinstance(child, nodes.TemplateData) else filtered(child, "counted") for child in node.nodes]
        node.nodes = [filtered(nodes.Const(own, lineno=node.lineno), "written"), *values]
        return node

    def made(self, node: nodes.Expr) -> nodes.Node:
        """What is put together."""
        self.generic_visit(node)
        return node if getattr(node, "ctx", "load") == "store" else filtered(node, "counted")

    visit_Concat = visit_List = visit_Tuple = visit_Dict = made  # noqa: N815


def filtered(node: Any, name: str) -> nodes.Filter:
    """An expression with a filter behind it."""
    return nodes.Filter(node, name, [], [], None, None, lineno=node.lineno)


@jinja2.pass_context
def counted(context: Context, value: Any) -> Any:
    """A value, paid for."""
    budget: Budget = context.environment.budget  # type: ignore[attr-defined]
    budget.spend(size(value, budget.most))
    return value


@jinja2.pass_context
def rounds(context: Context, values: Iterable[Any]) -> Iterator[Any]:
    """What a loop runs over, paid for round by round."""
    budget: Budget = context.environment.budget  # type: ignore[attr-defined]
    for value in values:
        budget.spend(STEP)
        yield value


@jinja2.pass_context
def written(context: Context, length: int) -> str:
    """Nothing; so much of the template's own text is paid for."""
    context.environment.budget.spend(length)  # type: ignore[attr-defined]
    return ""


#: The filters that pay.
PAYING: dict[str, Callable[..., Any]] = {"counted": counted, "rounds": rounds, "written": written}


def size(value: Any, most: int = MOST) -> int:
    """The characters and elements of a value, as it would be written; no more than a little over `most` are counted."""
    total, waiting = 0, [value]
    while waiting and total <= most:
        each = waiting.pop()
        total += STEP + (len(each) if isinstance(each, str | Mapping | list | tuple) else 0)
        if isinstance(each, int):
            total += each.bit_length() // 3  # digits, about
        elif isinstance(each, Mapping):
            waiting += [*each.keys(), *each.values()]
        elif isinstance(each, list | tuple):
            waiting += each
    return total


def product(*values: Any) -> int:
    """How long a result can be to which each value adds a factor: a number by what it is, anything else by its size."""
    return prod(max(1, abs(value)) if isinstance(value, int) else size(value) for value in values)


def estimate(operator: str, left: Any, right: Any) -> int:
    """How large the result of an operation is, about."""
    numbers = isinstance(left, int) and isinstance(right, int)
    if operator == "**":
        return size(left) * abs(right) if numbers else 1
    return product(left, right) if operator == "*" and not numbers else size(left) + size(right)


def refuse_wide(text: Any) -> None:
    """Raise TooMuch for a format that fills its result up to a width beyond all measure."""
    if WIDE.search(str(text)):
        raise TooMuch(f"a width in this format has seven digits or more, or comes from a value: {REMEDY}")
