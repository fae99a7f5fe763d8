"""The service as real pages of real browsers meet it."""

import browser as real
import pytest

from cds_service.app import create_app
from cds_service.settings import Settings


def test_a_browser_opens_the_pages_of_the_service(page):
    with real.serving(create_app(Settings(open=True))) as base:
        assert page.goto(f"{base}/rules/").ok
        assert page.locator("h1").count() == 1
    assert page.broke == []


def test_a_missing_browser_is_a_failure_on_the_build_machine_and_a_skip_elsewhere(monkeypatch):
    monkeypatch.setattr(real, "CHROMIUM", "")
    monkeypatch.setenv("FORAMEN_CI", "1")
    with pytest.raises(AssertionError, match="apt-get install chromium"), real.running():
        pass
    monkeypatch.delenv("FORAMEN_CI")
    with pytest.raises(pytest.skip.Exception, match="apt-get install chromium"), real.running():
        pass
