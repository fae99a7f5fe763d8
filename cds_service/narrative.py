"""DocumentReference and DiagnosticReport -> documents: which of them count, whose they are, what they say."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from math import inf
from time import monotonic

from cds_service import attachments, formats
from cds_service.documents import Documents, Kind
from cds_service.fhir_read import (
    LOINC_SYSTEMS,
    Reference,
    Resource,
    codes_of,
    day,
    found,
    objects,
    references,
    statuses,
    strings,
    words,
)
from cds_service.formats import Text, Unreadable, html, trimmed
from cds_service.reasons import Reason
from cds_service.record import Item, Record
from knowledge.model import Document, Gap, Role

TYPES = ("DocumentReference", "DiagnosticReport")
REPORT = "DiagnosticReport"
ABSENT = frozenset({"entered-in-error", "superseded", "cancelled"})
PRELIMINARY = frozenset({"preliminary", "partial", "registered"})
REPLACING = frozenset({"replaces", "transforms"})
SIGNED = ("author.display", "performer.display", "resultsInterpreter.display", "authenticator.display")
SIGNING = ("author", "performer", "resultsInterpreter")
GENERATED = "generated"
#: What the same words may differ in when they are met twice: white space and the marks of list items.
IMMATERIAL = re.compile(r"(?m)^\s*[-•*]\s+|\s+")
#: What two renderings of one attachment may differ in.
NO_WORD = re.compile(r"[\W_]+")
WORD = re.compile(r"[^\W_]")
#: The marks of list items: texts that differ besides them and white space are not the same words.
ITEMS = str.maketrans("", "", "-•*")
NOTHING = Text("")


@dataclass(frozen=True, slots=True)
class Narrative:
    """A document of the record with what decides whether it counts."""

    item: Item
    kind: Kind
    date: str
    preliminary: bool
    study: tuple[str, ...]  #: type codes and titles

    @property
    def resource(self) -> Resource:
        return self.item.resource


@dataclass
class Opened:
    """What was found out of the documents of one patient, for whoever reads several charts of the patient."""

    counting: list[Narrative] | None = None
    texts: dict[str, tuple[Text, Reason | None]] = field(default_factory=dict)
    documents: dict[str, Document] = field(default_factory=dict)  #: as those of another encounter


def documents(
    record: Record,
    table: Documents,
    fetch: attachments.Fetch | None,
    *,
    later: str,
    earlier: str = "",
    until: float = inf,
    opened: Opened | None = None,
    opener: attachments.Opener = formats.read,
) -> tuple[list[Document], list[Gap]]:
    """The texts of the record, each once, and what could not be read.

    A document ``later`` than the date of service counts only when it names the encounter, a note ``earlier`` than its
    beginning by long is of another one, whatever it names (A7); none is opened after ``until``, nor again where it is
    ``opened``.
    """
    known = Opened() if opened is None else opened
    if known.counting is None:
        known.counting = _counting(record, table)
    texts, gaps = [], []
    for narrative in sorted(known.counting, key=lambda one: record.elsewhere(one.item)):
        source = narrative.item.source  # those of this encounter first: time to fetch may run out
        if source not in known.texts:
            late = monotonic() > until
            known.texts[source] = (NOTHING, Reason.TIMED_OUT) if late else _text(narrative, record, fetch, opener)
        text, unread = known.texts[source]
        if unread:
            gaps.append(Gap(source, unread))
        if text.text:
            if source not in known.documents:
                known.documents[source] = _document(narrative, text, record, table)
            texts.append(_placed(known.documents[source], narrative, record, later, earlier))
    return _once(texts), gaps


def _counting(record: Record, table: Documents) -> list[Narrative]:
    """The documents that count: not withdrawn, not replaced, and no preliminary one whose final is there (A1)."""
    items = [item for kind in TYPES for item in record.of(kind)]
    standing = [item for item in items if not item.statuses("status") & ABSENT and not _withdrawn(item)]
    replaced = {target.id for item in standing for target in _replaced(item.resource)}
    kept = [_narrative(item, table) for item in standing if item.id not in replaced]
    finals = [narrative for narrative in kept if not narrative.preliminary]
    return [one for one in kept if not one.preliminary or not any(_same_study(one, final) for final in finals)]


def _withdrawn(item: Item) -> bool:
    return bool(item.statuses("docStatus") & ABSENT)


def _replaced(resource: Resource) -> list[Reference]:
    links = objects(resource, "relatesTo")
    return [target for link in links if statuses(link, "code") & REPLACING for target in references(link, "target")]


def _narrative(item: Item, table: Documents) -> Narrative:
    resource = item.resource
    report = item.type == REPORT
    typed = [*found(resource, "code" if report else "type")]
    titles = strings(typed, "text", "coding.display") + strings(
        resource, "description", "content.attachment.title", "presentedForm.title"
    )
    codes = tuple(codes_of(typed, LOINC_SYSTEMS))
    return Narrative(
        item=item,
        kind=table.kind(codes, strings(resource, "category.coding.code"), titles, report=report),
        date=day(resource, "effectiveDateTime", "effectivePeriod.start", "date", "context.period.start", "issued"),
        preliminary=bool((item.statuses("status") | item.statuses("docStatus")) & PRELIMINARY),
        study=(*codes, *titles),
    )


def _same_study(one: Narrative, other: Narrative) -> bool:
    """Whether two documents tell of one study: by the order, by an identifier, else by what it is and when."""
    orders, others = (set(references(each.resource, "basedOn")) for each in (one, other))
    if orders and others:
        return bool(orders & others)
    names, other_names = (set(strings(each.resource, "identifier.value")) for each in (one, other))
    dated = bool(one.date) and (one.kind.imaging or one.item.type == REPORT)  # two notes of a day are two notes
    return bool(names & other_names) or (dated and _study(one) == _study(other))


def _study(narrative: Narrative) -> tuple[str, str, frozenset[str]]:
    concepts = [*found(narrative.resource, "code"), *found(narrative.resource, "type")]
    return narrative.date, words(concepts).lower(), frozenset(strings(concepts, "coding.code"))


# --- the text -----------------------------------------------------------------------------------------


def _text(
    narrative: Narrative, record: Record, fetch: attachments.Fetch | None, opener: attachments.Opener
) -> tuple[Text, Reason | None]:
    """All that a document says, as one text, and why there is none or not all of it.

    FHIR gives several attachments as several forms of the same content, so one that is read stands for all.
    """
    resource = narrative.resource
    forms: list[Text] = []
    reason = Reason.EMPTY
    for attachment in objects(resource, "content.attachment") + objects(resource, "presentedForm"):
        try:
            forms.append(attachments.text(attachment, record, fetch, opener))
        except Unreadable as error:
            reason = error.reason if reason is Reason.EMPTY else reason
    unread: Reason | None = None if forms or reason is Reason.EMPTY else reason
    if forms and all(form.unread for form in forms):
        unread = forms[0].unread
    said = [*forms, *(Text(conclusion) for conclusion in strings(resource, "conclusion"))]
    said += [Text(words(concept)) for concept in found(resource, "conclusionCode")]
    said += _shown(resource, beside=bool(said or unread))
    text = _joined(_distinct(said))
    return text, unread or (None if text.text else Reason.EMPTY)


def _shown(resource: Resource, *, beside: bool) -> list[Text]:
    """The narrative made for display; one that was generated adds nothing beside the text itself."""
    shown = [html.text(div) for div in strings(resource, "text.div")]
    return [] if beside and GENERATED in statuses(resource.get("text") or {}, "status") else shown


def _distinct(pieces: Iterable[Text]) -> list[Text]:
    """The pieces whose words are not held by another one."""
    pieces = list(pieces)
    if len(pieces) == 1:
        return pieces if WORD.search(pieces[0].text) else []
    keys: list[tuple[str, Text]] = []
    for piece in pieces:
        key = NO_WORD.sub("", piece.text).casefold()
        if key and not any(key in other for other, _ in keys):
            keys = [(other, kept) for other, kept in keys if other not in key]
            keys.append((key, piece))
    return [piece for _, piece in keys]


def _joined(pieces: list[Text]) -> Text:
    """Several pieces as one text, an empty line between them."""
    text, struck = "", []
    for piece in pieces:
        text += "\n\n" if text else ""
        struck += [(start + len(text), end + len(text)) for start, end in piece.struck]
        text += piece.text
    return Text(text, trimmed(text, struck))


# --- the document -------------------------------------------------------------------------------------


def _placed(document: Document, narrative: Narrative, record: Record, later: str, earlier: str) -> Document:
    """The document as one of this encounter, where it is."""
    unlinked = bool(later) and narrative.date > later and not record.linked(narrative.item)
    old = bool(narrative.date) and narrative.date < earlier
    mine = not unlinked and (narrative.kind.imaging or not (old or record.elsewhere(narrative.item)))
    return replace(document, of_encounter=True) if mine else document


def _document(narrative: Narrative, text: Text, record: Record, table: Documents) -> Document:
    resource = narrative.resource
    return Document(
        source=narrative.item.source,
        text=text.text,
        kind=narrative.kind.id,
        author=table.role(_authors(resource, record), narrative.kind),
        date=narrative.date,
        of_encounter=False,
        preliminary=narrative.preliminary,
        struck=text.struck,
        study=narrative.study if narrative.kind.imaging else (),
    )


def _authors(resource: Resource, record: Record) -> Iterator[str]:
    """How the authors are shown, and what the record holds about them."""
    yield from strings(resource, *SIGNED)
    for target in references(resource, *SIGNING):
        if item := record.named(target, resource):
            person = item.resource
            yield from strings(person, "name.text", "name.suffix", "qualification.code.text", "practitioner.display")
            yield from strings(person, "qualification.code.coding", "qualification.code.coding.display")
            yield from strings(person, "qualification.code.coding.code", "code.text", "code.coding.display")


def _once(documents: Iterable[Document]) -> list[Document]:
    """The same text met twice is one document.

    The report outlives the note that carries it, so does the text of this encounter, the final one, the treating
    provider's, the latest; the encounter it belongs to is that of any of them.
    """
    by_text: dict[str, list[Document]] = {}
    alike: dict[str, list[Document]] = {}
    for document in documents:
        alike.setdefault("".join(document.text.split()).translate(ITEMS), []).append(document)
    for rough, group in alike.items():
        for document in group:
            exact = IMMATERIAL.sub("", document.text) if len(group) > 1 else rough
            by_text.setdefault(exact, []).append(document)
    return [_merged(same) for same in by_text.values()]


def _merged(same: list[Document]) -> Document:
    first, *_ = sorted(same, key=_precedence)
    return replace(
        first,
        date=first.date or max(document.date for document in same),
        of_encounter=any(document.of_encounter for document in same),
        preliminary=all(document.preliminary for document in same),
    )


def _precedence(document: Document) -> tuple[object, ...]:
    return (
        not document.source.startswith(REPORT),
        not document.of_encounter,
        document.preliminary,
        document.author is not Role.TREATING,
        [-ord(character) for character in document.date],
        document.source,
    )
