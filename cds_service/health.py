"""Whether the service on this machine is ready, for a platform that runs a command: no shell, no curl."""

from __future__ import annotations

import sys
from http.client import HTTPConnection, HTTPException

PATIENCE = 8.0  #: s; a probe waits for a database that may be away


def main(port: int = 8000) -> int:
    """0 where it is ready, else 1."""
    connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        connection.request("GET", "/readyz")
        return int(connection.getresponse().status != 200)  # noqa: PLR2004
    except (OSError, HTTPException):
        return 1
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
