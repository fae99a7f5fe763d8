"""An attachment's bytes become its text, verbatim and free of markup."""

import io
import logging.handlers
import time
from contextlib import suppress
from random import Random

import pytest
from pdf_writer import content, document, pdf, stream
from pypdf import PdfReader, PdfWriter

from cds_service import formats
from cds_service.formats import Text, Unreadable
from cds_service.formats.pdf import MOST_BYTES, MOST_CHARACTERS, MOST_OPERATIONS, MOST_PAGES
from cds_service.reasons import Reason

CDA = (
    '<ClinicalDocument xmlns="urn:hl7-org:v3"><title>Visit</title>'
    "<component><structuredBody>{}</structuredBody></component></ClinicalDocument>"
)
SECTION = "<component><section><title>{}</title><text>{}</text></section></component>"


def read(source, kind="text/html"):
    return formats.read(source if isinstance(source, bytes) else source.encode(), kind)


def text(source, kind="text/html"):
    return read(source, kind).text


def struck(source, kind="text/html"):
    found = read(source, kind)
    return [found.text[start:end] for start, end in found.struck]


# --- plain text ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "kind", "expected"),
    [
        ("C5–6 spur".encode(), "text/plain", "C5–6 spur"),
        ("C5–6 spur".encode(), "text/plain; charset=utf-8", "C5–6 spur"),
        ("C5–6 spur".encode("cp1252"), "text/plain", "C5–6 spur"),
        ("C5–6 spur".encode("cp1252"), "text/plain; charset=iso-8859-1", "C5–6 spur"),
        ("C5–6 spur".encode("cp1252"), "text/plain; charset=utf-8", "C5–6 spur"),  # a wrong label
        ("größer".encode("latin-1"), 'text/plain; format=flowed; charset="ISO-8859-1"', "größer"),
        ("spur".encode("utf-16"), "text/plain", "spur"),
        ("spur".encode("utf-16-le"), "text/plain; charset=utf-16le", "spur"),
        (b"\xef\xbb\xbfspur", "TEXT/PLAIN", "spur"),
        (b"spur", "text/plain; charset=no-such-thing", "spur"),
        (b"spur", "text/plain; charset=rot13", "spur"),
        (b"a\r\n\r\n  b\tc ", "text/plain", "a\r\n\r\n  b\tc "),  # nothing is collapsed
        (b"spur", "text/markdown", "spur"),
        (b"spur", "", "spur"),
    ],
)
def test_plain_text_is_decoded_and_left_alone(data, kind, expected):
    assert formats.read(data, kind) == Text(expected)


@pytest.mark.parametrize(
    ("data", "kind", "reason"),
    [
        (b"%PDF-1.7", "application/pdf", Reason.MALFORMED),
        (b"%PDF-1.7", "", Reason.MALFORMED),
        (b"\xff\xd8\xff\xe0", "image/jpeg", Reason.NOT_TEXT),
        (b"\xff\xd8\xff\xe0", "application/octet-stream", Reason.NOT_TEXT),
        (b"PK\x03\x04\x00\x00", "text/plain", Reason.NOT_DECODED),
        (b"no rtf", "application/rtf", Reason.MALFORMED),
        (b"<a><b></a>", "application/xml", Reason.MALFORMED),
        (b"<Observation/>", "application/xml", Reason.NOT_TEXT),
    ],
)
def test_what_cannot_be_read_says_why(data, kind, reason):
    with pytest.raises(Unreadable) as caught:
        formats.read(data, kind)
    assert caught.value.reason is reason


@pytest.mark.parametrize("kind", ["", "application/octet-stream", "text/plain", "text/html"])
def test_content_says_itself_that_it_is_rtf(kind):
    assert text(r"{\rtf1\ansi spur\par}", kind) == "spur\n"


def test_a_page_called_plain_text_is_still_a_page():
    assert text("<html><body><p>a<p>b</body></html>", "text/plain") == "a\nb"


