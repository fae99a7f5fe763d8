"""A client's FHIR server is asked within bounds, and what it does wrong becomes a reason (F1-F7, S8-S12)."""

from __future__ import annotations

import json
import time
from base64 import b64encode

import pytest
from fhir_server import serving
from test_chart import condition, note

from cds_service.fhir import Limits, connect
from cds_service.reasons import Reason

SEARCH = "Condition?encounter=e1"
BINARY = {"resourceType": "Binary", "id": "b1", "contentType": "text/html", "data": b64encode(b"<p>a").decode()}


def access(server, token="", **limits):
    return connect(server.base, token, dev=True, limits=Limits(**limits))


def search(server, query=SEARCH, **limits):
    with access(server, **limits) as client:
        return client.search(query, "here")


def answered(body, status=200, **headers):
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return lambda _: (status, {"Content-Type": "application/fhir+json", **headers}, content)


def test_a_search_brings_resources_with_their_places():
    with serving([condition(), note()]) as server:
        found = search(server)
    assert found.resources == [(condition(), "here.entry[0]")]
    assert found.reason is None


def test_a_read_brings_one():
    with serving([condition()]) as server:
        assert search(server, "Condition/c1").resources == [(condition(), "here")]


def test_the_token_of_the_call_is_presented_each_time():
    """F2."""
    with serving([BINARY]) as server, access(server, "tok-1") as client:
        client.search(SEARCH, "here")
        client.binary("Binary/b1")
    assert server.tokens == ["Bearer tok-1"] * 2


@pytest.mark.parametrize("token", ["a\nHost: evil", "a b", "\u00e9", "\u6f22", "\0"])
def test_what_no_header_can_hold_is_no_token(token):
    """F2, S10: nothing is asked with it."""
    with serving([]) as server:
        assert connect(server.base, token, dev=True) is Reason.NOT_PERMITTED
    assert not server.asked


def test_no_token_no_header():
    """F7."""
    with serving([]) as server:
        search(server)
    assert server.tokens == [None]


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (answered(b"", 404), Reason.NOT_RETRIEVED),
        (answered(b"", 500), Reason.NOT_RETRIEVED),
        (answered(b"", 401), Reason.NOT_PERMITTED),
        (answered(b"", 403), Reason.NOT_PERMITTED),
        (answered(b"not json"), Reason.MALFORMED),
        (answered(b"[" * 100_000), Reason.MALFORMED),
        (answered(b'{"resourceType": "Bundle", "entry": [{"resource": {"x": NaN}}]}'), Reason.MALFORMED),
        (answered({"resourceType": "OperationOutcome"}), Reason.NOT_RETRIEVED),
        (answered(b" " * 200_000), Reason.TOO_LARGE),
        (answered(b"", 302, Location="http://127.0.0.1:9/fhir/Condition"), Reason.NOT_RETRIEVED),
    ],
)
def test_what_a_server_does_wrong_is_a_reason(fault, reason):
    with serving([], fault) as server:
        found = search(server, bytes=100_000)
    assert (found.resources, found.reason) == ([], reason)
    assert len(server.asked) == 1  # nothing is asked twice, no redirect is followed


def test_a_server_that_is_gone():
    with serving([]) as server:
        base = server.base
    assert connect(base, "", dev=True).search(SEARCH, "here").reason is Reason.NOT_RETRIEVED


def test_a_slow_server_costs_no_more_than_its_budget():
    """S11: per call and in all."""
    with serving([], delay=1) as server:
        start = time.monotonic()
        with access(server, call_seconds=0.2, total_seconds=0.3) as client:
            reasons = [client.search(SEARCH, "here").reason for _ in range(5)]
        assert time.monotonic() - start < 0.9
    assert reasons == [Reason.TIMED_OUT] * 5


def test_an_outcome_beside_data_is_named_and_the_data_kept():
    """P6."""
    mixed = {
        "resourceType": "Bundle",
        "entry": [
            {"resource": condition()},
            {"resource": {"resourceType": "OperationOutcome", "issue": {"severity": "error"}}},
        ],
    }
    with serving([], answered(mixed)) as server:
        found = search(server)
    assert [one for one, _ in found.resources] == [condition()]
    assert found.reason is Reason.NOT_RETRIEVED


# --- pages --------------------------------------------------------------------------------------------


