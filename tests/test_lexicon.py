"""The scan: one pattern finds the longest phrase at a place, and misspelt or cut words are put right before it."""

import gc
import pickle
import re

import pytest
from hypothesis import given
from hypothesis import strategies as some

import knowledge
from knowledge.reading.levels import Spine, find_levels
from knowledge.reading.lexicon import compile_lexicon, expand
from knowledge.reading.spelling import Spelling
from knowledge.reading.text import reading_text
from knowledge.reading.trie import GAP, factored

#: As the vocabulary has them: one blank between words.
WORDS = some.text("ab +", min_size=1, max_size=7).map(lambda text: " ".join(text.split())).filter(bool)
PHRASES = some.lists(WORDS, min_size=1, max_size=25)
SPELLING = Spelling.of({"stenosis", "foramina", "canal"}, frozenset({"canals"}))


def longest(phrases, text):
    """What a plain list of the phrases would find at the beginning of a text."""
    found = (re.match(re.escape(phrase).replace(r"\ ", GAP), text) for phrase in phrases)
    return max((match.end() for match in found if match), default=None)


@given(PHRASES, some.text("ab +", max_size=12))
def test_the_folded_pattern_finds_what_a_plain_list_finds(phrases, text):
    match = re.match(factored(phrases), text)
    assert (match.end() if match else None) == longest({" ".join(phrase.split()) for phrase in phrases}, text)


@given(PHRASES)
def test_every_phrase_is_found_whole(phrases):
    pattern = re.compile(factored(phrases))
    assert all(pattern.fullmatch(phrase) for phrase in phrases)


def test_what_follows_alternatives_is_written_once():
    written = factored(expand("(mild|severe|mildly severe|no) (bony|osseous) (narrowing|stenosis)"))
    assert written.count("steno") == written.count("narro") == 1


def test_no_phrase_is_found_nowhere():
    assert re.search(factored([]), "any text") is None


@pytest.mark.parametrize(
    ("phrase", "literals"),
    [
        ("disc", ["disc"]),
        ("Disc-Osteophyte complex", ["disc osteophyte complex"]),
        ("(left |)root", ["left root", "root"]),
        ("(a|) (b|c)", ["a b", "a c", "b", "c"]),
    ],
)
def test_a_phrase_stands_for_its_literals(phrase, literals):
    assert list(expand(phrase)) == literals


def test_an_open_decoy_takes_back_its_own_word_only():
    wide, thing = ("normal", "plain"), ("mechanism", "osseous")
    entries = [("large", (wide,)), ("spur", (thing,)), ("large spur", ()), ("spur of the moment", ())]
    made = compile_lexicon(entries, (), (), [("large spur", (wide,))])
    assert [(first, last, told.tags) for first, last, told in made.held["large spur"]] == [(1, 2, (thing,))]
    assert "spur of the moment" not in made.held


def test_a_longer_phrase_tells_the_region_inside_it():
    made = compile_lexicon(
        [("cervical", (("region", "neck"),)), ("cervical canal", (("site", "canal"),)), ("canal street", ())], (), ()
    )
    assert made.tags_of("cervical-canal") == (("site", "canal"), ("region", "neck"))
    assert made.tags_of("canal street") == ()


@pytest.mark.parametrize(
    ("word", "term"),
    [
        ("stenosiss", "stenosis"),
        ("stenois", "stenosis"),
        ("setnosis", "stenosis"),
        ("tsenosis", "stenosis"),
        ("stenosys", "stenosis"),
        ("forramina", "foramina"),
        ("canall", "canal"),
        ("canals", None),  # a word of its own
        ("stenting", None),
        ("s" * 50_000, None),
    ],
)
def test_a_misspelt_term(word, term):
    assert SPELLING.corrections([word]).get(word) == term


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("ste-\nnosis", "stenosis"),
        ("steno\n  sis", "stenosis"),
        ("ste\u00adno\u00adsis", "stenosis"),
        ("mild\nstenosis", "mild\nstenosis"),
        ("over\ngrowth", "over\ngrowth"),  # each half is a word of its own
        ("steno\n\nsis", "steno\n\nsis"),
        ("steno -\nsis", "steno -\nsis"),
        ("Stenosis – “mild”", 'stenosis - "mild"'),
    ],
)
def test_words_cut_by_a_line_end_are_joined(text, read):
    known = compile_lexicon([("stenosis", ()), ("mild overgrowth", ())], ["stenosis"], ["over", "growth"])
    assert reading_text(text, known).text == read


@given(some.text("aste \n-\u00adİ–osin", max_size=60))
def test_every_place_of_the_reading_text_lies_in_the_original(text):
    known = compile_lexicon([("stenosis", ())], ["stenosis"], ())
    reading = reading_text(text, known)
    places = [reading.back(place) for place in range(len(reading.text))]
    assert places == sorted(places)
    assert all(0 <= place < len(text) for place in places)


def test_levels_read_before_are_read_again_the_same():
    one, other = (Spine.of([("L4", "vertebra"), ("L5", "vertebra"), (level, "segment")]) for level in ("L4-L5", "none"))
    for _ in range(2):
        assert [mention.levels for mention in find_levels("at l4-5", one)] == [("L4-L5",)]
        assert find_levels("at l4-5", other) == []


def test_loading_leaves_the_collector_as_it_was():
    gc.disable()
    try:
        knowledge.load.__wrapped__()
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_the_knowledge_can_be_handed_to_another_process():
    assert pickle.loads(pickle.dumps(knowledge.load())) == knowledge.load()  # noqa: S301 - our own