# --- HTML ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("<p>a</p>\n<p>b</p>", "a\nb"),
        ("<p>a<br>b<br/><br/>c</p>", "a\nb\n\nc"),
        ("<div>a<div>b</div>c</div>", "a\nb\nc"),
        ("<h3>Exam</h3>normal<p>x</p>", "Exam\nnormal\nx"),
        ("<p>a\n   b\tc</p><p>d</p>", "a b c\nd"),  # white space of the source is one blank
        ("<p>9&nbsp;mm &lt; 10 &#8211; &ldquo;x&rdquo; &amp;c&#x2019;</p><p></p>", "9\u00a0mm < 10 – “x” &c’"),
        ("<p>L4<sub>5</sub> na<b>rro</b>wed</p><p>b</p>", "L45 narrowed\nb"),  # inline markup breaks nothing
        ("<ul><li>a</li><li><p>b</p></li></ul>c<p>", "- a\n- b\nc"),
        ("<ol><li>a<ul><li>b</li></ul></li><li></li></ol>d<p>", "- a\n- b\nd"),
        ("<p>x</p><pre>a\n  b</pre>", "x\na\n  b"),
        ('<div style="white-space: pre-wrap">a\n\n b</div><p>c  d</p><p>', "a\n\n b\nc d"),
        (
            "<head><title>T</title><style>p{}</style></head><body><script>if (a<b) x('</p>')</script><p>a</p><p>b</p>",
            "a\nb",
        ),
        ("<!-- <p>no</p> --><p>a</p><![if x]><p>b</p><?php x ?>", "a\nb"),
        ("<p>a < b and c > d, 5<6</p><p>e</p>", "a < b and c > d, 5<6\ne"),
        ('<p title="a > b">c</p><p title=5" tall">d</p>', "c\nd"),
        ("<p><o:p>a</o:p></p><p>b", "a\nb"),
        ("<P>a</P><BR><P>b</P>", "a\n\nb"),
        ("<p>&#99999999999999999999;a</p><p>", "\ufffda"),
        ("Exam:\nnormal\n  gait", "Exam:\nnormal\n  gait"),  # plain text merely called HTML keeps its lines
        ("<div>Exam:\nnormal</div>", "Exam:\nnormal"),
        ("", ""),
    ],
)
def test_html_becomes_lines(source, expected):
    assert text(source) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (
            "<table><tr><th>Level</th><th>Left</th></tr><tr><td>C5-6</td><td>open</td></tr></table>",
            "Level\tLeft\nC5-6\topen",
        ),
        ("x<table>\n <tr>\n  <td>a</td>\n  <td>b</td>\n </tr>\n</table>y<p>", "x\na\tb\ny"),
        ("<table><tr><td></td><td>b</td><td></td><td>d</td></tr></table><p>", "\tb\t\td"),
        ("x<table><tr><td></td><td>b</td></tr></table><p>", "x\n\tb"),
        ("<table><tr><td><p>a</p><p>b</p></td><td>c<br>d</td></tr></table>", "a b\tc d"),
        ("<table><tr><td><p>a</p><p>b</p></td></tr><tr><td>c</td></tr></table>", "a\nb\nc"),  # a table for layout only
        ("<table><tr><td>a<td>b<tr><td>c<td>d</table>e<p>", "a\tb\nc\td\ne"),  # end tags left out
        (
            "<table><tr><td>o<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table></td></tr></table>",
            "o\na\tb\nc",
        ),
        ("<td>a</td><td>b</td><p>", "a\tb"),
    ],
)
def test_html_tables_are_rows_of_cells(source, expected):
    assert text(source) == expected


@pytest.mark.parametrize("element", ["del", "s", "strike", 'span style="color:red; text-decoration: line-through"'])
def test_html_struck_text_is_kept_and_marked(element):
    source = f"<p>a</p><p><{element}>old <b>finding</b> </{element.split()[0]}>new</p>"
    assert text(source) == "a\nold finding new"
    assert struck(source) == ["old finding"]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("<p>a <del>b<p>c</del> d", ["b\nc"]),
        ("<ul><li><del>x</del></li></ul><p>", ["- x"]),
        ("a <del>b <span>c</span> d</del> e", ["b c d"]),
        ("a <s>b <s>c</s> d</s> e", ["b c d"]),
        ("a <del>b", ["b"]),
        ("a <del> </del> b", []),
        ("a </del> b", []),
        ("<table><tr><td><del>a<br>b</del></td><td>c</td></tr></table>", ["a b"]),
    ],
)
def test_html_strikes_that_are_oddly_nested(source, expected):
    assert struck(source) == expected


