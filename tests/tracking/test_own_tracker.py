"""A tracker of a user's own, in a module of its own: `json_lines`, which this package knows nothing of."""

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import json_lines
import pytest
from real_sweeps import drained, mirror_of, planned, train

from sweeper.errors import RequestError
from sweeper.records import OutboxRow
from sweeper.service import tracker_process, trackers
from sweeper.service.tracker_process import TrackerProcesses
from sweeper.service.trackers import ensure_trackers, open_delivery, register_trackers
from sweeper.settings import Settings
from sweeper.store.results_store import ResultsStore
from sweeper.tracking.delivery import Delivery
from sweeper.tracking.failures import Doubtful, Refused, TrackingAway
from sweeper.tracking.outbox_events import Event, MetricEvent
from sweeper.tracking.registry import load_class
from sweeper.tracking.tracker import Tracker, TrackerContext

OWN = "json_lines:JsonLines"
FOLDER = Path(json_lines.__file__).parent
SPEC = {"question": "Does it help?"}


def lines(settings: Settings) -> list[dict[str, Any]]:
    file = settings.root / "events.jsonl"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


@pytest.fixture
def both(settings: Settings) -> Settings:
    """The settings of somebody who names it beside MLflow."""
    return settings.model_copy(update={"trackers": f"mlflow,{OWN}"})


def said_by(_line: str) -> None:
    raise AssertionError(f"nothing is dropped here: {_line}")


def test_it_receives_every_event_in_order(both: Settings) -> None:
    trial = planned("single", 0)
    with ResultsStore.open(both.store_url) as store:
        register_trackers(store, both, said_by)
        store.record_sweep(name="noise", profile="default", version="v1", spec=SPEC, trials=[trial])
        train(store, trial, "finished", both.trials)
        delivery, source = open_delivery(store, both, OWN)
        drained(delivery)
        assert (source.backlog(), delivery.refused) == (0, 0)
        assert store.backlog() == 9, "MLflow has yet to receive all of it"
        drained(mirror_of(both, store))
        train(store, trial, "failed", both.trials)
        drained(delivery)
        assert store.backlogs() == {"mlflow": 2}
    received = lines(both)
    assert [line["event"] for line in received] == ["SweepEvent", "LinkEvent", "AttemptEvent", *["MetricEvent"] * 5, *["AttemptEvent"] * 3]
    assert [line["state"] for line in received if line["event"] == "AttemptEvent"] == ["running", "finished", "running", "failed"]
    (link,) = (line for line in received if line["event"] == "LinkEvent")
    assert (link["variant"], link["levels"], link["config"]) == ("single", {"timesteps": "single"}, trial.config)
    points = [line["points"] for line in received if line["event"] == "MetricEvent" and line["evaluated"] is None]
    assert [(point["step"], point["metric"], point["value"]) for (point, _) in points] == [
        (step, "train_loss", 1 / step) for step in (1, 2, 3, 4)
    ]


def test_one_that_is_named_later_gets_whole_histories_and_then_the_rest(both: Settings, mirrored: ResultsStore) -> None:
    register_trackers(mirrored, both, said_by)
    delivery, _ = open_delivery(mirrored, both, OWN)
    drained(delivery)
    received = lines(both)
    assert [line["event"] for line in received] == ["SweepEvent"] * 2 + ["LinkEvent"] * 5
    of_trial = {line["fingerprint"]: line["history"] for line in received if line["event"] == "LinkEvent"}
    assert [attempt["state"] for attempt in of_trial["single-1"]["attempts"]] == ["failed", "finished"]
    assert len(of_trial["single-0"]["points"]) == 8
    assert [point["metric"] for point in of_trial["single-0"]["evaluations"]] == ["held_out_loss"]
    assert drained(mirror_of(both, mirrored)) == 0, "MLflow is not sent it again"
    train(mirrored, planned("dual", 1), "diverged", both.trials)
    drained(delivery)
    assert [line["state"] for line in lines(both)[7:]] == ["running", "diverged"]


