"""Chosen code + record -> assessment: the facts of the decision table, the rule that answers, what it rests on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from knowledge.documented import AMBIGUOUS, Record, StructuralFinding, Target
from knowledge.doubts import doubt
from knowledge.elements import missing
from knowledge.expected import Expectation, Expecting, codes_of, nearest
from knowledge.model import Assertion, Assessment, Chart, Code, Comparison, Evidence, Verdict
from knowledge.record import Reader, reading, record
from knowledge.rules import decide
from knowledge.specific import code_for, qualified, structural_codes
from knowledge.stated import grounds, stated
from knowledge.structural import displacing
from knowledge.tables import Knowledge

#: With these verdicts the documentation elements are reported (policy E).
REPORTED = frozenset({Verdict.SUPPORTED, Verdict.CORRECTED, Verdict.ADDITIONAL, Verdict.INCOMPLETE})
MOST_EVIDENCE = 24


def assess(chart: Chart, known: Knowledge, reader: Reader = reading) -> tuple[Assessment, ...]:
    """Hold every chosen code of a chart against what the chart documents, as ``reader`` reads it.

    Returns one assessment per chosen code, in the order chosen; nothing is read when no code is chosen.
    """
    if not chart.chosen:
        return ()
    made = record(chart, known, reader)
    return tuple(judge(made, code, known) for code in chart.chosen)


def judge(made: Record, chosen: str, known: Knowledge) -> Assessment:
    """Hold one code against a record that has been read."""
    code = known.codes.get(chosen)
    valid = code is not None and bool(code.family) and code.billable_on(made.chart.date)
    meant = code if valid and code else _meant(chosen, known)
    out = Expecting(made, meant, known).result()
    doubt(made, meant, out, known)
    displaced = displacing(made, meant, out, known)
    others = frozenset(made.chart.chosen) - {chosen}
    situation = {
        "validity": "billable" if valid else "not-billable",
        "elsewhere": "displaces" if displaced else "none",
        "doubt": out.doubt,
        "expected": out.standing(chosen, others),
        "evidence": "partial" if out.partial else "none",
    }
    case = _Case(made, meant, known, out, displaced, others)
    return case.assessment(chosen, code.title if code else "", situation)


def _meant(chosen: str, known: Knowledge) -> Code:
    """The code a malformed one most likely stands for: its longest beginning that is a code, else its family."""
    for end in range(len(chosen) - 1, len(known.category) + 2, -1):
        if (code := known.codes.get(chosen[:end])) and code.family:
            return code
    family = known.families.get(
        chosen[len(known.category) + 1 : len(known.category) + 2], known.family_of(known.parts.vague)
    )
    return Code(
        chosen,
        family.title,
        billable=False,
        family=family.digit,
        lesion=family.lesion,
        site=family.site,
        mechanisms=family.mechanisms,
    )


@dataclass(slots=True)
class _Case:
    """One code before the record, with what has been found."""

    record: Record
    code: Code
    known: Knowledge
    out: Expectation
    displaced: list[StructuralFinding]
    others: frozenset[str]

    def assessment(self, chosen: str, title: str, situation: dict[str, str]) -> Assessment:
        """Ask the decision table and put the answer together."""
        known, out = self.known, self.out
        rule = decide(known.rules, situation)
        proposed = self._proposed(rule.verdict)
        soft, proofs = self._soft(rule.verdict, chosen, proposed)
        evidence = self._evidence(proposed, proofs)
        elements = [element.policy for element in known.elements if element.id in soft]
        return Assessment(
            code=chosen,
            title=title,
            verdict=rule.verdict,
            rule=rule,
            policy=tuple(dict.fromkeys([*rule.policy, *out.policy, *elements])),
            proposed=proposed,
            alternatives=tuple(dict.fromkeys(code for code in self._alternatives() if code not in {*proposed, chosen})),
            missing_hard=out.missing_hard if rule.verdict is Verdict.INCOMPLETE else (),
            missing_soft=soft,
            evidence=evidence,
            comparisons=tuple(self._comparisons()),
            provider_stated=any(item.evidence.diagnostic for item in self.displaced)
            if self.displaced
            else stated(self.code, [known.codes[one] for one in proposed], out.lesions, evidence),
            sequencing=out.sequencing,
            gaps=self.record.chart.gaps,
            situation=situation,
        )

    def _proposed(self, verdict: Verdict) -> tuple[str, ...]:
        """What the answer proposes, per verdict (policy V)."""
        out = self.out
        if verdict is Verdict.STRUCTURAL or (verdict is Verdict.INVALID and self.displaced):
            return structural_codes(self.record, self.displaced, self.known)[:1]
        if verdict is Verdict.CLARIFY:
            return out.candidates
        if verdict is Verdict.INVALID:
            return out.codes
        left = tuple(code for code in out.codes if code not in self.others)
        if verdict is Verdict.CORRECTED:
            return nearest(self.code, left, self.known) if self.others - set(out.codes) else left
        return tuple(code for code in left if code != self.code.code) if verdict is Verdict.ADDITIONAL else ()

    def _soft(self, verdict: Verdict, chosen: str, proposed: Sequence[str]) -> tuple[tuple[str, ...], list[Evidence]]:
        """The documentation elements, for the code that the answer names (policy E)."""
        if verdict not in REPORTED:
            return (), []
        named = self.known.codes[proposed[0]] if verdict is Verdict.CORRECTED else self.code
        levels = tuple(dict.fromkeys(level for lesion in self.out.lesions for level in lesion.levels))
        target = Target(named.family, named.region, self._lesion_regions(verdict, named, levels), levels)
        lesser = verdict is Verdict.CORRECTED and not self.known.families[named.family].stenosis
        return missing(self.record, target, chosen, self.known, lesser=lesser)

    def _lesion_regions(self, verdict: Verdict, named: Code, levels: Sequence[str]) -> frozenset[str]:
        """Where the lesion itself lies: for an extremity in the spine; empty when nobody says."""
        known = self.known
        said = frozenset(region for lesion in self.out.lesions for region in lesion.regions) - {AMBIGUOUS}
        region = known.regions.get(named.region)
        if region and region.lesion_in and known.families[named.family].stenosis:
            lying = frozenset(known.levels[level].region for level in levels) - {AMBIGUOUS}
            return lying or (frozenset(region.lesion_in) if verdict is not Verdict.INCOMPLETE else frozenset())
        if region and (verdict is not Verdict.INCOMPLETE or not said):
            return frozenset({named.region})
        return said

    def _evidence(self, proposed: Iterable[str], proofs: Iterable[Evidence]) -> tuple[Evidence, ...]:
        """Quotes, each once: what the answer rests on, then what speaks against it."""
        shown = [piece for item in self.displaced for piece in (item.evidence, *item.places)]
        shown += qualified(self.record, self.displaced, proposed, self.known)
        shown += [item for lesion in self.out.lesions for item in lesion.evidence]
        named = [self.known.codes[code] for code in proposed if code in self.known.codes]
        shown += [item for code in named for item in grounds(code, self.record)]
        shown += [*self._contrary(), *proofs]
        unique = dict.fromkeys(item for item in shown if item.quote and item.assertion is not Assertion.ELSEWHERE)
        return tuple(sorted(unique, key=lambda item: item.assertion is not Assertion.AFFIRMED))[:MOST_EVIDENCE]

    def _contrary(self) -> Iterator[Evidence]:
        """Doubted and past statements of the chosen kind of lesion, and the chosen site said to be normal."""
        for lesion in self.record.lesions:
            if lesion.assertion in {Assertion.UNCERTAIN, Assertion.HISTORICAL} and lesion.kind == self.code.lesion:
                yield from lesion.evidence[:1]

    def _alternatives(self) -> Iterator[str]:
        """Codes that may be named besides: spinal stenosis without a tissue (D5), the spinal sibling of a limb (C6)."""
        known = self.known
        region = known.regions.get(self.code.region)
        for lesion in self.out.lesions:
            if lesion.kind != known.parts.narrowing:
                continue
            if not lesion.mechanisms:
                yield from filter(
                    None,
                    (
                        code_for(name, lesion.levels, lesion.regions, self.record, known)
                        for name in known.recesses.values()
                    ),
                )
            if region and region.lesion_in and lesion.regions == {region.id}:
                yield from codes_of(
                    replace(lesion, regions=frozenset(known.levels[level].region for level in lesion.levels)), known
                )

    def _comparisons(self) -> Iterator[Comparison]:
        """Each axis the code claims, held against what is said."""
        code, lesions = self.code, self.out.lesions
        yield _compared(
            "lesion", (code.lesion,), (lesion.kind for lesion in lesions if lesion.kind in self.known.axes["lesion"])
        )
        if code.site:
            yield _compared("site", (code.site,), (lesion.site for lesion in lesions if lesion.site))
            yield _compared(
                "mechanism",
                tuple(sorted(code.mechanisms)),
                (value for lesion in lesions for value in sorted(lesion.mechanisms)),
            )
        if code.region:
            yield _compared(
                "region",
                (code.region,),
                (value for lesion in lesions for value in sorted(lesion.regions) if value in self.known.regions),
            )


def _compared(axis: str, claimed: tuple[str, ...], said: Iterable[str]) -> Comparison:
    documented = tuple(dict.fromkeys(said))
    standing = "supported" if set(claimed) & set(documented) else "contradicted" if documented else "undocumented"
    return Comparison(axis, claimed, documented, standing)