def test_html_boxes_say_whether_they_are_ticked():
    assert text('<p><input type="checkbox" checked>numb</p><p><input type=checkbox>weak</p>') == "[x] numb\n[ ] weak"


@pytest.mark.parametrize(
    "source",
    [
        *("<" * 50_000, "<a" * 25_000, '<a ="' * 10_000, "<a ='\"" * 8_000, "<!--" * 12_000, "<p" + " a=b" * 12_000),
        *("<table><tr><td>" * 3_000, "<del>" * 10_000 + "x" + "</b></del>" * 5_000, "&" * 50_000, "<![" * 20_000),
        *("<script>" * 6_000, "<li>" * 12_000, "<a =" + " " * 50_000, "&#" + "9" * 50_000, "<p>x" * 12_000),
    ],
    ids=lambda source: source[:12],
)
def test_html_costs_no_more_than_its_length(source):
    start = time.process_time()
    text(source)
    assert time.process_time() - start < 1


# --- RTF ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (r"{\rtf1\ansi a\par b\line c\tab d}", "a\nb\nc\td"),
        ("{\\rtf1 a\nb\r\nc}", "abc"),  # a line end of the source is nothing
        ("{\\rtf1 a\\\nb}", "a\nb"),
        (r"{\rtf1\ansi\ansicpg1252 20\'b0, C0\'96C1}", "20°, C0–C1"),
        (r"{\rtf1\ansi\ansicpg1251 \'ef\'ee}", "по"),
        (r"{\rtf1\ansi\ansicpg932 \'93\'fa}", "日"),
        (r"{\rtf1\mac \'d0}", "–"),
        (r"{\rtf1 C5\u8211-6, \u8211\'966}", "C5–6, –6"),
        (r"{\rtf1\uc0 C5\u8211 6}", "C5–6"),
        (r"{\rtf1\uc2 a\u8211??b{\uc0\u8211 c}d}", "a–b–cd"),
        (r"{\rtf1 \u-10179?\u-8704?}", "😀"),
        (r"{\rtf1 \u-10179?x}", "\ufffdx"),
        (r"{\rtf1 9\~mm non\_stop liga\-ment}", "9\u00a0mm non-stop ligament"),
        (r"{\rtf1 \lquote a\rquote  \ldblquote b\rdblquote  c\endash d\emdash e \bullet }", "‘a’ “b” c–d—e •"),
        (r"{\rtf1 a\{b\}c\\d}", r"a{b}c\d"),
        (r"{\rtf1 b{\b ony} x{\i y}z\b0 !}", "bony xyz!"),
        (
            r"{\rtf1{\fonttbl{\f0 Arial;}}{\colortbl;\red0;}{\stylesheet{\s1 H;}}{\info{\author X}}{\*\generator Y;}a}",
            "a",
        ),
        (r"{\rtf1{\header Page 1}{\footer x}{\pict\wmetafile8 0102}a}", "a"),
        (r"{\rtf1 a{\v hidden}\v too\v0 b}", "ab"),
        (r"{\rtf1{\field{\*\fldinst HYPERLINK x}{\fldrslt seen}}}", "seen"),
        ("{\\rtf1{\\pntext\\f1\\'b7\\tab}a\\par{\\listtext 2.\\tab}b}", "- a\n- b"),
        (r"{\rtf1\trowd\cellx1\intbl a\cell b\cell\row\trowd c\cell\cell d\cell\row e}", "a\tb\nc\t\td\ne"),
        (r"{\rtf1\trowd a\par b\cell c\cell\row}", "a b\tc\n"),
        (r"{\rtf1\trowd a\par b\cell\row}", "a\nb\n"),
        ("{\\rtf1 a{\\pict\\bin5 {{}}\\}b}", "ab"),
        ("{\\rtf1 C5–6}", "C5–6"),  # UTF-8 where ASCII belongs
        (r"{\rtf1 a}}b", "ab"),
        (r"{\rtf1 a{b", "ab"),
    ],
)
def test_rtf_becomes_text(source, expected):
    assert text(source, "application/rtf") == expected


