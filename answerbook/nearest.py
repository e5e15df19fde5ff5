"""The right word that is nearest to a wrong one, for messages that end in "did you mean ...?"."""

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(word: str, words: Iterable[str]) -> str | None:
    """The one of `words` that `word` was probably meant to be: the same but for case, else one that says it more closely (`pt-BR` for
    `pt`), else the nearest that begins alike (`de-DE` for `de-XX`), else the most similar if any."""
    candidates = list(words)
    folded = {candidate.casefold(): candidate for candidate in candidates}
    if word.casefold() in folded:
        return folded[word.casefold()]
    if longer := next((candidate for candidate in candidates if candidate.startswith(f"{word}-")), None):
        return longer
    language = word.partition("-")[0] + "-"
    if "-" in word and (same := [candidate for candidate in candidates if candidate.startswith(language)]):
        return next(iter(get_close_matches(word, same, n=1, cutoff=0)), None)
    return next(iter(get_close_matches(word, candidates, n=1)), None)


def did_you_mean(word: str, words: Iterable[str], shape: str = "{}") -> str:
    """`; did you mean X?` with X put into `shape`, or nothing when no word is near."""
    near = nearest(word, words)
    return f"; did you mean {shape.format(near)}?" if near else ""
