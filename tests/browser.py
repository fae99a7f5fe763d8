"""A real browser for the tests: the Chromium of the machine, headless, driven by Playwright.

Playwright, because it waits for what a page does instead of sleeping, and works with a browser that is there already.
The fixtures ``browser`` and ``page`` stand in ``conftest.py``; ``serving`` puts an application on loopback for them.
"""

import os
import shutil
from contextlib import contextmanager

import pytest
from fhir_server import answering
from playwright.sync_api import sync_playwright
from werkzeug.serving import WSGIRequestHandler, make_server

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), "")
ABSENT = "NOT TESTED in a browser: there is none here (Debian: apt-get install chromium)"
#: Without a sandbox, because it only sees pages of ours and has to run as root in a container; and what a page asks
#: for outside this machine is not found, so that no test depends on a network or tells it anything.  Containers often
#: have little shared memory.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
]


class Silent(WSGIRequestHandler):
    def log_request(self, *_):
        """Say nothing."""


@contextmanager
def running():
    """The browser, until the block ends; without one the test is skipped, on the build machine it fails."""
    if not CHROMIUM and os.environ.get("FORAMEN_CI") != "1":
        pytest.skip(ABSENT)
    assert CHROMIUM, ABSENT
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        try:
            yield chromium
        finally:
            chromium.close()


@contextmanager
def serving(application, port=0):
    """The address of a WSGI application on loopback, until the block ends."""
    server = make_server("127.0.0.1", port, application, threaded=True, request_handler=Silent)
    with answering(server):
        yield f"http://127.0.0.1:{server.server_port}"
