"""Which rule was reviewed, by whom, and when; and which has changed since.

    python scripts/reviews.py                              prints the state of every rule
    python scripts/reviews.py --sign RULE --by NAME        adds a line for the rule as it stands today

A review is of the words of a rule: its file's digest stands in ``docs/reviews.tsv`` beside the name and the day, so a
rule that is changed later is no longer reviewed.  It is no part of the knowledge, whose version tells how it judges.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import sys
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).parent.parent
REVIEWS = ROOT / "docs/reviews.tsv"
Review = dict[str, str]


def digests() -> dict[str, str]:
    """Each rule with the digest of its file."""
    paths = sorted(ROOT.glob("knowledge/rules/*.toml"))
    return {path.stem: hashlib.sha256(path.read_bytes()).hexdigest()[:16] for path in paths}


def reviews(path: Path = REVIEWS) -> list[Review]:
    """Every review ever signed, oldest first."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def state(rule: str, digest: str, signed: list[Review]) -> str:
    """What can be said of a rule."""
    mine = [one for one in signed if one["rule"] == rule]
    current = [f"{one['on']} by {one['by']}" for one in mine if one["digest"] == digest]
    if current:
        return f"reviewed {', '.join(current)}"
    return f"changed since its review of {mine[-1]['on']} by {mine[-1]['by']}" if mine else "not reviewed"


def sign(rule: str, by: str, on: str, path: Path = REVIEWS) -> None:
    """Add a review of a rule as it stands.

    Raises:
        ValueError: there is no such rule, or the name would break the table.
    """
    if rule not in digests():
        raise ValueError(f"no rule {rule}; there are {', '.join(digests())}")
    if not by.strip() or "\t" in by or "\n" in by:
        raise ValueError("say who reviewed it, in one line")
    with path.open("a", encoding="utf-8") as file:
        file.write(f"{rule}\t{digests()[rule]}\t{by.strip()}\t{on}\n")


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sign", metavar="RULE")
    parser.add_argument("--by", metavar="NAME", default="")
    given = parser.parse_args(arguments)
    if given.sign:
        try:
            sign(given.sign, given.by, datetime.now(UTC).date().isoformat())
        except ValueError as error:
            print(error, file=sys.stderr)
            return 1
    signed = reviews()
    for rule, digest in digests().items():
        print(f"{rule:<28} {state(rule, digest, signed)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
