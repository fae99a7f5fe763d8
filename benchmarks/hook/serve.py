"""One of the servers under comparison, on loopback, until it is told to stop: ``serve.py WHAT PORT``.

All run under Granian with one worker and the same number of threads.  This file needs nothing of Foramen, so that the
interpreter of another environment can run it.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from granian import Granian
from granian.constants import Interfaces
from granian.log import LogLevels

THREADS = 8
CARD = {
    "uuid": "4b5c1c5e-0000-4000-8000-000000000000",
    "summary": "A card that never changes.",
    "indicator": "info",
    "source": {"label": "Floor"},
    "detail": "It is about as long as cards are. " * 80,
}


def floor() -> Any:
    """The least that a hook in Flask can do: the body decoded, a constant card encoded."""
    import orjson
    from flask import Flask, Response, request

    app = Flask("floor", static_folder=None)

    @app.post("/cds-services/<name>")
    def hook(name: str) -> Response:  # noqa: ARG001 - of the path
        orjson.loads(request.get_data(cache=False))
        return Response(orjson.dumps({"cards": [CARD]}), mimetype="application/json")

    @app.get("/readyz")
    def ready() -> str:
        return "ready"

    return app


def foramen() -> Any:
    """The service as it is run."""
    from cds_service.server import application

    return application()


def healthchain() -> Any:
    """A CDS service of HealthChain that does nothing."""
    from healthchain.gateway import CDSHooksService, HealthChainAPI
    from healthchain.models import CDSResponse

    service = CDSHooksService()

    @service.hook("order-sign", id="m99-order-sign")
    def nothing(request: Any) -> CDSResponse:  # noqa: ARG001
        return CDSResponse(cards=[])

    app = HealthChainAPI()
    app.register_service(service, path="/")

    @app.get("/readyz")
    def ready() -> str:
        return "ready"

    return app


def main(what: str, port: str) -> None:
    asynchronous = what == "healthchain"
    Granian(
        f"{Path(__file__).stem}:{what}",
        factory=True,
        address="127.0.0.1",
        port=int(port),
        interface=Interfaces.ASGI if asynchronous else Interfaces.WSGI,
        workers=1,
        blocking_threads=1 if asynchronous else THREADS,
        log_level=LogLevels.error,
        working_dir=Path(__file__).parent,
    ).serve()


if __name__ == "__main__":
    main(*sys.argv[1:])
