"""The body of a card: GitHub-flavoured Markdown, block by block, every word of the record quoted and escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

from cards.call import Call
from cards.escape import escape
from cards.suggestion import Answer
from cards.words import GAPS, PHRASES, Advice, label
from knowledge.model import Assertion, Assessment, Comparison, Evidence, Gap, Role

#: A standing that leaves nothing to say about an axis.
SETTLED = "supported"
DIFFERS = "contradicted"
HEADING: dict[str, str] = PHRASES["heading"]


def detail(assessment: Assessment, advice: Advice, answers: Sequence[Answer], call: Call, manner: str) -> str:
    """The paragraphs of the advice, without those that have nothing to say."""
    quoted = [piece for piece in assessment.evidence if piece.assertion is not Assertion.ELSEWHERE and piece.quote]
    contrary = [piece for piece in quoted if piece.assertion is not Assertion.AFFIRMED]
    named = call.options or not advice.query  # whether codes may be named besides the selected one
    alternatives, sequence = (assessment.alternatives, assessment.sequencing) if named else ((), "")
    blocks = {
        "selected": PHRASES["selected"].format(code=_code(assessment, call)),
        "recorded": _recorded(HEADING["recorded"], _voiced(quoted, advice)),
        "against": _recorded(HEADING["against"], contrary),
        "differences": _listed(HEADING["differences"], map(_difference, _unsettled(assessment))),
        "missing": _listed(HEADING["missing"], (label("missing", name) for name in missing(assessment))),
        "options": _listed(advice.offer, _options(answers, advice, call)),
        "alternatives": _listed(HEADING["alternatives"], _named(alternatives, call)),
        "sequencing": " ".join(map(PHRASES["sequencing"].format, _named(filter(None, [sequence]), call))),
        "gaps": gaps(assessment.gaps),
        "by_hand": PHRASES["by_hand"].get(manner, ""),
    }
    paragraphs = (paragraph.format_map(blocks).strip() for paragraph in advice.detail)
    return "\n\n".join(paragraph for paragraph in paragraphs if paragraph)


def summary(assessment: Assessment, advice: Advice) -> str:
    """The headline: never a word of the record."""
    differing = [label("axis", each.axis) for each in assessment.comparisons if each.standing == DIFFERS]
    return advice.summary.format(
        axes=_and(differing) or PHRASES["axes"],
        missing=_and([label("axis", name) for name in assessment.missing_hard or assessment.missing_soft])
        or PHRASES["statement"],
    )


def missing(assessment: Assessment) -> tuple[str, ...]:
    """Everything that was not located, what decides the code first."""
    return (*assessment.missing_hard, *assessment.missing_soft)


def gaps(unread: Iterable[Gap]) -> str:
    """What could not be read or never came, grouped by the reason."""
    ordered = sorted({(gap.reason, gap.source) for gap in unread})
    lines = []
    for reason, group in groupby(ordered, key=lambda pair: pair[0]):
        sources = ", ".join(escape(label("source", source)) for _, source in group)
        lines.append(GAPS.get(reason, GAPS["unread"]).format(sources=sources))
    return _listed(HEADING["gaps"], lines)


def _code(assessment: Assessment, call: Call) -> str:
    """The selected code with its title; a code outside the code set is the client's text, so escaped."""
    return escape(f"{assessment.code} - {assessment.title}" if assessment.title else call.named(assessment.code))


def _named(codes: Iterable[str], call: Call) -> list[str]:
    return [escape(call.named(code)) for code in codes]


def _options(answers: Sequence[Answer], advice: Advice, call: Call) -> list[str]:
    """The coded answers as the buttons name them; a query adds the two that name no code."""
    coded = [escape(answer.label(call)) for answer in answers]
    return [*coded, *PHRASES["open"].values()] if coded and advice.query else coded


def _voiced(quoted: Iterable[Evidence], advice: Advice) -> list[Evidence]:
    """What speaks for the answer; in a code edit the treating provider's own statement comes first."""
    affirmed = [piece for piece in quoted if piece.assertion is Assertion.AFFIRMED]
    return affirmed if advice.query else sorted(affirmed, key=lambda piece: piece.author != Role.TREATING)


def _recorded(heading: str, pieces: Sequence[Evidence]) -> str:
    """One line per quote, with all that it is evidence of."""
    said: dict[tuple[str, str, Assertion], list[Evidence]] = {}
    for piece in pieces:
        said.setdefault((piece.source, piece.quote, piece.assertion), []).append(piece)
    return _listed(heading, map(_quote, said.values()))


def _quote(pieces: Sequence[Evidence]) -> str:
    first = pieces[0]
    kind, _, _ = first.source.partition("/")
    name = label("source", kind)
    source = first.source if name == kind else f"{name} {first.source}"
    author = label("author", first.author)
    place = ", ".join(escape(part) for part in (source, first.date, first.section, author) if part)
    stands_for = dict.fromkeys(map(_meaning, pieces))
    how = "" if first.assertion is Assertion.AFFIRMED else f"; {label('assertion', first.assertion)}"
    return str(PHRASES["quote"]).format(quote=escape(first.quote), place=place, said="; ".join(stands_for) + how)


def _meaning(piece: Evidence) -> str:
    """What a quote is evidence of; of an element without values, its name alone."""
    name = _axis(piece.axis)
    return name if piece.value == piece.axis else f"{name}: {_value(piece.axis, piece.value)}"


def _axis(axis: str) -> str:
    return escape(label("axis", axis))


def _value(axis: str, value: str) -> str:
    return escape(label(f"value-{axis}", value))


def _unsettled(assessment: Assessment) -> list[Comparison]:
    return [each for each in assessment.comparisons if each.standing != SETTLED]


def _difference(comparison: Comparison) -> str:
    claimed, documented = (
        [_value(comparison.axis, value) for value in values] for values in (comparison.claimed, comparison.documented)
    )
    return str(PHRASES["difference"]).format(
        axis=_axis(comparison.axis),
        claimed=PHRASES["or_also"].join(claimed) or PHRASES["not_located"],
        documented=_and(documented) or PHRASES["not_located"],
    )


def _listed(heading: str, lines: Iterable[str]) -> str:
    """A heading and its lines; nothing where there is no line."""
    entries = [f"- {line}" for line in lines]
    return "\n".join([heading, *entries]) if entries else ""


def _and(names: Sequence[str]) -> str:
    *others, last = names or [""]
    return f"{', '.join(others)} and {last}" if others else last