def test_rtf_in_its_code_page_as_raw_bytes():
    assert text(b"{\\rtf1\\ansi\\ansicpg1252 C5\x966}", "text/rtf") == "C5–6"


@pytest.mark.parametrize(
    "source",
    [
        r"{\rtf1 a \strike old thing\strike0  new}",
        r"{\rtf1 a {\strike old {\b thing}} new}",
        r"{\rtf1 a \strike old thing\plain  new}",
        r"{\rtf1 a {\striked1 old thing\striked0} new}",
        r"{\rtf1 a {\deleted old thing} new}",
        r"{\rtf1 a \strike old thing \pard\strike0 new}",
    ],
)
def test_rtf_struck_text_is_kept_and_marked(source):
    assert text(source, "application/rtf") == "a old thing new"
    assert struck(source, "application/rtf") == ["old thing"]


@pytest.mark.parametrize(
    "source",
    [
        "{" * 50_000,
        "\\'" * 25_000,
        "\\u1" * 16_000,
        "\\strike x\\strike0 " * 3_000,
        "\\trowd\\cell" * 5_000,
        "\\" * 50_000,
    ],
    ids=lambda source: source[:8],
)
def test_rtf_costs_no_more_than_its_length(source):
    start = time.process_time()
    text("{\\rtf1 " + source, "application/rtf")
    assert time.process_time() - start < 1


# --- C-CDA --------------------------------------------------------------------------------------------


def test_ccda_narrative_is_read_section_by_section():
    exam = '<paragraph>Gait <content styleCode="Bold">normal</content>.</paragraph>'
    exam += "<list><item>a</item><item>b</item></list>"
    table = "<table><thead><tr><th>Level</th><th>Left</th></tr></thead>"
    table += "<tbody><tr><td>C5-6</td><td>open</td></tr></tbody></table>"
    source = CDA.format(SECTION.format("Exam", exam) + SECTION.format("Imaging:", f"{table}<br/>End"))
    assert text(source, "application/xml") == "Exam:\nGait normal.\n- a\n- b\nImaging:\nLevel\tLeft\nC5-6\topen\n\nEnd"


def test_ccda_coded_entries_are_not_read():
    entry = "<entry><act><text>unseen</text><title>no</title></act></entry>"
    section = f"<component><section><text>seen</text>{entry}</section></component>"
    assert text(CDA.format(section), "text/xml") == "seen"


def test_ccda_deleted_content_is_struck():
    section = SECTION.format("Plan", '<content revised="delete">old</content> new')
    assert struck(CDA.format(section), "application/cda+xml") == ["old"]


def test_ccda_in_its_own_encoding():
    source = '<?xml version="1.0" encoding="windows-1252"?>' + CDA.format(SECTION.format("Exam", "C5–6"))
    assert text(source.encode("cp1252"), "application/xml") == "Exam:\nC5–6"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_ccda_with_entities_is_refused_before_parsing(encoding):
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>' + CDA.format(SECTION.format("Exam", "&b;"))
    with pytest.raises(Unreadable) as caught:
        formats.read(bomb.encode(encoding), "application/xml")
    assert caught.value.reason is Reason.MALFORMED


def test_ccda_nested_deeply_costs_no_more_than_its_length():
    start = time.process_time()
    deep = SECTION.format("Exam", "<list><item>" * 4_000 + "x" + "</item></list>" * 4_000)
    assert text(CDA.format(deep), "application/xml").endswith("- x")
    assert time.process_time() - start < 1


# --- PDF ----------------------------------------------------------------------------------------------

