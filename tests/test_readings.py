"""Notes that were read are remembered: what is answered is the same, what is held is bounded and tells nothing."""

import gc
import tracemalloc
from collections.abc import Set as AbstractSet
from dataclasses import fields, is_dataclass, replace
from enum import Enum

import pytest
from charts import request
from runner import SERVICE, cases

import knowledge
from cds_service import readings
from cds_service.app import create_app
from cds_service.chart import Record, read
from cds_service.formats import read as read_format
from cds_service.prefetch import question, received
from cds_service.readings import LIFE, Readings, weigh
from cds_service.settings import Settings
from knowledge import reading
from knowledge.model import Document, Role

KNOWN = knowledge.load()
SAMPLE = sorted(cases())[::12]
NOTE = Document(
    "DocumentReference/a",
    "MRI L4-5: severe foraminal stenosis, disc bulge. No canal stenosis.\n\nHeart regular.",
    "progress",
    date="2026-03-01",
)
PLENTY = 10_000_000


def chart_of(name):
    body = request(cases()[name])
    asked = question("order-sign", body["context"], created=False, today="2026-11-20")
    return read(Record(received(body["prefetch"], {}).resources, asked), KNOWN.category)


#: What tells nothing more: the classes of an event are those of its term, the events of a class those of the clause.
UNTOLD = {"kinds", "_of"}


def plain(value, met=None):
    """Everything that a reading holds, as tuples; what was met before by its turn, so that sharing counts too."""
    met = {} if met is None else met
    if value is None or isinstance(value, str | int | Enum):
        return value
    if isinstance(value, list | tuple):
        return tuple(plain(one, met) for one in value)
    if isinstance(value, AbstractSet):
        return frozenset(value)
    if id(value) in met:
        return f"met {met[id(value)]}"
    met[id(value)] = len(met)
    names = [one.name for one in fields(value)] if is_dataclass(value) else value.__slots__
    parts = [getattr(value, name.lstrip("_")) for name in names if name not in UNTOLD]  # what is made late is made now
    return type(value).__name__, tuple(plain(part, met) for part in parts)


@pytest.mark.parametrize("name", SAMPLE)
def test_a_chart_that_was_read_before_is_judged_alike(name):
    chart, remembering = chart_of(name), Readings(PLENTY)
    fresh = knowledge.assess(chart, KNOWN)
    assert [knowledge.assess(chart, KNOWN, remembering) for _ in range(3)] == [fresh] * 3


@pytest.mark.parametrize("name", SAMPLE)
def test_the_same_words_in_another_document_are_read_as_they_would_be_there(name):
    remembering = Readings(PLENTY)
    for document in chart_of(name).documents:
        other = replace(
            document,
            source="Observation/else",
            date="2020-02-02",
            author=Role.NURSE,
            preliminary=not document.preliminary,
        )
        remembering(document, KNOWN)
        held = remembering.size
        assert plain(remembering(other, KNOWN)) == plain(reading(other, KNOWN))
        assert remembering.size == held, "it was read again"


@pytest.mark.parametrize("change", [{"kind": "radiology"}, {"of_encounter": False}, {"struck": ((9, 31),)}])
def test_what_decides_how_words_are_read_is_not_mistaken(change):
    note, remembering = replace(NOTE, text=f"History\n{NOTE.text}"), Readings(PLENTY)
    other = replace(note, **change)
    assert plain(reading(note, KNOWN)) != plain(reading(other, KNOWN)).__class__()
    remembering(note, KNOWN)
    assert plain(remembering(other, KNOWN)) == plain(reading(other, KNOWN))
    assert len(remembering._held) == 2


def test_a_note_is_read_once_for_two_hooks(monkeypatch):
    read_now = []
    monkeypatch.setattr(
        readings, "reading", lambda document, known: read_now.append(document) or reading(document, known)
    )
    case = cases()[SAMPLE[0]]
    client = create_app(Settings(open=True), KNOWN).test_client()
    first = client.post("/cds-services/m99-order-select", json=request(case, hook="order-select"))
    assert read_now
    read_now.clear()
    second = client.post(SERVICE, json=request(case))
    assert (first.status_code, second.status_code, read_now) == (200, 200, [])


