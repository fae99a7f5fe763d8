"""What is installed beside Foramen, under which licence, with the words of each licence.

    python scripts/licences.py > licences.txt

Tells of the environment that runs it.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import Distribution, distributions

WORDS = ("licen", "copying", "notice", "authors")
LINE = "=" * 80


def said(distribution: Distribution) -> str:
    """The licence as the package declares it: an expression, else its classifiers, else its own words."""
    told = distribution.metadata
    classes = [one.rpartition(" :: ")[2] for one in told.get_all("Classifier") or () if one.startswith("License ::")]
    expression, words = (next(iter(told.get_all(name) or ()), "") for name in ("License-Expression", "License"))
    return expression or "; ".join(classes) or words.strip().partition("\n")[0] or "not declared"


def texts(distribution: Distribution) -> Iterator[tuple[str, str]]:
    """The files of a package that hold its licence."""
    for file in distribution.files or ():
        if ".dist-info" in file.parts[0] and any(word in file.name.lower() for word in WORDS):
            yield file.name, file.read_text(encoding="utf-8")


def main() -> None:
    installed = sorted(distributions(), key=lambda one: one.metadata["Name"].lower())
    width = max(len(one.metadata["Name"]) + len(one.version) for one in installed) + 3
    for one in installed:
        print(f"{one.metadata['Name'] + ' ' + one.version:<{width}}{said(one)}")
    for one in installed:
        for name, text in texts(one):
            print(f"\n{LINE}\n{one.metadata['Name']} {one.version}: {name}\n{LINE}\n{text.strip()}")


if __name__ == "__main__":
    main()
