"""The image, the compose file and the manifests: well made, and about the service that there is."""

import json
import os
import re
import shlex
import subprocess
import tomllib
from dataclasses import fields
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from click.testing import CliRunner
from fhir_server import answering
from runner import ROOT

from cds_service import health, server
from cds_service.app import create_app
from cds_service.cli import main
from cds_service.settings import PREFIX, Settings

TOOLS = ROOT / ".tools/bin"
ABSENT = "NOT TESTED: the release tools are not here (make tools)"
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
MANIFESTS = ROOT / "deploy/kubernetes/foramen.yaml"
COMPOSE = ROOT / "compose.yaml"
SETTINGS = {f"{PREFIX}{one.name.upper()}" for one in fields(Settings)}
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
#: The oldest that knows a pause without a shell (preStop.sleep), and a later one.
KUBERNETES = ("1.30", "1.33")
#: A YAML file as JSON: the reader of YAML is among the release tools.
TO_JSON = "import json, sys, yaml; print(json.dumps([one for one in yaml.safe_load_all(sys.stdin) if one]))"


def tool(name):
    path = TOOLS / name
    if not path.exists() and os.environ.get("FORAMEN_CI") != "1":
        pytest.skip(ABSENT)
    assert path.exists(), ABSENT
    return path


def documents(path):
    command = [tool("python"), "-c", TO_JSON]
    made = subprocess.run(command, input=path.read_bytes(), capture_output=True, check=True)
    return json.loads(made.stdout)


@pytest.fixture(scope="module")
def manifests():
    return {one["kind"]: one for one in documents(MANIFESTS)}


@pytest.fixture(scope="module")
def pod(manifests):
    return manifests["Deployment"]["spec"]["template"]["spec"]


@pytest.fixture(scope="module")
def compose():
    (made,) = documents(COMPOSE)
    return made["services"]


def instruction(word, text=DOCKERFILE):
    """The last instruction of a kind, on one line."""
    return re.findall(rf"^ *{word} (.*)$", text.replace("\\\n", " "), re.MULTILINE)[-1]


# --- the image ------------------------------------------------------------------------------------------


def test_the_linter_has_nothing_to_say_of_the_dockerfile():
    made = subprocess.run([tool("hadolint"), ROOT / "Dockerfile"], capture_output=True, text=True, check=False)
    assert (made.stdout, made.returncode) == ("", 0)


def test_the_linter_is_awake(tmp_path):
    bad = tmp_path / "Dockerfile"
    bad.write_text("FROM debian\nRUN cd /tmp && apt-get install x\n")
    made = subprocess.run([tool("hadolint"), bad], capture_output=True, text=True, check=False)
    assert made.returncode == 1


def test_the_image_starts_what_the_command_starts(monkeypatch):
    """CMD in exec form: no shell."""
    started = []
    monkeypatch.setattr("cds_service.server.serve", lambda *given: started.append(given))
    program, *arguments = json.loads(instruction("CMD"))
    assert program == "/opt/foramen/bin/foramen"
    result = CliRunner().invoke(main, arguments, env={"FORAMEN_OPEN": "1"})
    assert result.exit_code == 0, result.output
    assert started == [("0.0.0.0", 8000, Settings(open=True))]  # noqa: S104 - a container


def test_the_final_stage_runs_no_command_and_nobody_of_rank():
    final = DOCKERFILE[DOCKERFILE.rindex("\nFROM ") :]
    assert not re.findall(r"^RUN ", final, re.MULTILINE)
    uid, gid = instruction("USER", final).split(":")
    assert int(uid) > 0 < int(gid)
    assert instruction("VOLUME", final) == "/data"
    assert "FORAMEN_DATA=/data" in final


def test_every_base_is_an_argument():
    assert set(re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)) == {"${BASE}", "${RUNTIME}"}


def test_what_is_copied_is_not_ignored():
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    let_in = {line.removeprefix("!") for line in ignored if line.startswith("!")}
    copied = [shlex.split(line) for line in re.findall(r"^COPY (?!--from)(.*)$", DOCKERFILE, re.MULTILINE)]
    assert {source for *sources, _ in copied for source in sources} == let_in
    assert all((ROOT / source).exists() for source in let_in)


class Telling(BaseHTTPRequestHandler):
    status = 200

    def do_GET(self):
        self.send_response(self.status if self.path == "/readyz" else 404)
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.mark.parametrize(("status", "expected"), [(200, 0), (503, 1)])
def test_the_health_check_tells_what_readyz_tells(status, expected):
    assert instruction("HEALTHCHECK").endswith('"-m", "cds_service.health"]')
    handler = type("Telling", (Telling,), {"status": status})
    with HTTPServer(("127.0.0.1", 0), handler) as ready, answering(ready):
        assert health.main(ready.server_port) == expected


def test_the_health_check_fails_where_nobody_listens():
    with HTTPServer(("127.0.0.1", 0), Telling) as gone:
        port = gone.server_port
    assert health.main(port) == 1


