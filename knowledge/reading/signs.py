"""Signs that stand for words: "(+)" and "(-)", Y and N, a question mark before its answer, blanks that draw a table.

Most are written over character by character, so that offsets stay; ``answers`` yields those that become longer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

#: A minus sign in brackets before what it denies.
MINUS = re.compile(r"\(-\)(?<![a-z0-9)] \(-\))(?<![a-z0-9)]\(-\))(?= ?[a-z])")
#: A sign in brackets behind what it is said of.
SIGN = re.compile(r"\((?<=[a-z0-9] \()([+-])\)(?![a-z])")
#: The same with no blank before it.
ATTACHED = re.compile(r"\((?<=[a-z0-9]\()([+-])\)(?![a-z])")
SAID = {"-": "neg", "+": "pos", "y": "yes", "n": "no"}
#: What a form prints before an answer.
PROMPT = re.compile(r"[ ]*[\[(]y ?/ ?n[\])][ ]*:|[ ]y ?/ ?n[ ]*(?=:)")
#: A key with full stops for blanks: "XRAY.REVIEW  :".
DOTTED = re.compile(r"^[ \t]*[a-z]{2,12}(?:[._][a-z0-9/]{1,12})+(?=[ \t]*:)", re.MULTILINE)
#: A letter or a sign that answers: behind its key, or one of several on a line.
KEYED = re.compile(r":(?<=[a-z)?]:)[ \t]*([yn])(?=[ \t]*(?:$|[,;.\t]|[ ]{2}))", re.MULTILINE)
LISTED = re.compile(r" (?<=[a-z)] )(?:([yn+])(?=[ \t]*(?:$|[/,;.\t]|[ ]{2}))|(-)(?=[ ]*(?:$|[/,;.\t])))", re.MULTILINE)
#: "Head - no. Cervical - yes.": one list, whatever parts its items.
ITEMS = re.compile(
    r"(?<= - yes)\.(?= [a-z][a-z /-]{1,24} - (?:yes|no)\b)|(?<= - no)\.(?= [a-z][a-z /-]{1,24} - (?:yes|no)\b)"
)
#: "Numbness? None."
ASKED = re.compile(
    r"\?(?<=[a-z)]\?)"
    r"(?=[ ](?:(?:none|no|yes|never|nil|sometimes|occasionally|rarely)\b|[yn](?=[ ]*(?:$|[,;.\t\n]|[ ]{2}))))"
)
#: "Foraminal (not central) stenosis": what is told apart, between a word and what it describes.
NOT_THAT = re.compile(r"(?<=[a-z] )\(not [a-z]+(?: [a-z]+)?\)(?= [a-z])")
#: Blanks between two columns; two of them also follow a full stop.
GAP = re.compile(r"[ ]{2}(?<![ .,:;?!]  )[ ]*(?=[^ ])|^[ ]{3,}(?=[^ ])")
#: Marks that were dictated and written out, in a text that has no full stop of its own.
STOP = re.compile(r"\.(?:\s|$)")
DICTATED = re.compile(r"[ \n](period|full[ \n]stop|comma|colon|semicolon|(?:new|next)[ \n](?:line|paragraph))\b")
SPOKEN = re.compile(r"[ \n](?:period|full[ \n]stop|(?:new|next)[ \n](?:line|paragraph))\b")
WRAP = re.compile(r"\n(?<=[a-z0-9]\n)(?=[a-z0-9])")  #: where marks are spoken, lines end only for their width
MARKS = {"comma": ",", "colon": ":", "semicolon": ";"}  #: the others end a sentence
LEAST = 2  #: gaps in a line, lines in a table


def spelled(text: str) -> str:
    """The text in lower case with its signs as words and its drawn tables as cells; as long as it was."""
    if "(-)" in text or "(+)" in text:
        text = SIGN.sub(lambda match: SAID[match[1]], MINUS.sub("no ", text))
    if " - no" in text or " - yes" in text:
        text = ITEMS.sub(",", text)
    if "(not " in text:
        text = NOT_THAT.sub(lambda match: " " * len(match[0]), text)
    if ":" in text:
        text = DOTTED.sub(lambda match: match[0].replace(".", " ").replace("_", " "), text)
    if "?" in text:
        text = ASKED.sub(":", text)
    if "y/n" in text or "y / n" in text:
        text = PROMPT.sub(_blanked, text)
    if "\n" in text and _is_dictated(text):
        text = WRAP.sub(" ", text)
    return "\n".join(_drawn(text.split("\n"))) if "   " in text else text


def _is_dictated(text: str) -> bool:
    return not STOP.search(text) and SPOKEN.search(text) is not None


def _blanked(prompt: re.Match[str]) -> str:
    """Blanks for a prompt; its colon stands where the key ends."""
    return (":" if prompt[0].endswith(":") else " ").ljust(len(prompt[0]))


def answers(text: str) -> Iterator[tuple[int, int, str]]:
    """Y and N, plus and minus where they answer, with the word for each."""
    found = {match.span(1): match[1] for match in KEYED.finditer(text)}
    listed = list(LISTED.finditer(text))
    for one, other in pairwise(listed):
        if "\n" not in text[one.end() : other.start()]:
            found |= {sign.span(sign.lastindex or 0): sign[sign.lastindex or 0] for sign in (one, other)}
    for (first, last), letter in sorted(found.items()):
        yield first, last, SAID[letter]
    for sign in ATTACHED.finditer(text):
        yield sign.start(), sign.end(), f" {SAID[sign[1]]}"


def dictated(text: str) -> Iterator[tuple[int, int, str]]:
    """Marks that were dictated and written out, each with its sign."""
    if _is_dictated(text):
        for match in DICTATED.finditer(text):
            yield match.start(), match.end(), MARKS.get(match[1], ".")


def _drawn(lines: list[str]) -> Iterator[str]:
    """The lines; of those that stand under each other in columns each gap begins with a tab."""
    block: list[str] = []
    most = 0  # gaps of the first line of the block
    for line in lines:
        gaps = len(GAP.findall(line)) if "  " in line and "[" not in line else 0
        if block and not 1 <= gaps <= most:
            yield from _cells(block)
            block = []
        most = most if block else gaps
        if block or gaps >= LEAST:
            block.append(line)
        else:
            yield line
    yield from _cells(block)


def _cells(block: list[str]) -> Iterator[str]:
    for line in block:
        yield GAP.sub(lambda gap: "\t" + gap[0][1:], line) if len(block) >= LEAST else line
