"""A real PostgreSQL on loopback: Debian's, started for the tests and thrown away after them."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path

from cds_service.settings import Settings
from cds_service.store import address, engine

SERVERS = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name), reverse=True)
ABSENT = "NOT TESTED on PostgreSQL: there is none here (Debian: apt-get install postgresql)"
WANTED = bool(SERVERS) or os.environ.get("FORAMEN_CI") == "1"  #: on the build machine, to be without it is a failure


class Server:
    """One cluster; ``stop`` and ``start`` are for tests of what happens without it."""

    def __init__(self, programs, directory, port):
        self.programs, self.directory, self.port = programs, directory, port
        self.url = f"postgresql://foramen@127.0.0.1:{port}/postgres"

    def run(self, program, *arguments):
        """A program of PostgreSQL, which refuses to run as root."""
        user = {"user": "postgres", "group": "postgres"} if os.getuid() == 0 else {}
        subprocess.run(
            [self.programs / program, "-D", self.directory, *arguments],
            check=True,
            stdout=subprocess.DEVNULL,
            cwd="/",
            **user,
        )

    def create(self):
        self.run("initdb", "--username=foramen", "--auth=trust", "--encoding=UTF8", "--no-sync")

    def start(self):
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off"
        self.run("pg_ctl", "-w", "-l", f"{self.directory}/log", "-o", options, "start")

    def emptied(self):
        """The address of its database, with nothing in it."""
        made = engine(address(Settings(database=self.url)))
        with made.begin() as connection:
            connection.exec_driver_sql("DROP SCHEMA public CASCADE")
            connection.exec_driver_sql("CREATE SCHEMA public")
        made.dispose()
        return self.url

    def stop(self):
        self.run("pg_ctl", "-w", "-m", "immediate", "stop")


@contextmanager
def running():
    """A server, until the block ends."""
    assert SERVERS, ABSENT
    directory = tempfile.mkdtemp(prefix="foramen-postgresql-")
    if os.getuid() == 0:
        shutil.chown(directory, pwd.getpwnam("postgres").pw_uid)
    server = Server(SERVERS[0], directory, free_port())
    server.create()
    server.start()
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(directory)


def needed(test):
    """A test on PostgreSQL; where there is none, it is no test: one skip says so for all of them."""
    return test if WANTED else None


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
