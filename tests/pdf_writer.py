"""Text -> a PDF of it, one drawn line for each line, as report systems make them.  ASCII throughout."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

FONT_SIZE, LEADING, LINES = 10, 12, 60
LEFT, TOP = 50, 780
#: Codes that Windows-1252 leaves free; characters beyond it are drawn with these.
SPARE = [*range(1, 32), 0x7F, 0x81, 0x8D, 0x8F, 0x90, 0x9D]


def pdf(text: str) -> str:
    """A PDF with a text layer: cells after a tab stand in a column of their own, empty lines are left empty."""
    lines = text.split("\n")
    codes = _codes(text)
    pages = [lines[start : start + LINES] for start in range(0, len(lines), LINES)]
    return document([content(page, codes) for page in pages], to_unicode=_mapping(codes))


def content(lines: Iterable[str], codes: dict[str, int]) -> str:
    """What draws one page."""
    drawn = []
    for number, line in enumerate(lines):
        x, y = LEFT, TOP - number * LEADING
        for cell in line.split("\t"):
            said = "".join(f"\\{codes[one]:03o}" for one in cell)
            drawn.append(f"BT /F1 {FONT_SIZE} Tf {x} {y} Td ({said}) Tj ET" if cell.strip() else "")
            x += FONT_SIZE * (len(cell) + 3)
    return "\n".join(filter(None, drawn))


def document(contents: Sequence[str], *, to_unicode: str = "", resources: str = "", objects: Sequence[str] = ()) -> str:
    """A file of these pages; ``objects`` are further ones, numbered from 10."""
    font = "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding /ToUnicode 4 0 R >>"
    first = 10 + len(objects)
    kids = [first + 2 * place for place in range(len(contents))]
    shared = f"/Resources << /Font << /F1 3 0 R >> {resources} >>"
    numbered = {
        1: "<< /Type /Catalog /Pages 2 0 R >>",
        2: f"<< /Type /Pages /Count {len(kids)} /Kids [{' '.join(f'{kid} 0 R' for kid in kids)}] >>",
        3: font if to_unicode else font.replace(" /ToUnicode 4 0 R", ""),
        4: stream(to_unicode),
        **dict(enumerate(objects, 10)),
    }
    for kid, drawn in zip(kids, contents, strict=True):
        numbered[kid] = f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] {shared} /Contents {kid + 1} 0 R >>"
        numbered[kid + 1] = stream(drawn)
    return _file(numbered)


def stream(data: str, entries: str = "") -> str:
    return f"<< /Length {len(data)} {entries} >>\nstream\n{data}\nendstream"


def _file(numbered: dict[int, str]) -> str:
    made, places = "%PDF-1.4\n", {}
    for number, body in numbered.items():
        places[number] = len(made)
        made += f"{number} 0 obj\n{body}\nendobj\n"
    size = max(numbered) + 1
    free = "0000000000 65535 f \n"
    table = "".join(f"{places[number]:010d} 00000 n \n" if number in places else free for number in range(size))
    return f"{made}xref\n0 {size}\n{table}trailer\n<< /Size {size} /Root 1 0 R >>\nstartxref\n{len(made)}\n%%EOF\n"


def _codes(text: str) -> dict[str, int]:
    """A code for every character: that of Windows-1252, else a spare one."""
    spare, codes = iter(SPARE), {}
    for one in dict.fromkeys(text):
        byte = one.encode("cp1252", "ignore")
        codes[one] = byte[0] if byte and byte[0] >= 0x20 else next(spare)
    return codes


def _mapping(codes: dict[str, int]) -> str:
    """What the codes mean, for those who copy the text."""
    pairs = [f"<{code:02x}> <{one.encode('utf-16-be').hex()}>" for one, code in codes.items()]
    blocks = [pairs[start : start + 100] for start in range(0, len(pairs), 100)]
    lists = "\n".join(f"{len(block)} beginbfchar\n" + "\n".join(block) + "\nendbfchar" for block in blocks)
    return (
        "/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /Said def /CMapType 2 def\n"
        f"1 begincodespacerange <00> <ff> endcodespacerange\n{lists}\nendcmap end end"
    )
