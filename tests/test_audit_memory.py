"""What an audit remembers of a note reads as it would be read afresh, as one of this encounter and of another."""

from dataclasses import replace

import pytest
from test_readings import KNOWN, NOTE, SAMPLE, chart_of, plain

from cds_service.audit import memory
from cds_service.audit.memory import Memory
from knowledge import reading


@pytest.mark.parametrize("name", SAMPLE)
def test_a_note_is_read_alike_in_whichever_encounter_it_is_met(name):
    remembering = Memory()
    for document in chart_of(name).documents:
        for mine in (True, False, True, False):
            met = replace(document, of_encounter=mine)
            assert plain(remembering(met, KNOWN)) == plain(reading(met, KNOWN))


def test_a_note_is_scanned_once_and_read_once_for_each_kind_of_encounter(monkeypatch):
    scanned, read, remembering = [], [], Memory()
    monkeypatch.setattr(memory, "scan", lambda *given: scanned.append(given) or SCAN(*given))
    monkeypatch.setattr(memory, "reading", lambda *given: read.append(given) or reading(*given))
    for mine in (True, False, True, False):
        remembering(replace(NOTE, of_encounter=mine), KNOWN)
    assert (len(scanned), len(read)) == (1, 2)


SCAN = memory.scan


def test_what_is_remembered_is_bounded(monkeypatch):
    monkeypatch.setattr(memory, "MOST", 5 * len(NOTE.text))
    remembering = Memory()
    for number in range(100):
        remembering(replace(NOTE, text=f"{NOTE.text} {number}"), KNOWN)
        assert remembering.readings.held == sum(size for _, size in remembering.readings.values()) <= memory.MOST
    assert len(remembering.readings) < 6
