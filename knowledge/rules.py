"""The decision table: the facts a rule may ask about, and the proof that the rules answer all of them once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product

from knowledge.model import Rule

#: The facts, with the answers there are (policy section V).
SITUATION: Mapping[str, tuple[str, ...]] = {
    #: the code on the date of service
    "validity": ("billable", "not-billable"),
    #: a diagnosis that has a category of its own
    "elsewhere": ("none", "displaces"),
    #: two sources that disagree, a level that belongs to two regions, a disc where there is none
    "doubt": ("none", "conflict", "undefined-level", "no-disc"),
    #: what the record supports, held against what was chosen
    "expected": ("nothing", "chosen", "chosen-and-more", "other", "other-but-lesser", "only-already-chosen"),
    #: what is left for the chosen code when nothing is expected
    "evidence": ("none", "partial"),
}


def total(rules: Sequence[Rule]) -> str:
    """The first situation that is not answered by exactly one rule, in words; empty when there is none."""
    for rule in rules:
        for fact, answers in rule.when.items():
            if unknown := answers - set(SITUATION.get(fact, ())):
                return f"{rule.id}: {fact} has no answer {', '.join(sorted(unknown))}"
    for answers_given in product(*SITUATION.values()):
        situation = dict(zip(SITUATION, answers_given, strict=True))
        answering = [rule.id for rule in rules if rule.answers(situation)]
        if len(answering) != 1:
            where = ", ".join(f"{fact} {answer}" for fact, answer in situation.items())
            return f"{where}: answered by {' and '.join(answering) or 'no rule'}"
    return ""


def decide(rules: Sequence[Rule], situation: Mapping[str, str]) -> Rule:
    """The one rule that answers a situation."""
    return next(rule for rule in rules if rule.answers(situation))