def test_one_that_is_named_no_more_is_dropped_and_named_again_loses_nothing(both: Settings, mirrored: ResultsStore) -> None:
    register_trackers(mirrored, both, said_by)
    drained(open_delivery(mirrored, both, OWN)[0])
    said: list[str] = []
    register_trackers(mirrored, both.model_copy(update={"trackers": "mlflow"}), said.append)
    assert said == [f"no events are kept for {OWN}, which SWEEPER_TRACKERS does not name; a run that names it sends it everything"]
    train(mirrored, planned("dual", 1), "finished", both.trials)
    assert mirrored.backlogs() == {"mlflow": 7}
    register_trackers(mirrored, both, said_by)
    drained(open_delivery(mirrored, both, OWN)[0])
    last = [line for line in lines(both) if line.get("fingerprint") == "dual-1"][-1]
    assert [attempt["state"] for attempt in last["history"]["attempts"]] == ["finished"]


class Choosy(Tracker):
    """Keeps what it was given, and turns down numbers at step 2."""

    def __init__(self, error: type[Exception]) -> None:
        self.error = error
        self.calls: list[list[Event]] = []
        self.flushed = 0

    def apply(self, events: Any) -> None:
        if any(isinstance(event, MetricEvent) and event.points[0].step == 2 for event in events):
            raise self.error("not step 2")
        self.calls.append(list(events))

    def flush(self) -> None:
        self.flushed = len(self.calls)


def events_of_a_trial(store: ResultsStore, folder: Path) -> int:
    trial = planned("single", 0)
    store.record_sweep(name="noise", profile="default", version="v1", spec=SPEC, trials=[trial])
    train(store, trial, "finished", folder)
    return store.backlog()


def steps(calls: Iterable[list[Event]]) -> list[list[int]]:
    return [[event.points[0].step for event in call if isinstance(event, MetricEvent)] for call in calls]


def test_numbers_of_a_trial_come_together_and_one_that_is_refused_is_skipped(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    with ResultsStore.open(settings.store_url) as store:
        rows = events_of_a_trial(store, settings.trials)
        tracker = Choosy(Refused)
        delivery = Delivery(tracker, store, "choosy")
        assert drained(delivery) == rows
    assert steps(tracker.calls) == [[], [], [], [1], [3], [4], [4], []]
    assert (delivery.refused, tracker.flushed) == (1, len(tracker.calls))
    assert re.search(r"choosy does not take outbox row \d+ \(points\), which is skipped there: not step 2", caplog.text)


def test_one_in_doubt_is_tried_again_and_skipped_in_the_end(settings: Settings) -> None:
    with ResultsStore.open(settings.store_url) as store:
        events_of_a_trial(store, settings.trials)
        delivery = Delivery(Choosy(Doubtful), store, "choosy")
        for _ in range(2):
            with pytest.raises(TrackingAway, match="not step 2"):
                delivery.drain()
        drained(delivery)
        assert (store.backlog(), delivery.refused) == (0, 1)


def test_what_was_not_flushed_stays_in_the_outbox(settings: Settings) -> None:
    class Full(Choosy):
        def flush(self) -> None:
            raise TrackingAway("no space is left")

    with ResultsStore.open(settings.store_url) as store:
        rows: list[OutboxRow] = []
        events_of_a_trial(store, settings.trials)
        rows += store.pending(100)
        with pytest.raises(TrackingAway, match="no space is left"):
            Delivery(Full(Refused), store, "full").drain()
        assert store.pending(100) == rows


HANGS = """
import time
from sweeper.tracking.tracker import Tracker
class Hangs(Tracker):
    def __init__(self, context):
        (context.settings.root / "hangs").touch()
    def apply(self, events):
        time.sleep(1e6)
class Breaks(Tracker):
    def __init__(self, context):
        pass
    def apply(self, events):
        raise ZeroDivisionError("a fault of its own")
"""


def test_one_that_hangs_and_one_that_breaks_hold_nobody_up(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracker_process, "HURRIED_SECONDS", 0.1)
    (tmp_path / "faulty.py").write_text(HANGS)
    names = ["faulty:Hangs", "faulty:Breaks", OWN]
    named = settings.model_copy(update={"trackers": ",".join(names)})
    with ResultsStore.open(named.store_url) as store:
        register_trackers(store, named, lambda _: None)
        rows = events_of_a_trial(store, named.trials) or store.source_of(OWN).backlog()
        log = named.root / "mirror.log"
        with TrackerProcesses(named, names, [tmp_path, FOLDER]) as processes:
            deadline = time.monotonic() + 400
            while store.source_of(OWN).backlog() or not (named.root / "hangs").exists() or "a fault of its own" not in log.read_text():
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.05)
            processes.is_ending = True
        assert store.backlogs() == {"faulty:Breaks": rows, "faulty:Hangs": rows}
    assert len(lines(named)) == rows
    assert "ZeroDivisionError: a fault of its own" in log.read_text()


