"""Start the real service on a free loopback port, sign a few orders, print the cards, stop.

``make demo``, or ``python scripts/demo.py [REQUEST.json ...]`` with requests of your own.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import requests

from cds_service import terminal

REQUESTS = Path(__file__).parent.parent / "tests" / "requests"
SHOWN = ("corrected", "structural", "clarify", "conservative-care", "supported")
PATIENCE = 30  #: s until the service must be ready
LINE = "=" * terminal.WIDTH
HTTP = requests.Session()
HTTP.trust_env = False  # no proxy between two programs of one machine


def main(paths: list[Path]) -> None:
    """Post each request to the service of its hook and print what comes back."""
    with running() as base:
        offered = get(f"{base}/cds-services")["services"]
        print(f"{base}/cds-services offers {', '.join(service['id'] for service in offered)}")
        addresses = {service["hook"]: f"{base}/cds-services/{service['id']}" for service in offered}
        for path in paths:
            body = json.loads(path.read_text(encoding="utf-8"))
            answer = HTTP.post(addresses[body["hook"]], json=body, timeout=PATIENCE)
            milliseconds = answer.elapsed.total_seconds() * 1000
            print(f"\n{LINE}\n{path.name}: {body['hook']}, {answer.status_code} in {milliseconds:.0f} ms\n{LINE}")
            print(terminal.cards(answer.json()["cards"]))


@contextmanager
def running() -> Iterator[str]:
    """The service as ``foramen serve --dev`` starts it, until the block ends; its log goes nowhere."""
    port = free_port()
    command = [sys.executable, "-m", "cds_service", "serve", "--dev", "--port", str(port)]
    log = None if "VERBOSE" in os.environ else subprocess.DEVNULL
    with subprocess.Popen(command, stdout=log, stderr=log) as service:  # noqa: S603
        try:
            base = f"http://127.0.0.1:{port}"
            wait(base, service)
            yield base
        finally:
            service.terminate()


def wait(base: str, service: subprocess.Popen[bytes]) -> None:
    """Until the service says that it is ready."""
    end = monotonic() + PATIENCE
    while service.poll() is None and monotonic() < end:
        try:
            get(f"{base}/readyz")
        except requests.ConnectionError:
            sleep(0.05)
        else:
            return
    sys.exit("The service did not start; `foramen serve --dev` tells why.")


def get(url: str) -> Any:
    answer = HTTP.get(url, timeout=PATIENCE)
    answer.raise_for_status()
    return answer.json()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


if __name__ == "__main__":
    main([Path(name) for name in sys.argv[1:]] or [REQUESTS / f"{name}.json" for name in SHOWN])
