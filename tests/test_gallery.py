"""The pictures in the README show the golden cards as they are now, and can be taken anew."""

import sys
from base64 import b64encode

import pytest
from runner import ROOT

from knowledge.model import Verdict

sys.path.insert(0, str(ROOT / "scripts"))

import gallery

LIMIT = 150_000  #: bytes of a picture, so that the page stays quick
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.mark.parametrize("verdict", Verdict)
def test_each_verdict_has_a_picture_of_its_golden_card_in_the_readme(verdict):
    image = gallery.picture(verdict).read_bytes()
    assert image.startswith(PNG)
    assert len(image) < LIMIT
    assert gallery.shows(image, gallery.card(verdict)), "run: python scripts/gallery.py"
    assert f"](docs/pictures/{verdict}.png)" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_a_picture_of_another_wording_is_out_of_date():
    card = gallery.card(Verdict.CLARIFY)
    image = gallery.picture(Verdict.CLARIFY).read_bytes()
    for changed in (
        {"detail": card["detail"] + "."},
        {"suggestions": card["suggestions"][1:]},
        {"indicator": "warning"},
    ):
        assert not gallery.shows(image, card | changed)
    assert gallery.shows(image, card | {"uuid": "another"})


def test_a_picture_is_taken_of_the_card_alone(page):
    page.goto(gallery.PAGE.as_uri())
    image = gallery.taken(page, gallery.card(Verdict.UNSUPPORTED))
    assert image.startswith(PNG)
    assert image.endswith(gallery.END + b"\xae\x42\x60\x82")
    assert gallery.shows(image, gallery.card(Verdict.UNSUPPORTED))
    page.set_content(f'<img src="data:image/png;base64,{b64encode(image).decode()}">')
    assert page.evaluate("document.images[0].decode().then(() => document.images[0].naturalWidth)") > 500
