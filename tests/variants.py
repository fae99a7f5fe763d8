"""What may change about a chart without changing what a coder decides: how it is written, wrapped, sent and surrounded.

A variant takes a case and gives the body of a hook request.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from functools import partial
from html import escape
from random import Random
from typing import Any

from charts import Placement, document, request
from pdf_writer import pdf

Json = dict[str, Any]
Rewriting = Callable[[str], str]

#: A level of two neighbours: letter, number, sign, letter of the second (if any), number.
LEVEL = re.compile(
    r"(?<![\w/–-])([CTLS])(\d{1,2})([-–/])([CTLS])?(\d{1,2})(?![\w–-]|/\d|[ -](?:weighted|signal|image))", re.IGNORECASE
)
NOTATIONS = {"L4-5": ("-", False), "L4-L5": ("-", True), "L4/5": ("/", False), "L4–L5": ("–", True)}
#: The width at which a wrap also breaks after a hyphen, as editors do.
HYPHENATED = 72
#: Where the region changes within a motion segment; both letters are always written.
JUNCTIONS = {("C", 7, "T", 1), ("T", 12, "L", 1), ("L", 5, "S", 1)}
#: Parts of a source that are no words, by format.
MARKUP = {
    "text": re.compile(r"(?!)"),
    "html": re.compile(r"(<[^>]+>|&#?\w+;)"),
    "rtf": re.compile(r"(\\u\d+\W?|\\'[0-9a-f]{2}|\\[a-z]+-?\d* ?|\\.)"),
}


# --- the text -----------------------------------------------------------------------------------------


def rewritten(case: Json, notes: Rewriting, words: Rewriting | None = None) -> Json:
    """A case with every note rewritten between its markup, and every other text too where ``words`` says how."""
    made = {**case, "notes": [{**note, "text": _between(note, notes)} for note in case["notes"]]}
    for group in ("conditions", "observations", "procedures", "orders") if words else ():
        made[group] = [{**one, **{key: words(one[key]) for key in _worded(one)}} for one in case[group]]
    return made


def _between(note: Json, rewrite: Rewriting) -> str:
    pieces = MARKUP[note["format"]].split(note["text"])
    return "".join(piece if place % 2 else rewrite(piece) for place, piece in enumerate(pieces))


def _worded(one: Json) -> Iterator[str]:
    return (key for key in ("text", "note", "value") if key in one)


def wrapped(case: Json, width: int, *, at_hyphens: bool) -> Json:
    """Every line broken at a width; RTF has no lines."""

    def wrap(line: str) -> str:
        lines = textwrap.wrap(
            line,
            width,
            break_long_words=False,
            break_on_hyphens=at_hyphens,
            expand_tabs=False,
            replace_whitespace=False,
        )
        return "\n".join(lines)

    def rewrite(text: str) -> str:
        return "\n".join(map(wrap, text.split("\n")))

    notes = [{**note, "text": rewrite(note["text"])} if note["format"] == "text" else note for note in case["notes"]]
    return {**case, "notes": notes}


def upper(case: Json) -> Json:
    return rewritten(case, str.upper, str.upper)


def renotated(case: Json, notation: str) -> Json:
    sign, twice = NOTATIONS[notation]

    def level(found: re.Match[str]) -> str:
        letter, number, _, second, last = found.groups()
        second = second or letter
        above, below = (letter.upper(), int(number)), (second.upper(), int(last))
        junction = (*above, *below) in JUNCTIONS
        if not junction and (above[0] != below[0] or below[1] != above[1] + 1):
            return found[0]  # a range, or no level at all
        return f"{letter}{number}{sign}{second if twice or junction else ''}{last}"

    rewrite = partial(LEVEL.sub, level)
    return rewritten(case, rewrite, rewrite)


# --- the format ---------------------------------------------------------------------------------------


def formatted(case: Json, name: str, write: Rewriting) -> Json:
    """Every plain note put into another format."""
    notes = [
        {**note, "format": name, "text": write(note["text"])} if note["format"] == "text" else note
        for note in case["notes"]
    ]
    return {**case, "notes": notes}


def html(text: str) -> str:
    """Paragraphs with line breaks, as an editor exports them."""
    paragraphs = [f"<p>{'<br>'.join(map(_kept, block.split(chr(10))))}</p>" for block in text.split("\n\n")]
    return f"<html><head><title>Note</title></head><body>{''.join(paragraphs)}</body></html>"


def preformatted(text: str) -> str:
    return f"<div><pre>{escape(text, quote=False)}</pre></div>"


def ccda(text: str) -> str:
    """One section of a C-CDA document, a paragraph for every block."""
    blocks = [
        f"<paragraph>{'<br/>'.join(map(_kept, block.split(chr(10))))}</paragraph>" for block in text.split("\n\n")
    ]
    section = f"<section><title>Note</title><text>{''.join(blocks)}</text></section>"
    return (
        '<?xml version="1.0" encoding="UTF-8"?><ClinicalDocument xmlns="urn:hl7-org:v3"><title>Document</title>'
        f"<component><structuredBody><component>{section}</component></structuredBody></component></ClinicalDocument>"
    )


def _kept(line: str) -> str:
    """A line whose runs of blanks survive, in HTML and in XML."""
    return re.sub(r"  +|^ ", lambda run: "\N{NO-BREAK SPACE}" * len(run[0]), escape(line, quote=False))


def rtf(text: str) -> str:
    said = re.sub(r"([\\{}])", r"\\\1", text).replace("\t", r"\tab ").replace("\n", "\\par\n")
    coded = "".join(one if one.isascii() else f"\\u{ord(one)}?" for one in said)
    return f"{{\\rtf1\\ansi\\ansicpg1252\\deff0{{\\fonttbl{{\\f0\\fswiss Arial;}}}}\n\\f0\\fs20 {coded}}}"


# --- what surrounds it --------------------------------------------------------------------------------


#: Documents that have nothing to do with a spine: kind, author, days before the encounter, text.
BESIDE = (
    (
        "progress",
        "treating",
        410,
        "Travel clinic.\nTwo weeks in Peru planned. Hepatitis A booster given. No fever, no rash.",
    ),
    (
        *("radiology", "radiologist", 200),
        "CHEST, TWO VIEWS\nINDICATION: cough.\nFINDINGS: Lungs are clear. Heart size normal.\nIMPRESSION: No effusion.",
    ),
    (
        *("consult", "treating", 150),
        "Cardiology.\nS1 and S2 normal, no murmur. Duplex: 40 % stenosis of the left carotid.\nContinue statin.",
    ),
    ("nursing", "nurse", 0, "Rooming: BP 128/78, pulse 70, weight 81 kg. Allergies reviewed. Pharmacy confirmed."),
)


def accompanied(case: Json) -> Json:
    """The same chart among documents and facts that have nothing to do with it."""
    day = date.fromisoformat(case["date"])
    beside = [
        {"kind": kind, "author": author, "date": str(day - timedelta(days)), "format": "text", "text": text}
        for kind, author, days, text in BESIDE
    ]
    chronic = {"clinical": "active", "verification": "confirmed", "category": "problem-list-item"}
    vaccination = {"text": "Influenza vaccination", "cpt": "90686", "status": "completed", "date": beside[2]["date"]}
    return {
        **case,
        "notes": [*beside[:2], *case["notes"], *beside[2:]],
        "conditions": [{"code": "I10", "text": "Essential hypertension", **chronic}, *case["conditions"]],
        "observations": [{"text": "Hemoglobin A1c", "value": "6.1 %", "date": case["date"]}, *case["observations"]],
        "procedures": [*case["procedures"], vaccination],
    }


def reordered(case: Json) -> Json:
    """The last first, so that every resource has another id."""
    groups = ("notes", "conditions", "observations", "procedures", "orders")
    return {**case, **{group: case[group][::-1] for group in groups}}


def shuffled(body: Json, seed: int) -> Json:
    """The resources of every Bundle, and the keys of the prefetch, in another order."""
    order = Random(seed)  # noqa: S311  (nothing is secret here)
    keys = list(body["prefetch"])
    order.shuffle(keys)
    prefetch = {key: body["prefetch"][key] for key in keys}
    for bundle in prefetch.values():
        if bundle and "entry" in bundle:
            bundle["entry"] = order.sample(bundle["entry"], len(bundle["entry"]))
    return {**body, "prefetch": prefetch}


def met_twice(case: Json) -> Json:
    """Every note and report also as a document of another id."""
    body = request(case)
    held = body["prefetch"].get("notes") or {"resourceType": "Bundle", "type": "searchset", "entry": []}
    copies = [document(note, 50 + place, Placement()) for place, note in enumerate(case["notes"])]
    held = {**held, "entry": [*held["entry"], *({"resource": one} for one in copies)]}
    return {**body, "prefetch": {**body["prefetch"], "notes": held}}


def _posted(*changes: Callable[[Json], Json]) -> Callable[[Json], Json]:
    """The request about a case after one change or several."""

    def post(case: Json) -> Json:
        for change in changes:
            case = change(case)
        return request(case)

    return post


WRAPS = {width: partial(wrapped, width=width, at_hyphens=width == HYPHENATED) for width in (60, HYPHENATED, 80)}
FORMATS = {
    "HTML": partial(formatted, name="html", write=html),
    "preformatted HTML": partial(formatted, name="html", write=preformatted),
    "RTF": partial(formatted, name="rtf", write=rtf),
    "C-CDA": partial(formatted, name="xml", write=ccda),
    "PDF": partial(formatted, name="pdf", write=pdf),
}
#: Every variant by its name.
VARIANTS: dict[str, Callable[[Json], Json]] = {
    **{f"wrapped at {width}": _posted(wrap) for width, wrap in WRAPS.items()},
    "upper case": _posted(upper),
    **{name: _posted(write) for name, write in FORMATS.items()},
    "wrapped at 80, upper case, HTML": _posted(WRAPS[80], upper, FORMATS["HTML"]),
    "wrapped at 72, upper case, RTF": _posted(WRAPS[HYPHENATED], upper, FORMATS["RTF"]),
    "wrapped at 60, upper case, C-CDA": _posted(WRAPS[60], upper, FORMATS["C-CDA"]),
    "wrapped at 80, upper case, PDF": _posted(WRAPS[80], upper, FORMATS["PDF"]),
    **{f"levels as {notation}": _posted(partial(renotated, notation=notation)) for notation in NOTATIONS},
    "irrelevant documents beside it": _posted(accompanied),
    "the last first": _posted(reordered),
    "shuffled": lambda case: shuffled(request(case), 1),
    "shuffled otherwise": lambda case: shuffled(request(case), 2),
    "every text met twice": met_twice,
}