REFUSALS = [
    (
        "no_such_module:JsonLines",
        "there is no module no_such_module; put it beside the sweep file, in the current folder or on PYTHONPATH, or use mlflow",
    ),
    (
        "json_lines:JsonLine",
        'module json_lines has no class JsonLine; did you mean "JsonLines"?; name a subclass of sweeper.tracking.tracker.Tracker that'
        " defines apply",
    ),
    (
        "json_lines:Sequence",
        "json_lines.Sequence is no tracker; name a subclass of sweeper.tracking.tracker.Tracker that defines apply",
    ),
    (
        "json_lines:Tracker",
        "json_lines.Tracker is no tracker; name a subclass of sweeper.tracking.tracker.Tracker that defines apply",
    ),
    ("lacks:One", "module lacks imports no_such_library, which is not installed; install it"),
    ("broken:One", "module broken cannot be imported: ValueError: no; fix broken"),
    ("script:One", "module script cannot be imported: SystemExit: 0; fix script"),
    ("usage:One", "module usage cannot be imported: SystemExit: usage: usage FILE; fix usage"),
]


@pytest.mark.parametrize(("name", "message"), REFUSALS, ids=[name for name, _ in REFUSALS])
def test_a_wrong_name_is_one_message(name: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "lacks.py").write_text("import no_such_library\n")
    (tmp_path / "broken.py").write_text("raise ValueError('no')\n")
    (tmp_path / "script.py").write_text("import sys\nsys.exit(0)\n")
    (tmp_path / "usage.py").write_text("import sys\nsys.exit('usage: usage FILE')\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(RequestError) as caught:
        load_class(name)
    assert str(caught.value) == f"SWEEPER_TRACKERS: {name}: {message}"


NOISY = """
import atexit, sys
sys.stderr.write("no line of its own")
atexit.register(lambda: print("goodbye", file=sys.stderr))
sys.exit(0)
"""


def test_it_is_imported_in_a_process_of_its_own_before_anything_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def ensure(name: str, *folders: Path) -> None:
        ensure_trackers(Settings(home=tmp_path, trackers=f"mlflow,{name}"), folders)

    ensure(OWN, FOLDER)
    with pytest.raises(RequestError) as caught:
        ensure("json_line:JsonLines", FOLDER)
    assert str(caught.value).startswith("SWEEPER_TRACKERS: json_line:JsonLines: there is no module json_line; put it")
    (tmp_path / "noisy.py").write_text(NOISY)
    with pytest.raises(RequestError) as caught:
        ensure("noisy:One", tmp_path)
    assert str(caught.value) == "SWEEPER_TRACKERS: noisy:One: module noisy cannot be imported: SystemExit: 0; fix noisy"
    (tmp_path / "aborts.py").write_text("import os\nprint('https://hook/', flush=True)\nos.abort()\n")
    with pytest.raises(RequestError) as caught:
        ensure("aborts:One", tmp_path)
    ended = "the import of module aborts ended with exit code -6; fix aborts, or leave it out"
    assert str(caught.value) == f"SWEEPER_TRACKERS: aborts:One: {ended}"
    (tmp_path / "slow.py").write_text("import time\ntime.sleep(1e6)\n")
    monkeypatch.setattr(trackers, "LOAD_SECONDS", 1.0)
    with pytest.raises(RequestError, match=r"slow:One: module slow was not imported within 1 s; fix slow, or leave it out"):
        ensure("slow:One", tmp_path)
    assert "slow" not in sys.modules


def test_pages_are_drawn_where_they_are_wanted_and_of_a_sweep_that_is_there(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[TrackerContext] = []
    monkeypatch.setattr(trackers, "open_tracker", lambda _name, context: made.append(context))
    with ResultsStore.open(settings.store_url) as store:
        for wanted in (False, True):
            open_delivery(store, settings.model_copy(update={"mlflow_pages": wanted}), OWN)
        without, with_pages = (context.write_pages for context in made)
        assert without is None
        assert with_pages is not None
        store.record_sweep(name="noise", profile="default", version="v1", spec=SPEC, trials=[])
        with pytest.raises(RequestError, match="no sweep named 'gone' has run here"):
            with_pages("gone", "default", tmp_path)


def test_a_module_of_the_current_folder_hides_none_of_ours(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as `model.py`, where a user keeps a network: Python looks there first for what `-c` and `-m` run."""
    (tmp_path / "model.py").write_text("raise ValueError('another model')\n")
    monkeypatch.chdir(tmp_path)
    named = settings.model_copy(update={"trackers": OWN})
    ensure_trackers(named, [FOLDER])
    with ResultsStore.open(named.store_url) as store:
        register_trackers(store, named, lambda _: None)
        store.record_sweep(name="noise", profile="default", version="v1", spec=SPEC, trials=[])
        with TrackerProcesses(named, [OWN], [FOLDER]):
            pass
        assert (store.backlogs(), (named.root / "mirror.log").read_text()) == ({}, "")
    assert [line["event"] for line in lines(named)] == ["SweepEvent"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("mlfow", '; did you mean "mlflow"?, not mlfow'),
        ("json_lines.JsonLines", "; valid here: mlflow, none, not json_lines.JsonLines"),
        ("mlflow,none", ', or several separated by commas; did you mean "none"?, not mlflow,none'),
        ("mlflow,,a:B", "; valid here: mlflow, none, not mlflow,,a:B"),
    ],
)
def test_what_is_no_name_is_refused(given: str, message: str) -> None:
    with pytest.raises(RequestError) as caught:
        Settings(trackers=given)
    assert str(caught.value).startswith(
        "SWEEPER_TRACKERS: name mlflow, package.module:ClassName of your own, or several separated by commas"
    )
    assert str(caught.value).endswith(message)


def test_names_are_read_from_one_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Settings().tracker_names == ("mlflow",)
    monkeypatch.setenv("SWEEPER_TRACKERS", " mlflow , my.module:JsonLines ")
    assert Settings().tracker_names == ("mlflow", "my.module:JsonLines")
    monkeypatch.setenv("SWEEPER_TRACKERS", "none")
    assert Settings().tracker_names == ()
    with pytest.raises(RequestError, match=r"SWEEPER_TRACKERS: name each tracker once, not mlflow,mlflow"):
        Settings(trackers="mlflow,mlflow")


def test_the_page_about_it_shows_this_very_module() -> None:
    page = (Path(__file__).parents[2] / "docs" / "trackers.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    assert code == Path(json_lines.__file__).read_text(encoding="utf-8")


def test_the_package_does_not_know_of_it() -> None:
    found = subprocess.run(
        ["grep", "-rliE", "json_?lines", "--include=*.py", "sweeper", "model"], cwd=FOLDER.parents[1], text=True, capture_output=True
    )
    assert found.stdout == ""