PDF = "application/pdf"
ASCII = {chr(code): code for code in range(32, 127)}
IMAGE = stream("00", "/Type /XObject /Subtype /Image /Width 1 /Height 1 /BitsPerComponent 8 /ColorSpace /DeviceGray")
WORDS = "Left L4-5 foramen narrowed by a disc bulge."


def drawn(*operations):
    """One page of these operations."""
    return document(["\n".join(operations)])


def shown(x, y, said, size=10):
    return f"BT /F1 {size} Tf {x} {y} Td ({said}) Tj ET"


def rewritten(source, change):
    """A file after the library itself has written it anew."""
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(source.encode())))
    change(writer)
    held = io.BytesIO()
    writer.write(held)
    return held.getvalue()


def squeezed(writer):
    for page in writer.pages:
        page.compress_content_streams()


def why(source, kind=PDF):
    with pytest.raises(Unreadable) as caught:
        read(source, kind)
    return caught.value.reason


@pytest.mark.parametrize(
    "said",
    [
        "Exam:\nGait normal.\n\nAssessment\n  L4–5 foramen, ≥ 3 mm, α (left) \\ right",
        "Level\tLeft\tRight\nC5-6\topen\tnarrowed\nC6-7\topen\topen",
        "\n".join(f"line {number}" for number in range(130)),  # over three pages
    ],
)
def test_a_pdf_keeps_lines_empty_lines_and_cells(said):
    assert read(pdf(said), PDF) == Text(said)


@pytest.mark.parametrize("kind", ["application/x-pdf", "application/pdf; charset=binary", "", "text/plain"])
def test_a_pdf_says_itself_what_it_is(kind):
    assert text(pdf(WORDS), kind) == WORDS


def test_a_pdf_that_is_compressed_is_read():
    source = rewritten(pdf(WORDS), squeezed)
    assert WORDS[:9].encode() not in source
    assert text(source, PDF) == WORDS


@pytest.mark.parametrize(
    ("operations", "expected"),
    [
        ([shown(50, 700, "disc "), shown(71, 700, "bulge")], "disc bulge"),  # one line, drawn in two goes
        (["BT /F1 10 Tf 50 700 Td [(di) 20 (sc) -400 (bulge)] TJ ET"], "disc bulge"),
        (["BT /F1 10 Tf 12 TL 50 700 Td (a) Tj T* (b) Tj (c) ' ET"], "a\nb\nc"),
        ([shown(50, 700, "a"), shown(50, 688, "b"), shown(50, 660, "c"), shown(50, 648, "d")], "a\nb\n\nc\nd"),
        ([shown(50, 700, "a"), shown(50, 676, "b"), shown(50, 652, "c")], "a\nb\nc"),  # double spaced
        ([shown(50, 700, "a", 18), shown(50, 679, "b"), shown(50, 667, "c")], "a\nb\nc"),
        ([shown(50, 700, "a"), shown(50, 688, "b"), shown(300, 700, "c"), shown(300, 688, "d")], "a\nb\nc\nd"),
        (
            ["q 2 0 0 2 0 0 cm", shown(25, 350, "a", 5), shown(25, 344, "b", 5), shown(25, 330, "c", 5), "Q"],
            "a\nb\n\nc",
        ),
        ([shown(50, 700, "Level"), shown(200, 700, "Left"), shown(300, 700, "Right")], "Level\tLeft\tRight"),
        (["BT /F1 1 Tf 10 0 0 10 50 700 Tm (a) Tj 10 0 0 10 50 688 Tm (b) Tj ET"], "a\nb"),
    ],
)
def test_a_pdf_is_read_as_it_looks(operations, expected):
    assert text(drawn(*operations), PDF) == expected


def test_a_pdf_says_what_its_forms_say():
    form = stream(
        shown(50, 700, "disc bulge"),
        "/Type /XObject /Subtype /Form /BBox [0 0 595 842] /Resources << /Font << /F1 3 0 R >> >>",
    )
    source = document(["q /X1 Do Q"], resources="/XObject << /X1 10 0 R >>", objects=[form])
    assert text(source, PDF) == "disc bulge"


