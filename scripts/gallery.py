"""Takes the pictures of docs/pictures: the golden card of each verdict, as a client's page shows it in Chromium.

    python scripts/gallery.py

The page is that of the tests (tests/ehr), the cards are those of tests/golden.  Each picture carries a digest of what
it shows, so that tests/test_gallery.py knows one that is out of date though fonts differ from machine to machine.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import struct
import sys
import zlib
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

from knowledge.model import Verdict

ROOT = Path(__file__).parent.parent
PICTURES = ROOT / "docs/pictures"
GOLDEN = ROOT / "tests/golden"
PAGE = ROOT / "tests/ehr/index.html"
#: What decides how a card looks; ids and the decision as data do not.
SEEN = ("summary", "detail", "indicator", "source", "suggestions", "links")
WIDTH = 860  #: pixels
SHOWS = b"Shows"  #: key of the digest in a picture
END = b"\0\0\0\0IEND"


def main() -> None:
    """Take every picture."""
    chromium = shutil.which("chromium") or sys.exit("there is no Chromium here (Debian: apt-get install chromium)")
    PICTURES.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        # The page is ours and asks for nothing; as root Chromium has no sandbox.
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": WIDTH, "height": 800})
        page.goto(PAGE.as_uri())
        for verdict in Verdict:
            picture(verdict).write_bytes(taken(page, card(verdict)))
            print(f"{picture(verdict).relative_to(ROOT)}: {picture(verdict).stat().st_size} bytes")
        browser.close()


def picture(verdict: Verdict) -> Path:
    """Where the picture of a verdict's card is."""
    return PICTURES / f"{verdict}.png"


def card(verdict: Verdict) -> dict[str, Any]:
    """The golden card of a verdict."""
    (told,) = json.loads((GOLDEN / f"{verdict}.json").read_text(encoding="utf-8"))["cards"]
    return dict(told)


def taken(page: Page, told: dict[str, Any]) -> bytes:
    """The picture of a card, with the digest of what it shows."""
    page.evaluate("told => show({cards: [told]})", told)
    return signed(page.locator("article").screenshot(), told)


def digest(told: dict[str, Any]) -> bytes:
    """Of all that is seen of a card."""
    labels = [one["label"] for one in told.get("suggestions", ())]
    seen = {name: told[name] for name in SEEN if name in told} | {"suggestions": labels}
    return hashlib.sha256(json.dumps(seen, sort_keys=True).encode()).hexdigest().encode()


def signed(image: bytes, told: dict[str, Any]) -> bytes:
    """A PNG with one chunk of text more."""
    chunk = b"tEXt" + SHOWS + b"\0" + digest(told)
    place = image.rindex(END)
    return (
        image[:place] + struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk)) + image[place:]
    )


def shows(image: bytes, told: dict[str, Any]) -> bool:
    """Whether a picture is one of this card."""
    return SHOWS + b"\0" + digest(told) in image


if __name__ == "__main__":
    main()