def test_an_attachment_is_opened_once(monkeypatch):
    """A PDF takes longer to open than to read; what it is labelled as counts, and nothing else of it is kept."""
    opened = []
    monkeypatch.setattr(
        readings.formats, "read", lambda content, kind: opened.append(kind) or read_format(content, kind)
    )
    remembering, page = Readings(PLENTY), b"<p>Disc bulge &amp; stenosis</p>"
    texts = [remembering.opened(page, kind) for kind in ("text/html", "text/html", "text/plain", "text/html")]
    assert opened == ["text/html", "text/plain"]
    assert texts == [read_format(page, kind) for kind in ("text/html", "text/html", "text/plain", "text/html")]
    assert 0 < remembering.size <= PLENTY
    assert all(page not in digest for digest in remembering._held)


def test_what_could_not_be_opened_is_tried_again():
    remembering = Readings(PLENTY)
    for _ in range(2):
        with pytest.raises(readings.formats.Unreadable):
            remembering.opened(b"\x00", "text/plain")
    assert remembering._held == {}


def test_none_is_remembered_where_the_operator_says_so():
    forgetful = Readings(0)
    assert plain(forgetful(NOTE, KNOWN)) == plain(forgetful(NOTE, KNOWN))
    assert forgetful.opened(b"words", "text/plain").text == "words"
    assert (forgetful.size, forgetful._held) == (0, {})


def test_other_knowledge_reads_anew():
    remembering = Readings(PLENTY)
    remembering(NOTE, KNOWN)
    remembering(NOTE, replace(KNOWN, version="another"))
    assert len(remembering._held) == 2


def test_what_readings_are_found_by_tells_nothing_of_them():
    here, there = Readings(PLENTY), Readings(PLENTY)
    for one in (here, there):
        one(NOTE, KNOWN)
    (mine,), (theirs,) = here._held, there._held
    assert mine != theirs, "the key is each process's own"
    assert len(mine) == 32


def test_they_never_take_more_than_they_may_and_the_last_used_stay():
    most = 10 * weigh(reading(NOTE, KNOWN))
    remembering = Readings(most)
    notes = [replace(NOTE, text=f"{NOTE.text} {number}") for number in range(30)]
    for note in notes:
        remembering(note, KNOWN)
        remembering(notes[0], KNOWN)
        assert remembering.size <= most
        assert remembering.size == sum(weight for _, weight, _ in remembering._held.values())
    held = set(remembering._held)
    assert remembering._digest(notes[0], KNOWN) in held
    assert remembering._digest(notes[1], KNOWN) not in held


def test_what_is_larger_than_all_room_is_read_and_not_kept():
    remembering = Readings(100)
    assert plain(remembering(NOTE, KNOWN)) == plain(reading(NOTE, KNOWN))
    assert remembering.size == 0


def test_what_nobody_asked_for_in_a_while_is_forgotten():
    now = [0.0]
    remembering = Readings(PLENTY, clock=lambda: now[0])
    remembering(NOTE, KNOWN)
    now[0] = LIFE - 1
    remembering(NOTE, KNOWN)  # asked for: it stays
    now[0] = 2 * LIFE - 2
    remembering(NOTE, KNOWN)
    assert len(remembering._held) == 1
    now[0] = 3 * LIFE
    remembering(replace(NOTE, text="other words"), KNOWN)
    assert len(remembering._held) == 1


def test_a_reading_is_about_as_heavy_as_it_is_said_to_be():
    documents = [one for name in SAMPLE[::4] for one in chart_of(name).documents]
    gc.collect()
    tracemalloc.start()
    made = [reading(replace(one, text=f"{one.text} "), KNOWN) for one in documents]
    gc.collect()
    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert 0.67 < sum(map(weigh, made)) / taken < 1.5
