"""The process that tells MLflow: last in line while trials run, as any other when only it is waited for; its log says why it cannot."""

import logging
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from sweeper.service import mirror_process
from sweeper.settings import Settings
from sweeper.store.results_store import ResultsStore

SECRET = "correct-horse-battery"
NICE = """
import os, threading
from sweeper.service import mirror_process

os.nice(mirror_process.NICENESS)
try:
    os.setpriority(os.PRIO_PROCESS, 0, 0)
    print(0)
except OSError:
    print(mirror_process.NICENESS)
os.setpriority(os.PRIO_PROCESS, 0, mirror_process.NICENESS)
threading.Thread(target=threading.Event().wait, daemon=True).start()
mirror_process._hurry()
print(*(os.getpriority(os.PRIO_PROCESS, int(thread)) for thread in os.listdir("/proc/self/task")))
"""


def test_at_the_end_it_hurries_where_that_is_allowed() -> None:
    said = subprocess.run([sys.executable, "-c", NICE], capture_output=True, text=True, check=True, env=os.environ | {"PYTHONPATH": ""})
    allowed, *threads = map(int, said.stdout.split())  # not to any root: a container may take that right away
    assert threads == [allowed, allowed]


def test_its_log_says_why_mlflow_is_away_and_no_secret(tmp_path: Path) -> None:
    with ResultsStore.open(f"sqlite:///{tmp_path / 'sweeper.db'}") as store:
        store.record_sweep(name="noise", profile="default", version="v1", spec={"question": "?"}, trials=[])
    short = "from sweeper.service import mirror_process as m; m.FLUSH_SECONDS = 0.1; m.main()"
    uri = f"http://ann:{SECRET}@127.0.0.1:1/{SECRET}?token={SECRET}"
    environment = os.environ | {"SWEEPER_HOME": str(tmp_path), "SWEEPER_MLFLOW_URI": uri, "PYTHONWARNINGS": "ignore"}
    said = subprocess.run([sys.executable, "-c", short], stdin=subprocess.DEVNULL, capture_output=True, text=True, env=environment)
    (line,) = said.stderr.splitlines()
    assert re.match(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ MLflow is away, its rows wait in the outbox: .*Connection refused", line), line
    assert "***" in line
    assert SECRET not in line
    assert (said.returncode, said.stdout) == (0, "")


def test_its_log_conceals_whatever_is_logged_and_leaves_out_others(capsys: pytest.CaptureFixture[str]) -> None:
    settings = Settings(mlflow_uri=f"https://host/?token={SECRET}", database_url=f"postgresql://ann:{SECRET}@host/results")
    with mirror_process._telling_why(settings):
        try:
            raise RuntimeError(f"at https://host/?token={SECRET}")
        except RuntimeError:
            logging.getLogger("sweeper.tracking.runner").warning("no: %s", f"postgresql://ann:{SECRET}@host", exc_info=True)
        logging.getLogger("another library").warning("chatter")
    said = capsys.readouterr().err
    assert "Z no: postgresql://ann:***@host\nTraceback" in said
    assert "RuntimeError: at https://host/?token=***" in said
    assert SECRET not in said
    assert "chatter" not in said
