"""A throw-away PostgreSQL from a local server binary, which can be stopped and started again."""

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest


class LocalPostgres:
    """One cluster in a folder; it listens on a socket in there and on no port."""

    def __init__(self, binaries: Path, folder: Path, account: dict[str, Any], password: str | None) -> None:
        self._binaries, self._folder, self._account, self._password = binaries, folder, account, password

    @property
    def url(self) -> str:
        """Of its maintenance database."""
        return f"postgresql+psycopg://sweeper:{quote(self._password or 'unused', safe='')}@/postgres?host={self._folder}"

    def initialise(self) -> None:
        auth = ["--auth=trust"]
        if self._password is not None:
            kept = self._folder / "password"
            kept.write_text(self._password)
            kept.chmod(0o644)
            auth = ["--auth=scram-sha-256", f"--pwfile={kept}"]
        self._run("initdb", *auth, "--username=sweeper", "--no-sync", "--encoding=UTF8", "--locale=C")

    def start(self) -> None:
        # -F: no fsync.
        options = f"-F -k {self._folder} -c listen_addresses=''"
        self._run("pg_ctl", "start", "-w", "-l", str(self._folder / "log"), "-o", options)

    def stop(self, mode: str = "immediate") -> None:
        """`immediate` is a crash: what was committed is recovered at the next start."""
        self._run("pg_ctl", "stop", "-w", "-m", mode)

    def freeze(self) -> None:
        """Stops every process of it, as on a machine that is suspended; its kernel still acknowledges what is sent to it."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        postmaster = int((self._folder / "data" / "postmaster.pid").read_text().split()[0])
        os.kill(postmaster, number)  # first, so that it starts no more of them
        for entry in Path("/proc").iterdir():
            with contextlib.suppress(OSError, ValueError):  # no process, or one that ended meanwhile
                if int((entry / "stat").read_text().rpartition(")")[2].split()[1]) == postmaster:
                    os.kill(int(entry.name), number)

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._binaries / program), "-D", str(self._folder / "data"), *arguments]
        with (self._folder / "out").open("a") as out:
            subprocess.run(command, check=True, cwd=self._folder, stdout=out, stderr=out, **self._account)


@contextlib.contextmanager
def local_postgres(password: str | None = None) -> Iterator[LocalPostgres]:
    """A running server, which asks for the password if one is given.

    Skips the test where there is no binary, or no account that it would run as.
    """
    binaries = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb")) or [Path(found) for found in [shutil.which("initdb")] if found]
    if not binaries:
        pytest.skip("no PostgreSQL: set SWEEPER_TEST_POSTGRES_URL, or install its server (Debian: apt-get install postgresql)")
    account: dict[str, Any] = {}
    if os.geteuid() == 0:  # its server refuses to run as root
        try:
            postgres = pwd.getpwnam("postgres")
        except KeyError:
            pytest.skip("no PostgreSQL: its server does not run as root, and there is no 'postgres' account")
        account = {"user": postgres.pw_uid, "group": postgres.pw_gid, "extra_groups": []}
    folder = Path(tempfile.mkdtemp(prefix="pg-"))  # not pytest's, whose parents are closed to other accounts
    folder.chmod(0o755)
    if account:
        os.chown(folder, account["user"], account["group"])
    server = LocalPostgres(binaries[-1].parent, folder, account, password)
    try:
        server.initialise()
        server.start()
        try:
            yield server
        finally:
            with contextlib.suppress(subprocess.CalledProcessError):  # stopped already
                server.stop()
    finally:
        shutil.rmtree(folder)


def forward(client: socket.socket, server: Path) -> None:
    """Copies what a client says to the server's Unix socket, and back, until one of them closes; closes both."""
    with client, socket.socket(socket.AF_UNIX) as wire:
        wire.connect(str(server))
        back = threading.Thread(target=_copy, args=(wire, client), daemon=True)
        back.start()
        _copy(client, wire)
        back.join()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError), source.makefile("rb", 0) as read, target.makefile("wb", 0) as write:
        shutil.copyfileobj(read, write, 65_536)
        target.shutdown(socket.SHUT_WR)
