"""Whether anything is known against the packages of the lock file.

    make audit-lock

Asks the advisory database of the Python Package Index.  Where it is not reached, or knows a package not at all, as the
mirrors of some networks do, that is said, and nothing fails: an audit that could not be made is no finding, and no
finding is not claimed either.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
AUDIT = ROOT / ".tools/bin/pip-audit"
LOCKS = tuple(sorted(path.name for path in ROOT.glob("requirements*.lock")))
#: What pip-audit says when the service, not a package, is the trouble.
UNREACHED = (
    "could not be audited",
    "ConnectionError",
    "Connection refused",
    "NameResolutionError",
    "Max retries",
    "timed out",
    "ServiceError",
)


def main(arguments: list[str]) -> int:
    worst = 0
    for lock in arguments or LOCKS:
        command: list[str | Path] = [
            AUDIT,
            "--requirement",
            ROOT / lock,
            "--require-hashes",
            "--disable-pip",
            "--strict",
        ]
        made = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603
        if made.returncode and any(word in made.stderr for word in UNREACHED):
            print(f"{lock}: NOT AUDITED, the advisory database is not reached from here, or does not know all packages")
            continue
        print(f"{lock}: {(made.stdout + made.stderr).strip()}")
        worst = max(worst, made.returncode)
    return worst


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
