"""How long medspaCy takes for the text that ``speed.py`` reads.

    python benchmarks/medspacy.py [KB]        (50 KB unless told; needs the package index, a few minutes)

Puts medspaCy 1.3.1 into a virtual environment in a temporary folder, which is removed again: it is no dependency.
medspaCy is loaded as it ships (PyRuSH, target matcher, ConText) with its sectionizer; its targets are the phrases of
sites, narrowings, mechanisms and tissues as the vocabulary writes them, alternatives left out.  Reading here means
reading and binding with the whole vocabulary.  The two run in turn, each in a process of its own, and CPU time is what
is compared; what they find is not.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from venv import create

from speed import KB, milliseconds, note_of

from knowledge import load
from knowledge.files import HERE, toml
from knowledge.model import Document
from knowledge.reading.binding import bind
from knowledge.reading.statements import read

PINNED = ("medspacy==1.3.1", "spacy<3.8")
RUNS = 3
TARGETS = ("site", "narrowing", "mechanism", "tissue")
#: What runs there: text and targets come in as JSON, milliseconds of each run go out.
THERE = """
import json, sys
from time import process_time
from loguru import logger
logger.remove()  # PyRuSH logs every step otherwise
import medspacy
from medspacy.ner import TargetRule
given = json.load(sys.stdin)
nlp = medspacy.load()
nlp.add_pipe("medspacy_sectionizer")
nlp.get_pipe("medspacy_target_matcher").add([TargetRule(phrase, "TARGET") for phrase in given["targets"]])
nlp(given["text"][:2000])
spent = []
for _ in range(given["runs"]):
    start = process_time()
    found = len(nlp(given["text"]).ents)
    spent.append((process_time() - start) * 1000)
json.dump({"spent": spent, "found": found, "pipes": nlp.pipe_names}, sys.stdout)
"""


def targets() -> list[str]:
    """Phrases of the vocabulary that hold no alternatives."""
    files = (path for folder in TARGETS for path in sorted((HERE / "vocabulary" / folder).glob("*.toml")))
    raws = [toml(path, "vocabulary") for path in files]
    phrases = [phrase for raw in raws for group in (raw, *raw.get("group", ())) for phrase in group.get("phrases", ())]
    return sorted({phrase for phrase in phrases if "(" not in phrase})


def ours(text: str) -> float:
    """Median milliseconds of reading and binding."""
    known = load()
    document = Document("DocumentReference/1", text, "progress")
    return median(milliseconds(lambda: bind(read(document, known), known.parts)) for _ in range(9))


def main(arguments: list[str]) -> None:
    text = note_of(int(arguments[0]) * KB if arguments else 50 * KB)
    given = json.dumps({"text": text, "targets": targets(), "runs": RUNS})
    with TemporaryDirectory() as folder:
        create(folder, with_pip=True)
        python = str(Path(folder) / "bin/python")
        subprocess.run([python, "-m", "pip", "install", "--quiet", *PINNED], check=True)
        before = ours(text)
        told = subprocess.run([python, "-c", THERE], input=given.encode(), capture_output=True, check=True, cwd=folder)
        after = ours(text)
    theirs = json.loads(told.stdout)
    mine, spent = median((before, after)), median(theirs["spent"])
    pipes = ", ".join(theirs["pipes"])
    print(f"{len(text) // KB} KB, CPU time, median; {PINNED[0]} ({pipes}), {len(targets())} targets\n")
    print("| reader | time | |")
    print("|---|---|---|")
    print(f"| medspaCy | {spent:.0f} ms | {theirs['found']} entities |")
    print(f"| this one, read and bound | {mine:.1f} ms | **{spent / mine:.0f} times** as fast |")


if __name__ == "__main__":
    main(sys.argv[1:])
