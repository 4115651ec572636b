"""`sweeper cancel`, and what every other command says of a cancelled trial."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from stored_sweep import store_sweep

Sweeper = Callable[..., Any]


def test_a_cancelled_trial_is_named_so_everywhere_until_it_is_asked_for(sweeper: Sweeper, home: Path) -> None:
    trials = store_sweep(endings={("single/none", 0): None, ("single/full", 0): "lost"}).trials
    name = trials[0].fingerprint[:8]
    undo = f"`sweeper cancel --undo {name}` has the next run go on with it"
    said = sweeper("cancel", name)
    assert (said.code, said.err) == (0, "")
    assert said.out == f"trial {name} (single/none, seed 0) is cancelled: no run begins it; {undo}\n"
    assert "6 finished, 1 cancelled, 1 pending" in sweeper("status").out
    assert json.loads(sweeper("status", "--json").out)["counts"]["cancelled"] == 1
    assert "6 finished, 1 cancelled, 1 pending" in " ".join(sweeper("list").out.split())
    for words in ((), ("--fresh",)):
        planned = json.loads(sweeper("plan", "sweep.yaml", "--profile", "smoke", "--set", "base.steps=40", "--json", *words).out)
        assert planned["trials"][0]["action"] == "cancelled"
        assert planned["trials"][0]["reason"] == f"cancelled; {undo}"
    why = sweeper("why", name).out.splitlines()
    assert why[1].startswith("it was cancelled on 20")
    assert why[1].endswith(" UTC, and no run goes on with it")
    assert why[-1].startswith(f"next: sweeper cancel --undo {name}; then: sweeper run ")
    report = sweeper("report", "--format", "json")
    assert json.loads(report.out)["variants"][0]["cancelled"] == 1
    assert "single/none: 1 of 2 cancelled (seed 0); its means are over finished trials only." in sweeper("report").out

    assert sweeper("cancel", name).err == f"error: trial {name} (single/none, seed 0) is cancelled already; {undo}\n"
    assert sweeper("cancel", "--undo", name).out.startswith(f"trial {name} (single/none, seed 0) may run again: sweeper run ")
    assert "cancelled" not in sweeper("status").out
    assert sweeper("cancel", "--undo", name).err == f"error: trial {name} (single/none, seed 0) is not cancelled\n"


def test_what_has_ended_cannot_be_cancelled(sweeper: Sweeper, home: Path) -> None:
    name = store_sweep().trials[0].fingerprint[:8]
    said = sweeper("cancel", name)
    assert (said.code, said.out) == (2, "")
    assert said.err == (
        f"error: trial {name} (single/none, seed 0) has ended, and every sweep has its result; there is nothing to cancel\n"
    )
    assert "no trial begins with 'abcd'" in sweeper("cancel", "abcd").err
