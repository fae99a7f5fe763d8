"""The decision table: every rule's own examples fire or do not, and every situation has exactly one answer."""

import shutil
import tomllib
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest

import knowledge
from knowledge.load import KnowledgeError, load
from knowledge.model import Chart, Document, Role, Verdict
from knowledge.rules import SITUATION, total

ROOT = Path(knowledge.__file__).parent
KNOWN = knowledge.load()
DATE = "2026-11-03"
FILES = {path.stem: tomllib.loads(path.read_text(encoding="utf-8")) for path in sorted((ROOT / "rules").glob("*.toml"))}
EXAMPLES = [
    pytest.param(name, example, id=f"{name}-{number}-{'fires' if example['fires'] else 'silent'}")
    for name, raw in FILES.items()
    for number, example in enumerate(raw["example"], 1)
]


def deciding(example, known=KNOWN):
    """The rule that decides an example: its texts are the provider's notes of the day and a radiologist's reports."""
    spoken = [(text, "progress", Role.TREATING) for text in example.get("record", ())]
    spoken += [(text, "radiology", Role.RADIOLOGIST) for text in example.get("report", ())]
    documents = tuple(
        Document(f"DocumentReference/d{number}", text, kind, author, DATE)
        for number, (text, kind, author) in enumerate(spoken)
    )
    chosen = (example["code"], *example.get("also_chosen", ()))
    return knowledge.assess(Chart(DATE, chosen, documents=documents), known)[0].rule


def wrong(name, example):
    """What is wrong with an example of a rule, or empty."""
    decided = deciding(example).id
    return "" if (decided == name) is example["fires"] else f"{example} is decided by {decided}"


# --- the examples ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "example"), EXAMPLES)
def test_an_example_fires_as_it_says(name, example):
    assert wrong(name, example) == ""


@pytest.mark.parametrize(("name", "example"), EXAMPLES)
def test_a_falsified_example_fails(name, example):
    assert wrong(name, {**example, "fires": not example["fires"]}) != ""


def test_an_example_of_another_rule_fails():
    for name in FILES:
        for other, raw in FILES.items():
            fired = [example for example in raw["example"] if example["fires"]]
            assert other == name or all(wrong(name, example) for example in fired), (name, other)


@pytest.mark.parametrize("name", FILES)
def test_a_rule_shows_both_sides(name):
    assert {example["fires"] for example in FILES[name]["example"]} == {True, False}


# --- the table ------------------------------------------------------------------------------------------


def test_every_situation_has_one_answer():
    situations = [dict(zip(SITUATION, answers, strict=True)) for answers in product(*SITUATION.values())]
    answered = [[rule.id for rule in KNOWN.rules if rule.answers(situation)] for situation in situations]
    assert {len(rules) for rules in answered} == {1}
    assert {rule for rules in answered for rule in rules} == FILES.keys()
    assert total(KNOWN.rules) == ""


def test_every_verdict_has_a_rule():
    assert {rule.verdict for rule in KNOWN.rules} == {*Verdict}


@pytest.mark.parametrize("name", FILES)
def test_without_a_rule_there_is_a_gap(name):
    assert "answered by no rule" in total([rule for rule in KNOWN.rules if rule.id != name])


@pytest.mark.parametrize("name", FILES)
def test_a_rule_that_takes_more_overlaps(name):
    """A rule that answers every validity meets the rule of the codes that are not billable, or all the others."""
    greedy = {rule.id: rule for rule in KNOWN.rules}
    greedy[name] = replace(greedy[name], when={**greedy[name].when, "validity": frozenset(SITUATION["validity"])})
    problem = total([*greedy.values()])
    assert f"{name} and " in problem or problem.endswith(f" and {name}")


@pytest.mark.parametrize(("fact", "answer"), [("weather", "fine"), ("doubt", "slight")])
def test_a_fact_or_an_answer_that_does_not_exist_is_named(fact, answer):
    rule = KNOWN.rules[0]
    odd = replace(rule, when={**rule.when, fact: frozenset({answer})})
    assert total([odd, *KNOWN.rules[1:]]) == f"{rule.id}: {fact} has no answer {answer}"


def test_knowledge_with_a_gap_is_not_loaded(tmp_path):
    copy = shutil.copytree(ROOT, tmp_path / "knowledge")
    (copy / "rules/supported.toml").unlink()
    with pytest.raises(KnowledgeError, match=r"knowledge/rules: .*expected chosen,.*answered by no rule"):
        load(copy)
