"""The body of a card: GitHub-flavoured Markdown, block by block, every word of the record quoted and escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

from cards.call import Call
from cards.escape import escape
from cards.quoted import named, recorded, valued
from cards.suggestion import Answer
from cards.words import GAPS, PHRASES, Advice, label, open_answers
from knowledge.model import Assertion, Assessment, Comparison, Evidence, Gap, Role, Verdict

#: A standing that leaves nothing to say about an axis.
SETTLED = "supported"
DIFFERS = "contradicted"
HEADING: dict[str, str] = PHRASES["heading"]


def detail(assessment: Assessment, advice: Advice, answers: Sequence[Answer], call: Call, manner: str) -> str:
    """The paragraphs of the advice, without those that have nothing to say."""
    quoted = [piece for piece in assessment.evidence if piece.assertion is not Assertion.ELSEWHERE and piece.quote]
    contrary = [piece for piece in quoted if piece.assertion is not Assertion.AFFIRMED]
    free = call.options or not advice.query  # whether codes may be named besides the selected one
    sequence = assessment.sequencing if free else ""
    blocks = {
        "selected": PHRASES["selected"].format(code=_code(assessment, call)),
        "recorded": _listed(HEADING["recorded"], recorded(_voiced(quoted, advice))),
        "against": _listed(HEADING["against"], recorded(contrary)),
        "differences": _listed(HEADING["differences"], map(_difference, _unsettled(assessment))),
        "missing": _listed(HEADING["missing"], (label("missing", name) for name in missing(assessment))),
        "options": _listed(advice.offer, _options(answers, advice, call)),
        "alternatives": _alternatives(assessment, advice, answers, call) if free else "",
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


def _alternatives(assessment: Assessment, advice: Advice, answers: Sequence[Answer], call: Call) -> str:
    """Codes that nobody documented; in a query that offers none with the selected one, so that none stands alone."""
    codes = assessment.alternatives
    if answers or not advice.query or not codes:
        return _listed(HEADING["alternatives"], _named(codes, call))
    kept = () if assessment.verdict is Verdict.INVALID else (assessment.code,)
    options = [Answer((code,), current=code == assessment.code) for code in sorted({*codes, *kept})]
    return _listed(HEADING["possible"], (escape(one.label(call)) for one in options if len(options) > 1))


def _named(codes: Iterable[str], call: Call) -> list[str]:
    return [escape(call.named(code)) for code in codes]


def _options(answers: Sequence[Answer], advice: Advice, call: Call) -> list[str]:
    """The coded answers as the buttons name them; a query adds the two that name no code."""
    coded = [escape(answer.label(call)) for answer in answers]
    return [*coded, *open_answers(advice).values()] if coded and advice.query else coded


def _voiced(quoted: Iterable[Evidence], advice: Advice) -> list[Evidence]:
    """What speaks for the answer; in a code edit the treating provider's own diagnosis comes first."""
    affirmed = [piece for piece in quoted if piece.assertion is Assertion.AFFIRMED]
    if advice.query:
        return affirmed
    return sorted(affirmed, key=lambda piece: (not piece.diagnostic, piece.author != Role.TREATING))


def _unsettled(assessment: Assessment) -> list[Comparison]:
    return [each for each in assessment.comparisons if each.standing != SETTLED]


def _difference(comparison: Comparison) -> str:
    claimed, documented = (
        [valued(comparison.axis, value) for value in values] for values in (comparison.claimed, comparison.documented)
    )
    return str(PHRASES["difference"]).format(
        axis=named(comparison.axis),
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