def test_a_pdf_that_needs_a_password_says_so():
    assert why(rewritten(pdf(WORDS), lambda writer: writer.encrypt("secret", algorithm="AES-256"))) is Reason.PROTECTED


def test_a_pdf_that_any_viewer_opens_is_read_whatever_its_owner_restricts():
    assert text(rewritten(pdf(WORDS), lambda writer: writer.encrypt("", "secret", algorithm="AES-128")), PDF) == WORDS


@pytest.mark.parametrize("line", ["", "FAX 2026-10-14 page 1"])
def test_a_pdf_of_pictures_has_no_text_layer(line):
    page = f"{shown(50, 800, line)} q /I1 Do Q" if line else "q /I1 Do Q"
    source = document([page], resources="/XObject << /I1 10 0 R >>", objects=[IMAGE])
    if line:
        assert read(source, PDF) == Text(line, unread=Reason.PICTURED)
    else:
        assert why(source) is Reason.NO_TEXT_LAYER


def test_a_pdf_with_a_scanned_page_is_read_and_says_that_it_is_not_all():
    source = document([content([WORDS], ASCII), "q /I1 Do Q"], resources="/XObject << /I1 10 0 R >>", objects=[IMAGE])
    assert read(source, PDF) == Text(WORDS, unread=Reason.PICTURED)


def test_a_logo_beside_a_page_of_text_makes_no_picture_of_it():
    page = content([WORDS] * 3, ASCII) + " q /I1 Do Q"
    source = document([page], resources="/XObject << /I1 10 0 R >>", objects=[IMAGE])
    assert read(source, PDF) == Text("\n".join([WORDS] * 3))


def test_a_pdf_whose_letters_nobody_can_tell_is_not_read():
    assert why(drawn("BT /F1 10 Tf 50 700 Td (\\001\\002\\003 \\004\\005) Tj ET")) is Reason.NO_TEXT_LAYER


@pytest.mark.parametrize(
    "source",
    [
        pdf(WORDS) + " " * MOST_BYTES,
        document([shown(50, 700, "a")] * (MOST_PAGES + 1)),
        document(["q Q " * (MOST_OPERATIONS // 20)] * 11),
        drawn(shown(50, 700, "a" * (MOST_CHARACTERS + 1))),
        drawn(f"BT /F1 10 Tf [{'(aaaaaaaaaa) 1 ' * (MOST_CHARACTERS // 10 + 1)}] TJ ET"),
    ],
    ids=["bytes", "pages", "operations", "characters", "pieces"],
)
def test_a_pdf_beyond_its_limits_is_too_large(source):
    assert why(source) is Reason.TOO_LARGE


def test_a_pdf_that_inflates_beyond_all_bounds_is_not_inflated():
    bomb = rewritten(drawn(shown(50, 700, "a") + " " * 5_000_000), squeezed)
    assert len(bomb) < 20_000
    assert why(bomb) is Reason.TOO_LARGE


@pytest.mark.parametrize("seed", range(4))
def test_a_broken_pdf_is_a_gap_and_never_a_failure(seed):
    """Bytes changed, cut and doubled: there is a text, or a reason."""
    chance = Random(seed)  # noqa: S311  (nothing is secret here)
    sound = [pdf(WORDS).encode(), rewritten(pdf(WORDS), squeezed)]
    for _ in range(60):
        data = bytearray(chance.choice(sound))
        for _ in range(chance.randint(1, 12)):
            at = chance.randrange(len(data))
            data[at : at + chance.choice((0, 1, 1, 30))] = chance.randbytes(chance.choice((0, 1, 1, 4)))
        with suppress(Unreadable):
            assert isinstance(read(b"%PDF-" + bytes(data), PDF), Text)


def test_nothing_of_a_pdf_reaches_the_log():
    told = logging.handlers.BufferingHandler(100)
    logging.getLogger().addHandler(told)
    try:
        source = drawn("BT /Secretname 10 Tf 50 700 Td (a) Tj ET", "/Hidden Do", shown(50, 600, "disc bulge"))
        assert "disc bulge" in text(source, PDF)
    finally:
        logging.getLogger().removeHandler(told)
    assert told.buffer == []
