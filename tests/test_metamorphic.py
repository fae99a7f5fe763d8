"""However a chart is written, wrapped, sent and surrounded: the decision does not change.

What changes by the place a fact stands in is held by the cases themselves, each of which is asked in every placement.
"""

import tomllib
from functools import cache

import pytest
from charts import request
from fhir_server import serving
from runner import HERE, Desk, cases, decided
from variants import LEVEL, VARIANTS, renotated, rtf, wrapped

from cds_service.app import create_app
from cds_service.formats import read
from cds_service.settings import Settings

OPEN = tomllib.loads((HERE / "open-metamorphic.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def desk():
    with serving([]) as server:
        yield Desk(create_app(Settings(dev=True, rate_limit=10**9, deadline_ms=60_000)).test_client(), server)


@pytest.fixture(scope="module")
def unchanged(desk):
    """What is decided about a case as it stands."""

    @cache
    def ask(name):
        return decisions(desk, name, request)

    return ask


def decisions(desk, name, variant):
    """What is decided about every chosen code of a case, put as the variant has it."""
    case = cases()[name]
    exchange = desk.send(variant(case))
    return {code: decided(exchange, code) for code in case["chosen"]}


def differences(desk, unchanged, variant):
    """The cases that a variant decides otherwise, with both decisions."""
    for name, case in cases().items():
        if variant(case) == request(case):
            continue  # nothing in it varies
        before, after = unchanged(name), decisions(desk, name, variant)
        if before != after:
            yield name, "; ".join(f"{code}: {before[code]} -> {after[code]}" for code in before)


@pytest.mark.parametrize("name", VARIANTS)
def test_the_decision_stays(name, desk, unchanged):
    """The cases listed as open are those that change, no more and no fewer."""
    changed = dict(differences(desk, unchanged, VARIANTS[name]))
    listed = OPEN.get(name, {})
    assert not changed.keys() - listed.keys(), "\n".join(f"{case}: {how}" for case, how in changed.items())
    assert not listed.keys() - changed.keys(), "these do not change any more: take them out of open-metamorphic.toml"


def test_what_is_open_exists_and_has_a_reason():
    assert OPEN.keys() <= VARIANTS.keys()
    assert all(listed.keys() <= cases().keys() and all(map(str.strip, listed.values())) for listed in OPEN.values())


# --- the variants are on trial ------------------------------------------------------------------------


@pytest.mark.parametrize("name", VARIANTS)
def test_a_variant_varies(name):
    """A variant that left most charts as they are would prove nothing."""
    varied = [case for case in cases().values() if repr(VARIANTS[name](case)) != repr(request(case))]
    assert len(varied) > len(cases()) / 6


def test_what_changes_a_decision_is_seen(desk, unchanged):
    """Charts without their notes are decided otherwise."""
    changed = dict(differences(desk, unchanged, lambda case: request({**case, "notes": []})))
    assert len(changed) > len(cases()) / 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("L4-5 and L5-S1", {"L4-L5": "L4-L5 and L5-S1", "L4/5": "L4/5 and L5/S1", "L4–L5": "L4–L5 and L5–S1"}),
        ("C3/4, T12/L1", {"L4-5": "C3-4, T12-L1", "L4-L5": "C3-C4, T12-L1"}),
        ("C3-C6, L3-S1, T1/T2-weighted, 4-5/5, L2-3-4", dict.fromkeys(("L4-5", "L4-L5", "L4/5", "L4–L5"))),
    ],
)
def test_a_level_is_written_otherwise(text, said):
    case = {"notes": [{"format": "text", "text": text}], "conditions": [], "observations": [], "procedures": []}
    for notation, expected in said.items():
        made = renotated({**case, "orders": []}, notation)
        assert made["notes"][0]["text"] == (expected or text), notation


def test_a_wrap_loses_no_word():
    for case in cases().values():
        for before, after in zip(case["notes"], wrapped(case, 60, at_hyphens=False)["notes"], strict=True):
            assert before["text"].split() == after["text"].split()
            assert LEVEL.findall(before["text"]) == LEVEL.findall(after["text"])


def test_rtf_says_what_it_was_given():
    text = "Größe {50 %}\tL4–5 \\ left\nnext line"
    assert read(rtf(text).encode(), "application/rtf").text == text
