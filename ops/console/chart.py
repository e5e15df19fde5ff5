"""Errors over time as a drawing: stacked bars by code, as SVG without script or style of its own.

Each code has a pattern beside its colour and keeps it whichever code leads, the legend names them in the order of the stack, and every
column says its figures to whoever points at it; the same figures stand in a table beneath. So it can be read in grey, on paper, and aloud.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil, log10

from ops.tally import Group, Tally
from ops.words import length

MOST_CODES = 4  #: in one drawing; where there are more, the smallest are one layer
PATTERNS = 7  #: for codes; the others have one of their own after them
OTHERS = "others"
LETTER = 0.6  #: the width of a letter or digit, in font sizes, at most
GAP = 1.0  #: between two labels of the time axis, in font sizes


@dataclass(frozen=True)
class Layer:
    """One code's part of every column, from the bottom of the stack."""

    name: str
    pattern: int
    counts: list[int]


@dataclass(frozen=True)
class Bar:
    """A rectangle, in the drawing's units."""

    x: float
    y: float
    width: float
    height: float
    pattern: int


@dataclass(frozen=True)
class Frame:
    """The size of a drawing and its margins; the font's size in the same units."""

    width: int
    height: int
    font: int
    left: int
    bottom: int
    top: int = 10

    @property
    def inner(self) -> tuple[float, float]:
        """Width and height of the plot."""
        return self.width - self.left - 4, self.height - self.top - self.bottom


WIDE = Frame(width=960, height=260, font=13, left=44, bottom=30)
NARROW = Frame(width=360, height=220, font=12, left=34, bottom=28)


class Chart:
    """The drawing of a tally by code."""

    def __init__(self, tally: Tally, frame: Frame) -> None:
        self.tally = tally
        self.frame = frame
        self.layers = layers(tally)
        totals = [sum(counts) for counts in zip(*(layer.counts for layer in self.layers), strict=True)]
        self.totals = totals or [0] * tally.length
        self.top = rounded_up(max(self.totals, default=0))
        self.step = frame.inner[0] / tally.length  #: from one column to the next

    @property
    def column(self) -> str:
        """How long a column is."""
        return length(timedelta(minutes=self.tally.width))

    @property
    def bars(self) -> Iterator[Bar]:
        """Every rectangle."""
        width = max(self.step * 0.8, 1)
        for column in range(self.tally.length):
            base = 0
            for layer in self.layers:
                if count := layer.counts[column]:
                    base += count
                    x = self.frame.left + column * self.step + (self.step - width) / 2
                    yield Bar(
                        round(x, 2), round(self.y(base), 2), round(width, 2), round(self.y(base - count) - self.y(base), 2), layer.pattern
                    )

    @property
    def columns(self) -> Iterator[tuple[float, float, str]]:
        """Where each column begins, how wide it is, and what it says."""
        for column, total in enumerate(self.totals):
            if total:
                parts = ", ".join(f"{layer.name}: {layer.counts[column]}" for layer in self.layers if layer.counts[column])
                yield round(self.frame.left + column * self.step, 2), round(self.step, 2), f"{self.time(column)}  {parts}"

    @property
    def lines(self) -> Iterator[tuple[float, int]]:
        """Height and figure of each line of the grid."""
        for value in ticks(self.top):
            yield round(self.y(value), 2), value

    @property
    def labels(self) -> Iterator[tuple[float, str]]:
        """Where each label of the time axis begins, and what it says."""
        times = [self.time(column) for column in range(self.tally.length)]
        width = self.frame.font * LETTER * max(map(len, times))
        every = ceil((width + self.frame.font * GAP) / self.step)
        for column in range(0, self.tally.length, every):
            x = self.frame.left + column * self.step
            if x + width <= self.frame.width:
                yield round(x, 2), times[column]

    @property
    def rows(self) -> Iterator[tuple[str, list[int], int]]:
        """The table beneath: time, figures by layer, sum; columns without errors left out."""
        for column, total in enumerate(self.totals):
            if total:
                yield self.time(column), [layer.counts[column] for layer in self.layers], total

    def y(self, count: int) -> float:
        """The height of a figure."""
        return self.frame.top + self.frame.inner[1] * (1 - count / self.top)

    def time(self, column: int) -> str:
        """When a column begins: the time, and the day where columns are long."""
        begin: datetime = self.tally.start_of(column)
        return f"{begin:%b} {begin.day} {begin:%H:%M}" if self.tally.width * self.tally.length > 24 * 60 else f"{begin:%H:%M}"


def layers(tally: Tally) -> list[Layer]:
    """The largest groups, each with a pattern, and the sum of all others."""
    ranked = tally.ranked
    own = ranked[: MOST_CODES - 1] if len(ranked) > MOST_CODES else ranked
    pattern = patterns([key for key, _ in own])
    found = [Layer(key, pattern[key], tally.columns(group)) for key, group in own]
    rest = Group()
    for _, group in ranked[len(own) :]:
        rest.columns.update(group.columns)
    return [*found, Layer(OTHERS, PATTERNS, tally.columns(rest))] if rest.columns else found


def patterns(codes: list[str]) -> dict[str, int]:
    """A pattern for each of at most so many codes: its own, or the next one where a smaller code has that."""
    taken: dict[int, str] = {}
    for code in sorted(codes):
        own = int.from_bytes(code.encode()) % PATTERNS
        taken[next(number % PATTERNS for number in range(own, own + PATTERNS) if number % PATTERNS not in taken)] = code
    return {code: pattern for pattern, code in taken.items()}


def rounded_up(value: int) -> int:
    """The least of 4, 5, 6, 8, 10, 20, 30, 40, 50, 60, 80, 100 ... that holds a value: the top of the axis."""
    unit: int = 10 ** int(log10(max(value, 4)))
    return next(unit * factor for factor in (1, 2, 3, 4, 5, 6, 8, 10) if unit * factor >= max(value, 4))


def ticks(top: int) -> list[int]:
    """The figures of the grid, the axis included."""
    parts = next(number for number in (4, 5, 3) if top % number == 0)
    return [top * part // parts for part in range(parts + 1)]
