"""Passwords and tokens of a run, in both its URLs and in its environment: nobody finds them, while it runs or afterwards."""

import base64
import contextlib
import http.server
import json
import os
import re
import signal
import stat
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sweeper_home import TINY, Home, below, wait_for

from sweeper.store.results_store import ResultsStore

SECRET = "correct-horse-battery"


PLANTED = {
    "AWS_ACCESS_KEY_ID": f"{SECRET}-01",
    "AWS_SECRET_ACCESS_KEY": f"{SECRET}-02",
    "AWS_SESSION_TOKEN": f"{SECRET}-03",
    "HF_TOKEN": f"{SECRET}-04",
    "WANDB_API_KEY": f"{SECRET}-05",
    "GITHUB_TOKEN": f"{SECRET}-06",
    "MLFLOW_TRACKING_PASSWORD": f"{SECRET}-07",
    "PGPASSWORD": f"{SECRET}-08",
    "AZURE_STORAGE_CONNECTION_STRING": f"AccountName=ann;AccountKey={SECRET}-09",
    "OTHER_DATABASE_URL": f"postgresql://ann:{SECRET}-10@host/db",
    "ftp_proxy": f"http://ann:{SECRET}-11@127.0.0.1:9",
    "MY_PRIVATE_KEY": f"{SECRET}-12",
}
"""Of twelve kinds; none is for a worker that trains on the digits."""


class Echo(http.server.BaseHTTPRequestHandler):
    """An MLflow that turns everything down and quotes what it was sent, its password included."""

    def do_GET(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        self.rfile.read(length)
        sent = base64.b64decode(self.headers.get("Authorization", "Basic ").partition(" ")[2]).decode()
        said = {"error_code": "INVALID_PARAMETER_VALUE", "message": f"no: http://{sent}@host{self.path}?token={SECRET}"}
        body = json.dumps(said).encode()
        self.send_response(400)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.server.heard.append(sent)  # type: ignore[attr-defined]

    do_POST = do_GET

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def server() -> Iterator[http.server.ThreadingHTTPServer]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Echo) as server:
        server.heard = []  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_secrets_in_urls_are_nowhere_after_a_run(
    furnish: Callable[..., Home], cluster: dict[str, str], server: http.server.ThreadingHTTPServer, tmp_path: Path
) -> None:
    home = furnish(
        tmp_path / "home",
        cluster
        | {
            "SWEEPER_DATABASE_URL": f"sqlite:///{tmp_path / 'home' / 'results.db'}?key={SECRET}",
            "SWEEPER_MLFLOW_URI": f"http://ann:{SECRET}@127.0.0.1:{server.server_address[1]}/?token={SECRET}",
        },
    )
    rates = "{rate: {path: optimizer.learning_rate, levels: [0.001, 1.0e+30]}}"
    said = home.run("run", str(TINY), "--set", f"design.factors={rates}", "--set", "contrasts=[]", exit_code=3)
    said += home.run("status") + home.run("report", "--format", "json") + home.run("status", "--profile", "none", "--debug", exit_code=2)
    with ResultsStore.open(f"sqlite:///{home.path / 'results.db'}") as store:
        states = {outcome.variant: outcome for outcome in store.snapshot().outcomes}
    assert {name: outcome.state for name, outcome in states.items()} == {"0.001": "finished", "1e+30": "diverged"}
    for outcome in states.values():
        said += home.run("show", outcome.fingerprint)
    assert f"ann:{SECRET}" in server.heard, "the server was asked with the password"  # type: ignore[attr-defined]
    assert SECRET not in said
    files = [path for path in home.path.rglob("*") if path.is_file()]
    assert {"results.db", "mirror.log", "log.txt"} <= {path.name for path in files}
    log = (home.path / "mirror.log").read_text()
    assert re.search(r"^20\S+Z MLflow does not take outbox row \d+ \(sweep\).*: no: http://\*\*\*@host", log, re.MULTILINE), log
    assert [path for path in files if SECRET.encode() in path.read_bytes()] == []


def test_secrets_in_the_environment_stay_out_of_ray_and_all_that_is_kept(furnish: Callable[..., Home], tmp_path: Path) -> None:
    """And in a batch job's long TMPDIR, Ray has a short folder of its own, for this user alone, which is gone afterwards."""
    long = tmp_path / ("a batch job's folder " * 4).strip()
    long.mkdir()
    home = furnish(tmp_path / "home", PLANTED | {"TMPDIR": str(long)})
    process = home.start("run", str(TINY), "--set", "base.steps=400", "--set", "base.checkpoint_every=20")
    try:
        wait_for(lambda: bool(list(home.path.glob("trials/*/attempt-*/checkpoint-*.safetensors"))) or process.poll() is not None)
        assert process.poll() is None, process.communicate()[0]
        folder = look_while_it_runs(process)
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=300)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
    assert process.returncode == 130, said
    assert not folder.exists()
    # PyTorch makes its compiler's folder there on some processors, and keeps it for the next process: it is no secret's place.
    assert [path.name for path in long.iterdir() if not path.name.startswith("torchinductor_")] == []
    said += home.run("status") + home.run("report", "--format", "json") + home.run("report", "--format", "html")
    said += home.run("show", home.snapshot().outcomes[0].fingerprint)
    assert SECRET not in said
    files = [path for path in home.path.rglob("*") if path.is_file()]
    assert {"sweeper.db", "mlflow.db", "mirror.log", "log.txt"} <= {path.name for path in files}
    assert [path for path in files if SECRET.encode() in path.read_bytes()] == []


def look_while_it_runs(process: subprocess.Popen[str]) -> Path:
    """Ray's folder; nothing is in there, in what `ps` shows, or in the environments of Ray's processes."""
    lines = {int(path.parent.name): shown for path in Path("/proc").glob("[0-9]*/cmdline") if (shown := read(path))}
    assert [line for line in lines.values() if SECRET.encode() in line] == [], "what ps shows to everybody"
    rays = {pid: line for pid in below(process.pid) if b"raylet" in (line := lines.get(pid, b"")) or line.startswith(b"ray::")}
    assert any(line.startswith(b"ray::") for line in rays.values()), "a worker"
    assert [pid for pid in rays if SECRET.encode() in read(Path(f"/proc/{pid}/environ"))] == []
    folder = Path(re.findall(rb"(/[^\0 =,]*/sweeper-\w{8})/r/session_", b"".join(rays.values()))[0].decode())
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    written = [path for path in folder.rglob("*") if path.is_file()]
    assert "runtime_env_agent.log" in {path.name for path in written}
    assert [path for path in written if SECRET.encode() in read(path)] == []
    return folder


def read(path: Path) -> bytes:
    with contextlib.suppress(OSError):  # a process that ended while we looked
        return path.read_bytes()
    return b""