# --- Kubernetes -----------------------------------------------------------------------------------------


def checked(path, version):
    command = [tool("kubernetes-validate"), "--kubernetes-version", version, "--strict", path]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("version", KUBERNETES)
def test_every_manifest_is_valid(version):
    made = checked(MANIFESTS, version)
    assert made.returncode == 0, made.stdout + made.stderr


@pytest.mark.parametrize(("old", "new"), [("replicas: 2", "replicas: two"), ("minAvailable: 1", "minAvaliable: 1")])
def test_a_manifest_that_is_wrong_is_found_out(tmp_path, old, new):
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(MANIFESTS.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    assert checked(wrong, KUBERNETES[-1]).returncode != 0


def test_all_that_was_asked_for_is_there(manifests):
    assert manifests.keys() >= {
        "Deployment", "Service", "PodDisruptionBudget", "HorizontalPodAutoscaler", "NetworkPolicy", "Secret", "Ingress"
    }  # fmt: skip


def test_probes_ask_what_the_service_answers(pod):
    client = create_app(Settings(open=True)).test_client()
    (container,) = pod["containers"]
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert client.get(container[probe]["httpGet"]["path"]).status_code == 200
    assert container["livenessProbe"]["httpGet"]["path"] == "/healthz", "a database that fails is no reason to restart"


def test_calls_in_flight_are_given_the_time_they_need(pod):
    (container,) = pod["containers"]
    pause = container["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert pod["terminationGracePeriodSeconds"] > pause + server.DRAIN


def test_the_container_may_write_only_where_it_must(pod):
    (container,) = pod["containers"]
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] == int(instruction("USER").split(":")[0])
    writable = {one["mountPath"] for one in container["volumeMounts"] if not one.get("readOnly")}
    assert writable == {"/data", "/tmp"}  # noqa: S108 - in the container
    assert {one["name"] for one in container["volumeMounts"]} == {one["name"] for one in pod["volumes"]}


def test_whatever_selects_pods_selects_these(manifests):
    labels = manifests["Deployment"]["spec"]["template"]["metadata"]["labels"]
    assert manifests["Deployment"]["spec"]["selector"]["matchLabels"] == labels
    assert manifests["Service"]["spec"]["selector"] == labels
    assert manifests["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"] == labels
    assert manifests["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"] == labels
    assert manifests["HorizontalPodAutoscaler"]["spec"]["scaleTargetRef"]["name"] == "foramen"


def test_the_ingress_buffers_bodies_and_lets_no_one_read_the_counts(manifests):
    ingress = manifests["Ingress"]
    notes = ingress["metadata"]["annotations"]
    assert notes["nginx.ingress.kubernetes.io/proxy-request-buffering"] == "on"
    assert int(notes["nginx.ingress.kubernetes.io/proxy-body-size"].removesuffix("m")) * 10**6 == Settings().body_limit
    paths = [path["path"] for rule in ingress["spec"]["rules"] for path in rule["http"]["paths"]]
    assert not [path for path in paths if "/metrics".startswith(path)]


def test_what_the_manifests_set_are_settings(manifests, pod):
    (container,) = pod["containers"]
    named = {one["name"] for one in container["env"]} | set(manifests["Secret"]["stringData"])
    assert named <= SETTINGS
    secret = {f"{PREFIX}{one.name.upper()}" for one in fields(Settings) if not one.repr}
    assert set(manifests["Secret"]["stringData"]) <= secret
    assert not {one["name"] for one in container["env"]} & secret


def test_the_version_stands_in_one_place(pod):
    assert pod["containers"][0]["image"].rpartition(":")[2] == VERSION
    for path in (*ROOT.glob("cds_service/*.py"), ROOT / "Dockerfile", COMPOSE):
        assert VERSION not in path.read_text(encoding="utf-8"), path


# --- compose --------------------------------------------------------------------------------------------


def test_compose_starts_the_image_read_only_and_waits_for_the_database(compose):
    foramen = compose["foramen"]
    assert foramen["read_only"] is True
    assert foramen["cap_drop"] == ["ALL"]
    assert foramen["depends_on"] == {"database": {"condition": "service_healthy"}}
    assert "healthcheck" in compose["database"]
    assert int(foramen["stop_grace_period"].removesuffix("s")) > server.DRAIN
    assert set(foramen["environment"]) <= SETTINGS
    assert all(port.startswith("127.0.0.1:") for port in foramen["ports"]), "TLS and buffering come first"
    assert "ports" not in compose["database"]


def test_the_secrets_that_compose_is_given_are_settings():
    """As the first lines of the file make them."""
    said = set(re.findall(rf"{PREFIX}[A-Z_]+(?==)", COMPOSE.read_text(encoding="utf-8").split("services:")[0]))
    assert said == {"FORAMEN_SECRET", "FORAMEN_DATABASE"}
    assert said <= SETTINGS
