"""Every vocabulary file's own examples: brackets mark what its phrases find, and what stands outside is not found.

Only the scan is asked here, before sections, negation or binding take part.
"""

import re
import tomllib
from pathlib import Path

import pytest

import knowledge
from knowledge.model import Document
from knowledge.reading.lexicon import expand
from knowledge.reading.statements import read
from knowledge.reading.text import reading_text

FOLDER = Path(knowledge.__file__).parent / "vocabulary"
KNOWN = knowledge.load()
HEADINGS = "section/sections"
FILES = {
    path.relative_to(FOLDER).with_suffix("").as_posix(): tomllib.loads(path.read_text(encoding="utf-8"))
    for path in sorted(FOLDER.glob("*/*.toml"))
}
SPOKEN = {name: raw for name, raw in FILES.items() if name != HEADINGS}
#: What no section of a record is: a document of this kind has no headings of its own.
PLAIN = "progress"


def told(name):
    """What a file's phrases tell, as sets of (class, value): its folder and name, or what a group asserts."""
    raw = SPOKEN[name]
    own = [{tuple(name.split("/"))}] if "phrases" in raw else []
    return own + [set(map(tuple, group["asserts"])) for group in raw.get("group", ())]


def marked(text, wanted):
    """The text with brackets around whatever tells one of the wanted things."""
    reading = reading_text(text, KNOWN.lexicon)
    for found in reversed(KNOWN.lexicon.scan(reading.text)):
        if any(things <= set(KNOWN.lexicon.tags_of(found[0])) for things in wanted):
            start, end = reading.back(found.start()), reading.back(found.end() - 1) + 1
            text = f"{text[:start]}[{text[start:end]}]{text[end:]}"
    return text


def bare(example):
    return re.sub(r"[\[\]]", "", example)


EXAMPLES = [
    pytest.param(name, example, id=f"{name}: {example}") for name in SPOKEN for example in SPOKEN[name]["examples"]
]


@pytest.mark.parametrize(("name", "example"), EXAMPLES)
def test_an_example_marks_what_is_found(name, example):
    assert marked(bare(example), told(name)) == example


@pytest.mark.parametrize("name", SPOKEN)
def test_every_file_shows_what_it_finds_and_what_it_leaves(name):
    examples = SPOKEN[name]["examples"]
    assert any("[" in example for example in examples)
    assert any("[" not in example for example in examples)


@pytest.mark.parametrize(("name", "example"), EXAMPLES)
def test_a_falsified_example_fails(name, example):
    """Without its brackets, or with brackets around everything, an example says something else."""
    false = bare(example) if "[" in example else f"[{example}]"
    assert marked(bare(example), told(name)) != false


# --- every phrase --------------------------------------------------------------------------------------


def groups(name):
    """Phrases, decoys and what the phrases tell."""
    raw = SPOKEN[name]
    if "phrases" in raw:
        yield raw["phrases"], raw.get("not", []), {tuple(name.split("/"))}
    for group in raw.get("group", ()):
        yield group["phrases"], group.get("not", []), set(map(tuple, group["asserts"]))


@pytest.mark.parametrize("name", SPOKEN)
def test_every_phrase_is_found_whole(name):
    """A phrase that no text can lead to would be dead."""
    for phrases, _, things in groups(name):
        for literal in {literal for phrase in phrases for literal in expand(phrase)}:
            found = KNOWN.lexicon.pattern.fullmatch(literal)
            assert found, literal
            assert things <= set(KNOWN.lexicon.tags_of(literal)), literal


@pytest.mark.parametrize("name", SPOKEN)
def test_no_alternatives_stand_inside_others(name):
    """Only one depth is read: what is left of a second would be matched as brackets, that is, never."""
    written = [phrase for phrases, decoys, _ in groups(name) for phrase in [*phrases, *decoys]]
    assert [phrase for phrase in written if any(set(literal) & set("()|") for literal in expand(phrase))] == []


@pytest.mark.parametrize("name", SPOKEN)
def test_a_decoy_is_no_phrase_of_the_same_group(name):
    """A phrase wins over its decoy, which would then hide nothing."""
    for phrases, decoys, _ in groups(name):
        listed = {literal for phrase in phrases for literal in expand(phrase)}
        assert not listed & {literal for decoy in decoys for literal in expand(decoy)}


# --- headings ------------------------------------------------------------------------------------------


SECTIONS = [
    pytest.param(section, id=f"{section['kind']} ({' '.join(section.get('only', ['any']))})")
    for section in FILES[HEADINGS]["section"]
]


def section_of(text, kind):
    """The kind of section in which the last sentence of a text stands."""
    return read(Document("DocumentReference/d0", text, kind), KNOWN).statements[-1].sentence.section


@pytest.mark.parametrize("section", SECTIONS)
def test_a_heading_opens_its_section(section):
    kind = section.get("only", [PLAIN])[0]
    opened = {phrase: section_of(f"{phrase}: words", kind) for phrase in section["phrases"]}
    assert opened == dict.fromkeys(section["phrases"], section["kind"])


@pytest.mark.parametrize("section", SECTIONS)
def test_inside_a_sentence_it_opens_none(section):
    for phrase in section["phrases"]:
        assert section_of(f"the words of {phrase} come later", PLAIN) == "", phrase
