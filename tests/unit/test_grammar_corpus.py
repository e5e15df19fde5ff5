"""The TwiML check against documents that Twilio published, and against one-step mistakes made in good documents.

The figures are recorded as the property "figure" of each test, which `make test` shows at its end.
"""

import re
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from answerbook.grammar import check
from answerbook.twiml import Medium
from answerbook.voices import doubt
from tests.unit.twiml_mutations import MUTATIONS, Document, mutants, package_documents

MUTANTS = 8  # of one kind, made from one document

type Record = Callable[[str, object], None]


@pytest.fixture(scope="module")
def corpus(shared: Path) -> tuple[Document, ...]:
    """The published <Response> documents; a document's medium is the one in which it has fewer problems."""
    folder = shared / "testdata/twiml-corpus"
    files = sorted(path for path in folder.rglob("*") if path.suffix in (".xml", ".twiml"))
    texts = ((str(path.relative_to(folder)), path.read_text(encoding="utf-8")) for path in files)
    return tuple(Document(name, _medium(text), text) for name, text in texts if "<Response" in text)


def _medium(text: str) -> Medium:
    return "messaging" if len(check(text, "messaging")) < len(check(text, "voice")) else "voice"


def test_published_documents_are_accepted(corpus: tuple[Document, ...], record_property: Record) -> None:
    """At least 97 % of Twilio's own samples; each one that is refused is named with the reason."""
    refused = [(document, problem) for document in corpus for problem in check(document.text, document.medium)[:1]]
    record_property("figure", f"TwiML corpus: {len(corpus) - len(refused)} of {len(corpus)} documents accepted")
    for document, problem in refused:
        record_property("figure", f"  refused {document.name}:{problem.line}: {problem.message}")
    assert len(refused) <= 0.03 * len(corpus)


def test_what_the_package_builds_is_accepted() -> None:
    """Every element in every place with every attribute, as the package serializes it."""
    for document in package_documents():
        assert check(document.text, document.medium) == [], document.text


def _caught(kind: str, good: Iterable[Document], record: Record) -> int:
    """Holds at least 99 % of the mistakes to be caught; how many there were."""
    tried = [(document, text) for document in good for text in mutants(document, MUTATIONS[kind], MUTANTS, kind)]
    missed = [text for document, text in tried if not check(text, document.medium) and not _doubted(text)]
    record("figure", f"TwiML mutations, {kind}: {len(tried) - len(missed)} of {len(tried)} caught")
    assert len(missed) <= 0.01 * len(tried), missed[:3]
    return len(tried)


def _doubted(document: str) -> bool:
    """Whether a voice in it would be a warning."""
    return any(doubt(voice) for voice in re.findall(r'<Say[^>]* voice="([^"]*)"', document))


@pytest.mark.parametrize("kind", MUTATIONS)
def test_one_step_mistakes_are_caught(kind: str, record_property: Record) -> None:
    """In documents that the package builds."""
    assert _caught(kind, package_documents(), record_property) > 100


@pytest.mark.parametrize("kind", MUTATIONS)
def test_one_step_mistakes_in_published_documents_are_caught(kind: str, corpus: tuple[Document, ...], record_property: Record) -> None:
    """In those of Twilio's own samples that are accepted."""
    assert _caught(kind, (document for document in corpus if not check(document.text, document.medium)), record_property) > 30
