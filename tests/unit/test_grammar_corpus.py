"""The TwiML check against documents that Twilio published, and against one-step mistakes made in good documents.

The figures are recorded as the property "figure" of each test, which `make test` shows at its end.
"""

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from answerbook.grammar import Problem, check
from answerbook.twiml import Medium
from tests.unit.twiml_mutations import MUTATIONS, Document, mutants, package_documents

CORPUS = Path(__file__).parents[2].parent / "shared/testdata/twiml-corpus"
MUTANTS = 8  # of one kind, made from one document

type Record = Callable[[str, object], None]


@cache
def corpus() -> tuple[Document, ...]:
    """The published <Response> documents; a document's medium is the one in which it has fewer problems."""
    files = sorted(path for path in CORPUS.rglob("*") if path.suffix in (".xml", ".twiml"))
    texts = ((str(path.relative_to(CORPUS)), path.read_text(encoding="utf-8")) for path in files)
    return tuple(Document(name, _medium(text), text) for name, text in texts if "<Response" in text)


def _medium(text: str) -> Medium:
    return "messaging" if len(check(text, "messaging")) < len(check(text, "voice")) else "voice"


def _refused() -> Iterator[tuple[Document, Problem]]:
    for document in corpus():
        for problem in check(document.text, document.medium)[:1]:
            yield document, problem


def test_published_documents_are_accepted(record_property: Record) -> None:
    """At least 97 % of Twilio's own samples; each one that is refused is named with the reason."""
    if not corpus():
        pytest.skip(f"{CORPUS} is not here: acceptance was measured elsewhere")
    refused = list(_refused())
    record_property("figure", f"TwiML corpus: {len(corpus()) - len(refused)} of {len(corpus())} documents accepted")
    for document, problem in refused:
        record_property("figure", f"  refused {document.name}:{problem.line}: {problem.message}")
    assert len(refused) <= 0.03 * len(corpus())


def test_what_the_package_builds_is_accepted() -> None:
    """Every element in every place with every attribute, as the package serializes it."""
    for document in package_documents():
        assert check(document.text, document.medium) == [], document.text


@pytest.mark.parametrize("kind", MUTATIONS)
def test_one_step_mistakes_are_caught(kind: str, record_property: Record) -> None:
    """At least 99 % of each kind, over the published documents where they are here and the package's always."""
    good = [*package_documents(), *(document for document in corpus() if not check(document.text, document.medium))]
    tried = [(document, text) for document in good for text in mutants(document, MUTATIONS[kind], MUTANTS, kind)]
    missed = [text for document, text in tried if not check(text, document.medium)]
    record_property("figure", f"TwiML mutations, {kind}: {len(tried) - len(missed)} of {len(tried)} caught")
    assert len(tried) > 100
    assert len(missed) <= 0.01 * len(tried), missed[:3]
