"""A server of PostgreSQL of a test's own, from Debian's package."""

import os
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

import pytest

PLACES = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
USER = "postgres"


class Server:
    """A server on a free port of this machine, which trusts everyone on it."""

    def __init__(self) -> None:
        found = PLACES[0] if PLACES else None
        if found is None:
            pytest.skip("needs PostgreSQL: apt-get install postgresql")
        self.bin, self.data = found, Path(tempfile.mkdtemp(prefix="thawline-postgres-"))
        if os.getuid() == 0:  # the server refuses to be root, who alone enters pytest's folders
            shutil.chown(self.data, USER)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self._run("initdb", "-D", self.data, "-A", "trust", "-U", USER, "--no-sync")
        self.start()

    def start(self) -> None:
        options = f"-p {self.port} -k {self.data} -c listen_addresses=127.0.0.1"
        log = self.data / "log"
        self._run("pg_ctl", "-D", self.data, "-w", "-l", log, "-o", options, "start")

    def stop(self) -> None:
        """At once: whoever is connected loses the connection."""
        self._run("pg_ctl", "-D", self.data, "-w", "-m", "immediate", "stop")

    def address(self, name: str) -> str:
        """Of a new database."""
        host = ("-h", "127.0.0.1", "-p", str(self.port), "-U", USER)
        self._run("createdb", *host, name)
        return f"postgresql://{USER}@127.0.0.1:{self.port}/{name}"

    def _run(self, command: str, *arguments) -> None:
        plain = [str(self.bin / command), *map(str, arguments)]
        as_user = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups"]
        command = [*as_user, *plain] if os.getuid() == 0 else plain
        done = subprocess.run(
            command, cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False
        )
        assert done.returncode == 0, done.stderr.decode()


@pytest.fixture(scope="session")
def server():
    """One for all tests; it may be stopped, if it is started again."""
    made = Server()
    yield made
    made.stop()
    shutil.rmtree(made.data)
