"""Chosen code + record -> assessment: the facts of the decision table, the rule that answers, and what it rests on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from knowledge.elements import Target, distributions, missing
from knowledge.expected import (
    Expectation,
    codes_of,
    expect,
    nearest,
)
from knowledge.lesions import AMBIGUOUS, Lesion, Record, record
from knowledge.model import Assertion, Assessment, Chart, Code, Comparison, Evidence, Verdict
from knowledge.rules import decide
from knowledge.structural import displacing, structural_codes
from knowledge.tables import Knowledge

#: With these verdicts the documentation elements are reported (policy E).
REPORTED = frozenset({Verdict.SUPPORTED, Verdict.CORRECTED, Verdict.ADDITIONAL, Verdict.INCOMPLETE})


def assess(chart: Chart, known: Knowledge) -> tuple[Assessment, ...]:
    """Hold every chosen code of a chart against what the chart documents.

    Returns one assessment per chosen code, in the order chosen.
    """
    if not chart.chosen:
        return ()
    made = record(chart, known)
    return tuple(_Case(made, code, known).assessment() for code in chart.chosen)


@dataclass(slots=True)
class _Case:
    """One chosen code before the record."""

    record: Record
    chosen: str
    known: Knowledge
    policy: list[str] = field(default_factory=list)

    def assessment(self) -> Assessment:
        known, chart = self.known, self.record.chart
        code = known.codes.get(self.chosen)
        valid = code is not None and bool(code.family) and code.billable_on(chart.date)
        judged = code if valid and code else self._meant()
        expectation = expect(self.record, judged, known)
        displaced = displacing(self.record, judged, expectation, known)
        situation = {
            "validity": "billable" if valid else "not-billable",
            "elsewhere": "displaces" if displaced else "none",
            "doubt": expectation.doubt,
            "expected": expectation.standing(self.chosen, self._others()),
            "evidence": "partial" if expectation.partial else "none",
        }
        rule = decide(known.rules, situation)
        verdict = rule.verdict
        proposed = self._proposed(verdict, expectation, displaced, judged)
        hard = expectation.missing_hard if verdict is Verdict.INCOMPLETE else ()
        soft, proofs = self._soft(verdict, judged, proposed, expectation)
        shown = self._evidence(verdict, expectation, displaced, proofs)
        return Assessment(
            code=self.chosen,
            title=code.title if code else "",
            verdict=verdict,
            rule=rule,
            policy=tuple(dict.fromkeys([*rule.policy, *expectation.policy, *(item.policy for item in known.elements if item.id in soft)])),
            proposed=proposed,
            alternatives=self._alternatives(verdict, expectation, judged, proposed),
            missing_hard=hard,
            missing_soft=soft,
            evidence=shown,
            comparisons=self._comparisons(judged, expectation),
            provider_stated=any(lesion.treating for lesion in expectation.lesions) if not displaced else any(item.role.value == "treating" for item in displaced),
            sequencing=expectation.sequencing,
            gaps=chart.gaps,
            situation=situation,
        )

    def _meant(self) -> Code | None:
        """The code a malformed one most likely stands for: its longest beginning that is a code."""
        for end in range(len(self.chosen) - 1, 4, -1):
            if (code := self.known.codes.get(self.chosen[:end])) and code.family:
                return code
        digit = self.chosen[len(self.known.category) + 1 : len(self.known.category) + 2]
        family = self.known.families.get(digit) or list(self.known.families.values())[-1]
        return Code(self.chosen, family.title, billable=False, family=family.digit, lesion=family.lesion, site=family.site, mechanisms=family.mechanisms)

    def _others(self) -> frozenset[str]:
        return frozenset(self.record.chart.chosen) - {self.chosen}

    def _proposed(self, verdict: Verdict, expectation: Expectation, displaced: list, judged: Code | None) -> tuple[str, ...]:  # type: ignore[type-arg]
        known, chart = self.known, self.record.chart
        if verdict is Verdict.STRUCTURAL:
            return structural_codes(self.record, displaced, known)[:1]
        if verdict is Verdict.CLARIFY:
            return expectation.candidates
        if verdict is Verdict.CORRECTED:
            left = tuple(code for code in expectation.codes if code not in self._others())
            wrong = [other for other in self._others() if other not in expectation.codes]
            return nearest(judged, left, known) if wrong and judged else left
        if verdict is Verdict.ADDITIONAL:
            return tuple(code for code in expectation.codes if code != self.chosen and code not in self._others())
        if verdict is Verdict.INVALID:
            if displaced:
                return structural_codes(self.record, displaced, known)[:1]
            return expectation.codes or tuple(code for code in () if known.codes[code].billable_on(chart.date))
        return ()

    def _soft(self, verdict: Verdict, judged: Code | None, proposed: Sequence[str], expectation: Expectation) -> tuple[tuple[str, ...], list[Evidence]]:
        if verdict not in REPORTED or judged is None:
            return (), []
        named = self.known.codes[proposed[0]] if verdict is Verdict.CORRECTED and proposed else judged
        regions = frozenset().union(*(lesion.regions for lesion in expectation.lesions)) - {AMBIGUOUS} if expectation.lesions else frozenset()
        region = self.known.regions.get(named.region)
        if region and region.spinal and verdict is not Verdict.INCOMPLETE:
            regions = frozenset({named.region})
        elif not regions and region and not region.lesion_in and named.region:
            regions = frozenset({named.region})
        levels = tuple(dict.fromkeys(level for lesion in expectation.lesions for level in lesion.levels))
        if region and region.lesion_in and self.known.families[named.family].stenosis:  # the lesion itself lies in the spine (E1)
            lying = {self.known.levels[level].region for level in levels if level in self.known.levels} - {AMBIGUOUS}
            regions = frozenset(lying or (set(region.lesion_in) if verdict is not Verdict.INCOMPLETE else ()))
        target = Target(named.family, named.region, regions, levels)
        lesser = verdict is Verdict.CORRECTED and not self.known.families[named.family].stenosis
        return missing(self.record, target, self.chosen, self.known, lesser=lesser)

    def _evidence(self, verdict: Verdict, expectation: Expectation, displaced: list, proofs: list[Evidence]) -> tuple[Evidence, ...]:  # type: ignore[type-arg]
        shown: list[Evidence] = []
        if displaced:
            shown += [item.evidence for item in displaced]
        for lesion in expectation.lesions:
            shown += lesion.evidence
        shown += expectation.contrary
        shown += proofs
        unique = dict.fromkeys(item for item in shown if item.quote and item.assertion is not Assertion.ELSEWHERE)
        return tuple(sorted(unique, key=lambda item: item.assertion is not Assertion.AFFIRMED))[:24]

    def _alternatives(self, verdict: Verdict, expectation: Expectation, judged: Code | None, proposed: Sequence[str]) -> tuple[str, ...]:
        found = [code for code in expectation.alternatives if code not in proposed and code != self.chosen]
        return tuple(dict.fromkeys(found))

    def _comparisons(self, judged: Code | None, expectation: Expectation) -> tuple[Comparison, ...]:
        if judged is None:
            return ()
        return tuple(_compared(axis, claimed, said) for axis, claimed, said in _axes(judged, expectation.lesions, self.known))


def _axes(code: Code, lesions: Iterable[Lesion], known: Knowledge) -> Iterable[tuple[str, tuple[str, ...], tuple[str, ...]]]:
    lesions = tuple(lesions)
    kinds = tuple(dict.fromkeys(lesion.kind for lesion in lesions if lesion.kind in known.axes["lesion"]))
    yield "lesion", (code.lesion,), kinds
    if code.site:
        yield "site", (code.site,), tuple(dict.fromkeys(lesion.site for lesion in lesions if lesion.site))
        yield "mechanism", tuple(sorted(code.mechanisms)), tuple(sorted({value for lesion in lesions for value in lesion.mechanisms}))
    if code.region:
        yield "region", (code.region,), tuple(sorted({value for lesion in lesions for value in lesion.regions if value in known.regions}))


def _compared(axis: str, claimed: tuple[str, ...], said: tuple[str, ...]) -> Comparison:
    standing = "supported" if set(claimed) & set(said) else "contradicted" if said else "undocumented"
    return Comparison(axis, claimed, said, standing)


__all__ = ["assess", "codes_of", "distributions"]
