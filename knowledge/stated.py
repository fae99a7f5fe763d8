"""Whether an answer rests on the treating provider's own diagnosis, or on findings that nobody has called one.

The difference decides between a code edit and a documentation query: what only an examination, an imaging result retold
in the note, or a report says is no diagnosis of the provider.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from knowledge.documented import Lesion, Record
from knowledge.model import Code, Evidence


def stated(chosen: Code, proposed: Sequence[Code], lesions: Iterable[Lesion], evidence: Iterable[Evidence]) -> bool:
    """Whether diagnoses of the treating provider name all that sets the proposed codes apart from the chosen one."""
    said = {(piece.axis, piece.value) for piece in evidence if piece.diagnostic}
    own = [lesion for lesion in lesions if any(piece.diagnostic for piece in lesion.evidence)]
    return bool(proposed) and all(_named(code, chosen, own, said) for code in proposed)


def _named(code: Code, chosen: Code, own: Sequence[Lesion], said: set[tuple[str, str]]) -> bool:
    mechanisms = {("mechanism", one) for one in code.mechanisms}
    return (
        any(code.region in {chosen.region, *lesion.regions} for lesion in own)
        and (code.site in {chosen.site, ""} or ("site", code.site) in said)
        and (not mechanisms or bool(code.mechanisms & chosen.mechanisms) or not said.isdisjoint(mechanisms))
    )


def grounds(code: Code, record: Record) -> Iterator[Evidence]:
    """What the treating provider says of a lesion without a narrowing that a code names, in the region of the code."""
    for lesion in record.lesions:
        if lesion.kind == code.lesion and not code.site and lesion.stated and lesion.treating:
            yield from lesion.evidence if code.region in lesion.regions else ()
