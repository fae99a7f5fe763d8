"""Takes the pictures of the README from the pages themselves, with Debian's Chromium.

python scripts/pages.py
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

from playwright.sync_api import Browser, Page, sync_playwright
from werkzeug.serving import make_server

from cds_service.app import create_app
from cds_service.settings import Settings

PICTURES = Path(__file__).parent.parent / "docs/pictures"
LARGEST = 200_000  #: bytes of a picture
WIDE = {"width": 1100, "height": 740}
SAMPLE = "exit-not-canal"


def main() -> None:
    """Start the service, walk to what is worth seeing, keep it."""
    with serving() as base, sync_playwright() as playwright:
        chromium = shutil.which("chromium") or sys.exit("chromium is not installed")
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        _map(_page(browser, base, WIDE, "light"))
        _answer(_page(browser, base, WIDE, "light"), "pages-playground")
        browser.close()
    for path in sorted(PICTURES.glob("pages-*.png")):
        size = path.stat().st_size
        print(f"{path.relative_to(PICTURES.parent.parent)}: {size} bytes")
        if size > LARGEST:
            sys.exit(f"{path.name} is larger than {LARGEST} bytes")


@contextmanager
def serving() -> Iterator[str]:
    """The service on a free port of this machine, until the block ends."""
    server = make_server("127.0.0.1", 0, create_app(Settings(dev=True)), threaded=True)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()


def _page(browser: Browser, base: str, size: dict[str, int], scheme: str) -> Page:
    dark = scheme == "dark"
    context = browser.new_context(
        base_url=base,
        viewport={"width": size["width"], "height": size["height"]},
        color_scheme="dark" if dark else "light",
    )
    return context.new_page()


def _map(page: Page) -> None:
    page.goto("/codes")
    page.screenshot(path=PICTURES / "pages-map.png")


def _answer(page: Page, name: str) -> None:
    """A sample, asked, with a mark pointed at."""
    page.goto("/playground")
    page.locator(f"[data-sample={SAMPLE}]").click()
    page.locator("#result .card").wait_for()
    page.locator("mark.counts.site").first.focus()
    page.locator("#read").evaluate("(heading) => heading.scrollIntoView({ block: 'start' })")
    page.mouse.move(1, 1)
    page.screenshot(path=PICTURES / f"{name}.png")


if __name__ == "__main__":
    main()
