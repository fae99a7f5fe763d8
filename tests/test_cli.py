"""What ``foramen`` promises at the prompt."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner

from cds_service.cli import main

ROOT = Path(__file__).parent.parent
REQUESTS = ROOT / "tests" / "requests"
sys.path.insert(0, str(ROOT / "scripts"))

import demo  # noqa: E402 - the program behind `make demo` knows how to start and await the service


def foramen(*arguments, **environment):
    return CliRunner().invoke(main, [str(argument) for argument in arguments], env=environment)


def test_check_prints_the_card_as_a_person_reads_it():
    result = foramen("check", REQUESTS / "corrected.json")
    assert result.exit_code == 0
    assert "M99.73" in result.output
    assert '"narrows the right neural foramen"' in result.output
    assert "**" not in result.output


def test_check_prints_the_response_as_json():
    result = foramen("check", "--json", REQUESTS / "corrected.json")
    [card] = json.loads(result.output)["cards"]
    assert card["extension"]["org.foramen.assessment"]["verdict"] == "corrected"


def test_check_says_what_no_card_means():
    assert "No card: the record supports" in foramen("check", REQUESTS / "supported.json").output


def test_explain_shows_rule_and_quote_even_where_there_is_no_card():
    output = foramen("explain", REQUESTS / "supported.json").output
    assert "M99.03" in output
    assert "V8" in output
    assert '"somatic dysfunction' in output.lower()
    assert "DocumentReference/n1:" in output


def test_codes_lists_every_billable_code():
    assert len(foramen("codes").output.splitlines()) == 91


@pytest.mark.parametrize("written", ["M99.63", "m9963"])
def test_codes_tells_of_one(written):
    output = foramen("codes", written).output
    assert "M99.63" in output
    assert "M99.73" in output, "a sibling of the same region"
    assert "M99.61" in output, "a sibling of the same family"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["check", ROOT / "README.md"], "README.md"),
        (["check", REQUESTS / "corrected.json", "--service", "nobody"], "no service"),
        (["codes", "Z99.999"], "not in the code set"),
        (["serve", "--dev", "--host", "0.0.0.0"], "loopback"),  # noqa: S104 - must be refused
        (["serve"], "FORAMEN_OPEN=1"),
    ],
)
def test_what_cannot_be_done_is_said(arguments, said):
    result = foramen(*arguments)
    assert result.exit_code != 0
    assert said in result.output
    assert "Traceback" not in result.output


def test_a_request_of_a_wrong_shape_is_named(tmp_path):
    file = tmp_path / "request.json"
    file.write_text('{"hook": "order-sign", "hookInstance": 1, "context": {}}')
    result = foramen("check", file)
    assert result.exit_code == 1
    assert "/hookInstance" in result.output


def test_the_demo_shows_cards():
    result = subprocess.run(
        [sys.executable, ROOT / "scripts" / "demo.py"], capture_output=True, text=True, timeout=60, check=False
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.count("200 in") == len(demo.SHOWN)


def test_the_service_stops_when_told():
    port = demo.free_port()
    command = [sys.executable, "-m", "cds_service", "serve", "--dev", "--port", str(port)]
    with subprocess.Popen(command, stderr=subprocess.PIPE) as service:
        demo.wait(f"http://127.0.0.1:{port}", service)
        taken = subprocess.run(command, capture_output=True, timeout=20, check=False)
        service.terminate()
        _, log = service.communicate(timeout=20)
    assert service.returncode == 0
    assert b'"event":"ready"' in log
    assert b"Traceback" not in log
    assert b"cannot listen" in taken.stderr, "a port is never shared by accident"


def test_the_lock_file_holds_every_requirement_with_a_hash():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = project["dependencies"] + project["optional-dependencies"]["dev"]
    locked = (ROOT / "requirements.lock").read_text()
    pinned = {line.split("==")[0] for line in locked.splitlines() if "==" in line}
    assert {re.split(r"[\[>]", one)[0].replace(".", "-").lower() for one in wanted} <= pinned
    assert all("--hash=sha256:" in block for block in locked.replace("\\\n", "").splitlines() if "==" in block)


def test_a_body_without_a_length_is_cut_off_at_the_limit_aloud(tmp_path):
    """413 also for a chunked body, over the real server."""
    file = tmp_path / "big.json"
    file.write_bytes(b" " * 17_000_000 + b"{}")
    with demo.running() as base, file.open("rb") as body:
        reply = demo.HTTP.post(
            f"{base}/cds-services/m99-order-sign",
            data=iter(lambda: body.read(1_000_000), b""),
            headers={"Content-Type": "application/json"},
            timeout=20,
        )
    assert reply.status_code == 413
