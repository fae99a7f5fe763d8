"""What must be asked: sources that disagree, a level of two regions, a disc where there is none (policy V3)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from knowledge.documented import AMBIGUOUS, Lesion, Record, may_meet, normal_levels
from knowledge.expected import Expectation, codes_of
from knowledge.extremity import in_region
from knowledge.lesser import Lesser
from knowledge.model import Assertion, Code, Role
from knowledge.reading.levels import overlap
from knowledge.tables import Knowledge


def doubt(record: Record, code: Code, out: Expectation, known: Knowledge) -> None:
    """Mark an expectation with the first doubt there is, and the candidates to choose from."""
    for kind, policy, found in (
        ("no-disc", "V3", _no_disc(record, code, out, known)),
        ("conflict", "A4", _conflict(record, code, out, known)),
        ("undefined-level", "B4", _undefined(record, code, out, known)),
    ):
        if found:
            out.doubt, out.candidates, out.lesions = kind, found[0], found[1]
            out.policy.append(policy)
            return


Doubt = tuple[tuple[str, ...], tuple[Lesion, ...]]
Normal = tuple[set[str], set[tuple[str, tuple[str, ...]]]]  #: levels, and sites with their levels


def _no_disc(record: Record, code: Code, out: Expectation, known: Knowledge) -> Doubt | None:
    """A disc mechanism at levels that have no disc, above the first one that has (policy V3)."""
    for lesion in out.lesions:
        high = bool(lesion.levels) and all(_above_discs(level, known) for level in lesion.levels)
        if high and known.parts.disc in lesion.mechanisms:
            return _siblings(code, known), (lesion,)
    for item in record.structurals:
        stated = item.assertion is Assertion.AFFIRMED and known.structurals[item.id].needs_disc
        if stated and item.levels and all(_above_discs(level, known) for level in item.levels):
            return _siblings(code, known), ()
    return None


def _above_discs(level: str, known: Knowledge) -> bool:
    """Whether a level lies above the first disc."""
    where = known.levels[level]
    return not where.disc and where.region in known.parts.undefined_between | {AMBIGUOUS}


def _siblings(code: Code, known: Knowledge) -> tuple[str, ...]:
    """The family of a code in the regions between which a level is undefined, and the code itself."""
    family = known.families[code.family]
    return tuple(sorted({known.code(family, region) for region in known.parts.undefined_between} | {code.code}))


def _undefined(record: Record, code: Code, out: Expectation, known: Knowledge) -> Doubt | None:
    """A lesion at a level that the Index gives no region (policy B4)."""
    undefined = [lesion for lesion in out.lesions if lesion.regions == {AMBIGUOUS}]
    if undefined and not any(lesion.regions - {AMBIGUOUS} for lesion in out.lesions):
        both = known.parts.undefined_between
        codes = {code for lesion in undefined for code in codes_of(replace(lesion, regions=both), known)}
        return (tuple(sorted(codes)), tuple(undefined)) if codes else None
    if known.families[code.family].stenosis or out.codes or code.region not in known.parts.undefined_between:
        return None
    lesser = Lesser(record, code, known, [], out).undefined()
    family = known.families[code.family]
    codes = {known.code(family, region) for region in known.parts.undefined_between}
    return (tuple(sorted(codes)), tuple(lesser)) if lesser else None


# --- provider and radiologist (A4) --------------------------------------------------------------------


def _conflict(record: Record, code: Code, out: Expectation, known: Knowledge) -> Doubt | None:
    whole, reported = _unlike(out.whole), _unlike(out.reported)
    mine = [lesion for lesion in whole if not any(_agree(lesion, other) for other in reported)]
    theirs = [lesion for lesion in reported if not any(_agree(lesion, other) for other in whole)]
    normal = {role: _normal(record, role) for role in (Role.RADIOLOGIST, Role.TREATING)} if mine and theirs else {}
    pair = next(((a, b) for a in mine for b in theirs if _differ(a, b, normal)), None)
    if pair is None or _settled(record):
        return None
    codes = {other for lesion in pair for other in codes_of(in_region(lesion, code, record, known), known)}
    return (tuple(sorted(codes)), pair) if len(codes) > 1 else None


def _unlike(lesions: Iterable[Lesion]) -> list[Lesion]:
    """Each lesion once, however often it is told."""
    told = {(one.site, one.mechanisms, one.levels, one.regions): one for one in reversed([*lesions])}
    return [*reversed(told.values())]


def _agree(a: Lesion, b: Lesion) -> bool:
    """The same site, region, level and tissue."""
    same = a.site == b.site and overlap(a.levels, b.levels) and not _apart(a, b)
    return same and bool(a.mechanisms & b.mechanisms)


def _apart(a: Lesion, b: Lesion) -> bool:
    """Placed in regions that have nothing in common."""
    return bool(a.regions) and bool(b.regions) and not a.regions & b.regions


def _differ(mine: Lesion, theirs: Lesion, normal: Mapping[Role, Normal]) -> bool:
    """One lesion, named differently: another tissue of one site, another site or another level of one tissue."""
    level = overlap(mine.levels, theirs.levels) and not _apart(mine, theirs)
    tissue = bool(mine.mechanisms & theirs.mechanisms)
    if mine.site == theirs.site and level:
        return not tissue
    elsewhere = (level and mine.site != theirs.site) or (mine.site == theirs.site and mine.regions != theirs.regions)
    return tissue and elsewhere and (_denied(mine, normal[Role.RADIOLOGIST]) or _denied(theirs, normal[Role.TREATING]))


def _normal(record: Record, role: Role) -> Normal:
    """What the documents of a role call normal: levels as a whole, and sites with their levels."""
    levels: set[str] = set()
    sites: set[tuple[str, tuple[str, ...]]] = set()
    for text, bound in zip(record.texts, record.bounds, strict=True):
        if text.document.author is role:
            levels.update(normal_levels(text))
            plain = (one for one in bound.claims if not one.narrowed and one.assertion is Assertion.AFFIRMED)
            sites.update((claim.site, claim.levels) for claim in plain)
    return levels, sites


def _denied(lesion: Lesion, normal: Normal) -> bool:
    """Whether the site is said to be normal at that level, or the level is."""
    levels, sites = normal
    whole = bool(lesion.levels) and levels.issuperset(lesion.levels)
    return whole or any(site == lesion.site and may_meet(told, lesion.levels) for site, told in sites)


def _settled(record: Record) -> bool:
    """Adopted or overruled; what has not been read can be neither."""
    said = set(_speech(record))
    return "unread" not in said and bool(said & {"adopts", "overrules"})


def _speech(record: Record) -> Iterable[str]:
    for text, statement, _, event in record.events("speech"):
        current = event.assertion is not Assertion.ELSEWHERE and statement.sentence.section not in {"family", "copied"}
        if current and text.document.author is Role.TREATING:
            yield event.value("speech")