def test_all_pages_are_read():
    held = [condition(name=f"c{i}") for i in range(7)]
    with serving(held, page=2) as server:
        found = search(server)
        assert [one for one, _ in found.resources] == held
        assert [one for one, _ in access(server).search(SEARCH, "here", pages=1).resources] == held[:2]
    assert found.reason is None


def test_pages_have_a_limit():
    with serving([condition(name=f"c{i}") for i in range(9)], page=1) as server:
        found = search(server, pages=3)
    assert (len(found.resources), found.reason) == (3, Reason.MORE_PAGES)


@pytest.mark.parametrize(
    "link",
    [
        "http://127.0.0.1:{port}/fhir/Condition?encounter=e1",  # a loop
        "http://127.0.0.1:9/fhir/Condition?page=2",
        "http://localhost:{port}/fhir/Condition?page=2",
        "https://127.0.0.1:{port}/fhir/Condition?page=2",
        "http://user@127.0.0.1:{port}/fhir/Condition?page=2",
        "http://127.0.0.1:{port}/other/Condition?page=2",
        "http://127.0.0.1:{port}/fhirs/Condition?page=2",
        "http://127.0.0.1:{port}/fhir/../admin",
        "http://127.0.0.1:{port}/fhir/%2e%2e/admin",
        "http://[::1/x",
        "file:///etc/passwd",
    ],
)
def test_links_that_lead_away_or_round_are_not_followed(link):
    """S10: else the token would go abroad."""
    pages = []

    def paged(_):
        following = {"relation": "next", "url": link.format(port=server.server_port)}
        pages.append({"resourceType": "Bundle", "entry": [{"resource": condition()}], "link": [following]})
        return answered(pages[-1])("")

    with serving([], paged) as server:
        found = search(server)
    assert (len(found.resources), found.reason, len(server.asked)) == (1, Reason.MORE_PAGES, 1)


def test_a_relative_link_is_of_this_server():
    def paged(path):
        more = {} if "page" in path else {"link": [{"relation": "next", "url": "?page=2"}]}
        return answered({"resourceType": "Bundle", "entry": [{"resource": condition(name=f"c{len(path)}")}], **more})(
            ""
        )

    with serving([], paged) as server:
        assert len(search(server).resources) == 2


# --- attachments --------------------------------------------------------------------------------------


@pytest.mark.parametrize("link", ["Binary/b1", "{base}/Binary/b1"])
@pytest.mark.parametrize("native", [True, False])
def test_a_binary_in_either_form(link, native):
    as_served = answered(b"<p>a", **{"Content-Type": "text/html"}) if native else lambda _: None
    with serving([BINARY], as_served) as server, access(server) as client:
        assert client.binary(link.format(base=server.base)) == (b"<p>a", "text/html")


@pytest.mark.parametrize(
    "link", ["https://elsewhere.example/x", "../x", "//elsewhere.example/x", "file:///x", "http://[", "data:,x"]
)
def test_an_address_elsewhere_is_not_asked(link):
    with serving([BINARY]) as server, access(server) as client:
        assert client.binary(link) is Reason.NOT_FETCHED
    assert server.asked == []


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (answered({"resourceType": "Patient"}), Reason.NOT_RETRIEVED),
        (answered({"resourceType": "Binary", "data": "no base64!"}), Reason.NOT_DECODED),
        (answered(b"{"), Reason.MALFORMED),
        (answered(b"x" * 200_000), Reason.TOO_LARGE),
        (answered(b"", 404), Reason.NOT_RETRIEVED),
    ],
)
def test_a_binary_that_cannot_be_had_is_a_reason(fault, reason):
    with serving([], fault) as server, access(server, bytes=100_000) as client:
        assert client.binary("Binary/b1") is reason


# --- whom to ask --------------------------------------------------------------------------------------


def test_no_server_is_no_access_and_a_refused_one_has_its_reason():
    assert connect("", "") is None
    assert connect("https://ehr.example/fhir", "") is Reason.NOT_PERMITTED


def test_a_token_is_held_no_longer_than_the_call():
    """F4: nothing that outlives the call can present it again."""
    with serving([]) as server:
        with access(server, "tok-1") as client:
            client.search(SEARCH, "here")
        client.search(SEARCH, "here")
    assert server.tokens == ["Bearer tok-1", None]


def test_a_token_stays_out_of_sight():
    assert "tok-1" not in repr(connect("https://ehr.example", "tok-1", allowed=["https://ehr.example"]))
