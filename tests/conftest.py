"""What more than one file needs and is dear to start: once for a session."""

import browser as real
import postgresql
import pytest
from playwright.sync_api import expect

#: ms that a page is given for what a test waits for; a busy build machine may need many.
PATIENCE = 30_000
expect.set_options(timeout=PATIENCE)


@pytest.fixture(scope="session")
def server():
    """PostgreSQL."""
    with postgresql.running() as started:
        yield started


@pytest.fixture(scope="session")
def browser():
    """Chromium, or a skip that says why."""
    with real.running() as chromium:
        yield chromium


@pytest.fixture
def page(browser):
    """An empty page of its own, without memory of other tests; what it said and what broke in it is kept."""
    context = browser.new_context(viewport={"width": 1000, "height": 800})
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    page.said, page.broke = [], []
    page.on("console", lambda message: page.said.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: page.broke.append(str(error)))
    yield page
    context.close()
