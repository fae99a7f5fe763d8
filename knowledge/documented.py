"""The nouns of what a chart documents, and how a quote and a place are made of a statement."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from knowledge.model import Assertion, Chart, Document, Evidence, Role
from knowledge.reading.binding import Bound
from knowledge.reading.clauses import Clause, Event
from knowledge.reading.events import spine_of
from knowledge.reading.levels import find_levels, overlap
from knowledge.reading.statement import Statement, Text
from knowledge.tables import Knowledge

AMBIGUOUS = "ambiguous"
#: Sections in which a provider states diagnoses; a note without headings states them where it likes.
STATED = frozenset({"impression", "addendum"})
UNHEADED = ""
COMPLAINT = "complaint"  #: the words of the patient: symptoms count, lesions do not


@dataclass(slots=True)
class Lesion:
    """One lesion as one document states it."""

    kind: str  #: a value of the axis lesion, or motion-loss
    site: str
    mechanisms: frozenset[str]
    causes: frozenset[str]  #: structural diagnoses said to be what narrows
    levels: tuple[str, ...]
    regions: frozenset[str]
    assertion: Assertion
    document: Document
    statement: Statement
    evidence: tuple[Evidence, ...] = ()
    weak: bool = False

    @property
    def treating(self) -> bool:
        """Stated by the treating provider."""
        return self.document.author is Role.TREATING

    @property
    def imaging(self) -> bool:
        """Stated by a radiologist."""
        return self.document.author is Role.RADIOLOGIST

    @property
    def stated(self) -> bool:
        """Affirmed by someone who can state a lesion (policy A4)."""
        return self.assertion is Assertion.AFFIRMED and self.document.author in {Role.TREATING, Role.RADIOLOGIST}


@dataclass(slots=True)
class StructuralFinding:
    """A structural diagnosis said or coded."""

    id: str
    levels: tuple[str, ...]
    regions: frozenset[str]
    assertion: Assertion
    role: Role
    coded: bool
    causal: bool  #: said to be what narrows
    evidence: Evidence
    document: Document | None = None
    encounter_diagnosis: bool = False
    code: str = ""
    also: bool = False  #: counts only where the chart says more
    section: str = ""
    places: tuple[Evidence, ...] = ()  #: where it is said to be


@dataclass(slots=True)
class Record:
    """What a chart documents."""

    chart: Chart
    texts: list[Text]
    bounds: list[Bound]
    lesions: list[Lesion] = field(default_factory=list)
    structurals: list[StructuralFinding] = field(default_factory=list)

    def events(self, kind: str) -> Iterator[tuple[Text, Statement, Clause, Event]]:
        """Every event of a class, with where it stands."""
        for text in self.texts:
            for statement in text.statements:
                for clause in statement.clauses if statement.says(kind) else ():
                    for event in clause.events:
                        if event.has(kind):
                            yield text, statement, clause, event


@dataclass(frozen=True, slots=True)
class Target:
    """The lesion an element is asked for."""

    family: str
    region: str  #: region of the code
    lesion_regions: frozenset[str]  #: where the lesion itself lies; empty = not known
    levels: tuple[str, ...]


def evidence(
    text: Text, statement: Statement, axis: str, value: str, assertion: Assertion, start: int, end: int
) -> Evidence:
    """A quote of the document with its place."""
    first, last = text.span(start, end)
    document = text.document
    return Evidence(
        axis,
        value,
        assertion,
        document.text[first:last],
        document.source,
        first,
        last,
        document.date,
        statement.sentence.heading,
        document.author.value,
        diagnostic=assertion is Assertion.AFFIRMED
        and document.author is Role.TREATING
        and statement.sentence.section in {*STATED, UNHEADED},
    )


def settled(assertion: Assertion, *, certain: bool) -> Assertion:
    """At an inpatient discharge an uncertain diagnosis counts (policy A2)."""
    return Assertion.AFFIRMED if certain and assertion is Assertion.UNCERTAIN else assertion


def segment_between(levels: tuple[str, ...], known: Knowledge) -> tuple[str, ...]:
    """Two neighbouring vertebrae that share a canal or a foramen are the level between them."""
    if len(levels) == 2 and not any("-" in level for level in levels):  # noqa: PLR2004
        between = f"{levels[0]}-{levels[1]}"
        return (between,) if between in known.levels else levels
    return levels


def regions_of(levels: Sequence[str], said: Sequence[str], known: Knowledge) -> frozenset[str]:
    """The M99 regions of levels; words count where no level does (policy B3, B4)."""
    found = {known.levels[level].region for level in levels if level in known.levels}
    if found == {AMBIGUOUS}:
        named = {value for value in said if value in known.regions and known.regions[value].spinal}
        return frozenset(named or found)
    if found:
        return frozenset(found - {AMBIGUOUS})
    return frozenset(value for value in said if value in known.regions)


def places_of(text: str, known: Knowledge) -> tuple[tuple[str, ...], frozenset[str]]:
    """The levels and regions that a short text names."""
    words = text.lower()
    mentions = find_levels(words, spine_of(tuple((level.id, level.kind) for level in known.levels.values())))
    levels = tuple(dict.fromkeys(level for mention in mentions for level in mention.levels))
    said = [
        value
        for match in known.lexicon.scan(words)
        for kind, value in known.lexicon.tags_of(match[0])
        if kind == "region"
    ]
    return levels, regions_of(levels, said, known)


def study_region(document: Document, known: Knowledge) -> str:
    """The one spinal region that the code or the title of an imaging study names, or an empty string."""
    coded = {known.studies[name] for name in document.study if name in known.studies}
    named = coded or {region for title in document.study for region in places_of(title, known)[1]}
    spinal = {region for region in named if region in known.regions and known.regions[region].spinal}
    return spinal.pop() if len(named) == len(spinal) == 1 else ""


def normal_levels(text: Text, section: str = "") -> Iterator[str]:
    """Levels that a document, or a section of it, calls normal as a whole: "T1-2 is normal", "L1-2: normal"."""
    for statement in text.statements:
        if section and statement.sentence.section != section:
            continue
        if _called_normal(statement.clauses):
            yield from statement.own
            continue
        for clause in statement.clauses:
            yield from clause.levels if _called_normal([clause]) else ()


def _called_normal(clauses: Sequence[Clause]) -> bool:
    """Something is called normal, and nothing that a level has is named."""
    about = ("site", "tissue", "mechanism", "content", "structural")
    normal = any(event.assertion is Assertion.AFFIRMED for clause in clauses for event in clause.of("normal"))
    return normal and not any(clause.of(kind) for clause in clauses for kind in about)


def may_meet(a: Sequence[str], b: Sequence[str]) -> bool:
    """Whether two lists of levels meet, or one of them is not told."""
    return not a or not b or overlap(a, b)
