"""Text that some program down the road would obey, in every field that takes a name: refused in one line, or kept and shown harmlessly."""

import contextlib
import csv
import functools
import io
import json
import re
import tempfile
from collections import Counter
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from odd_values import HOSTILE

from model.train_trial import TrialReport
from sweeper.cli.app import run_command
from sweeper.execution.jobs import AttemptResult, JobQueue, WorkerMessage
from sweeper.plan.machine import Machine, allot, expected_key
from sweeper.service.plan_sweep import PlannedSweep, SweepRequest, plan_sweep
from sweeper.service.trackers import open_delivery
from sweeper.settings import Settings
from sweeper.store.results_store import ResultsStore

Sweep = dict[str, Any]


def a_sweep() -> Sweep:
    return {
        "question": "Does it help?",
        "name": "small",
        "base": {"preset": "nano", "steps": 4},
        "design": {
            "kind": "factorial",
            "factors": {"timesteps": {"levels": {"one": {"timesteps.kind": "single"}, "two": {"timesteps.kind": "dual"}}}},
        },
        "seeds": 2,
        "metric": {"primary": "held_out_loss", "direction": "lower"},
        "baseline": "one",
        "contrasts": [{"name": "dual", "of": {"timesteps": "two"}, "to": {"timesteps": "one"}, "question": "Why?"}],
    }


def _sweep_name(sweep: Sweep, text: str) -> None:
    sweep["name"] = text


def _question(sweep: Sweep, text: str) -> None:
    sweep["question"] = text


def _factor(sweep: Sweep, text: str) -> None:
    sweep["design"]["factors"][text] = {"path": "batch_size", "levels": [8]}


def _level(sweep: Sweep, text: str) -> None:
    sweep["design"]["factors"]["timesteps"]["levels"][text] = {"timesteps.kind": "dual"}


def _level_by_value(sweep: Sweep, text: str) -> None:
    sweep["design"]["factors"]["more"] = {"path": "precision", "levels": [text]}


def _variant(sweep: Sweep, text: str) -> None:
    sweep["design"] = {"kind": "variants", "variants": {"one": {}, text: {"steps": 4}}}
    sweep["contrasts"] = []


def _path_of_a_field(sweep: Sweep, text: str) -> None:
    sweep["design"]["factors"]["more"] = {"path": text, "levels": [1]}


def _contrast(sweep: Sweep, text: str) -> None:
    sweep["contrasts"][0]["name"] = text


def _contrast_question(sweep: Sweep, text: str) -> None:
    sweep["contrasts"][0]["question"] = text


def _baseline(sweep: Sweep, text: str) -> None:
    sweep["baseline"] = text


def _method(sweep: Sweep, text: str) -> None:
    sweep["base"]["method"] = text


def _preset(sweep: Sweep, text: str) -> None:
    sweep["base"]["preset"] = text


def _assignment(sweep: Sweep, text: str) -> None:
    sweep["base"]["partition"] = {"assignment": text}


def _encoder(sweep: Sweep, text: str) -> None:
    sweep["base"]["alignment"] = {"kind": "external", "encoder": {"name": text, "weights": "none"}}


def _data_path(sweep: Sweep, text: str) -> None:
    sweep["base"]["data"] = {"kind": "npz", "path": text}


def _metric(sweep: Sweep, text: str) -> None:
    sweep["metric"]["primary"] = text


def _published(sweep: Sweep, text: str) -> None:
    sweep["report"] = {"published": [text]}


def _profile(sweep: Sweep, text: str) -> None:
    sweep["profiles"] = {text: {"seeds": 1}}


FIELDS = [
    *(_sweep_name, _question, _factor, _level, _level_by_value, _variant, _path_of_a_field, _contrast, _contrast_question, _baseline),
    *(_method, _preset, _assignment, _encoder, _data_path, _metric, _published, _profile),
]
TAKEN = {_question, _contrast_question, _level, _contrast}
"""Words that people read, which may be any text that can be seen; all others are names, and refused."""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """SWEEPER_HOME with an empty store; the current folder is another one."""
    monkeypatch.setattr(Machine, "here", classmethod(lambda cls: cls(2, (), cluster=False)))
    monkeypatch.setattr("sweeper.plan.machine.cpu_model", lambda: "cpu (A)")
    for name in ("SWEEPER_DATABASE_URL", "SWEEPER_MLFLOW_URI", "RAY_ADDRESS", "NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SWEEPER_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr("sweeper.report.render.html.vega_bundle", lambda: "draw()")  # ours alone, and it takes seconds
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "sweeper.db").write_bytes(_empty_database())
    (tmp_path / "cwd").mkdir()
    monkeypatch.chdir(tmp_path / "cwd")
    return tmp_path / "home"


@functools.cache
def _empty_database() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        ResultsStore.open(f"sqlite:///{folder}/sweeper.db").close()
        return Path(folder, "sweeper.db").read_bytes()


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Exit code, output and errors of a command line; whatever it is, a terminal is not moved by it."""

    def run(*words: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = run_command(list(words))
        out, err = capsys.readouterr()
        odd = {character for character in out + err if not character.isprintable()} - {"\n"}
        assert not odd, f"{words}: {odd!r}"
        assert code in (0, 2, 3), err
        return code, out, err

    return run


def write(sweep: Sweep) -> None:
    Path("sweep.yaml").write_text(yaml.safe_dump(sweep, sort_keys=False, allow_unicode=True), encoding="utf-8", errors="surrogatepass")


@pytest.mark.parametrize("what", HOSTILE)
@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.__name__)
def test_a_field(field: Callable[[Sweep, str], None], what: str, home: Path, said: Callable[..., tuple[int, str, str]]) -> None:
    sweep = a_sweep()
    field(sweep, HOSTILE[what])
    write(sweep)
    profile = ["--profile", HOSTILE[what]] if field is _profile else []
    code, out, err = said("plan", "sweep.yaml", *profile)
    if code == 2:
        assert out == ""
        assert err.startswith("error: ")
        faults = re.match(r"error: sweep\.yaml: (\d+) faults\n", err)
        assert err.count("\n") == (1 + int(faults[1]) if faults else 1), "a line for each fault"
        assert len(err) < 2_000
        assert field not in TAKEN or refused(field, what)
        return
    assert field in TAKEN
    planned = store(SweepRequest(Path("sweep.yaml")))
    trial = planned.trials[-1].fingerprint
    for words in (["status"], ["show", trial], ["why", trial], ["plan", "sweep.yaml"], ["report", "sweep.yaml"]):
        assert said(*words)[0] == 0
    _, page, _ = said("report", "--format", "markdown")
    assert not re.search(r"(?<!\\)<", page)
    _, tex, _ = said("report", "--format", "latex")
    assert r"\input{/etc" not in re.sub(r"(?m)^%.*$", "", tex), "but in a comment"
    _, cells, _ = said("report", "--format", "csv")
    for row in csv.reader(io.StringIO(cells)):
        assert not [cell for cell in row if cell.startswith(("=", "@"))]
    _, text, _ = said("report", "--format", "json")
    assert json.loads(text)
    _, html, _ = said("report", "--format", "html")
    ours = elements((Path(__file__).parents[1] / "report" / "golden" / "whole.html").read_text(encoding="utf-8"))
    assert elements(html).keys() <= ours.keys(), "every element and attribute is the page's own"
    assert elements(html)["script", "type"] == 1
    assert elements(html)["script", ""] == 2
    with ResultsStore.open(Settings().store_url) as opened:
        assert opened.snapshot().spec == planned.sweep.spec.model_dump(mode="json"), "kept as it was written"
    assert sorted(path.name for path in Path().iterdir()) == ["sweep.yaml"]


@pytest.mark.parametrize("what", HOSTILE)
def test_what_a_run_says(what: str, home: Path, said: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch) -> None:
    """Of its trials, of what their workers say of themselves, and of how they fail; the test is the worker."""

    def work(queue: JobQueue, **_: Any) -> None:
        while not queue.finished():
            job = queue.next_job()
            assert job is not None
            started = {"comparability": {"device": HOSTILE[what]}, "checkpoints_passed_over": [HOSTILE[what]]}
            queue.on_report(job, WorkerMessage(TrialReport("started", 0, details=started), {"host": HOSTILE[what]}))
            queue.on_end(job, AttemptResult("failed", f"RuntimeError: {HOSTILE[what]}\nTraceback ...", "fault"))

    monkeypatch.setattr("sweeper.execution.ray_tune.run_jobs", work)
    monkeypatch.setattr("sweeper.execution.ray_session.ray_session", lambda **_: contextlib.nullcontext())
    monkeypatch.setattr("sweeper.service.run_sweep.TrackerProcesses", lambda *_: contextlib.nullcontext(SimpleNamespace()))
    sweep = a_sweep()
    if not refused(_level, what):
        sweep["design"]["factors"]["timesteps"]["levels"][HOSTILE[what]] = {"batch_size": 8}
    write(sweep)
    code, out, err = said("run", "sweep.yaml")
    assert (code, err) == (3, "")
    trials = 4 if refused(_level, what) else 6
    assert len(re.findall("(?m)^started   ", out)) == trials
    assert len(re.findall("(?m)^failed    .*RuntimeError", out)) == trials


def elements(page: str) -> Counter[tuple[str, str]]:
    """How often each element has each attribute; '' stands for none."""
    found: Counter[tuple[str, str]] = Counter()

    class Elements(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            found.update((tag, name) for name, _ in attrs or [("", None)])

    Elements().feed(page)
    return found


def refused(field: Callable[[Sweep, str], None], what: str) -> bool:
    """What even a level, a contrast or a question may not be: no text, none at all, too long, or with the '/' that joins level names."""
    return what in {"terminal", "nul", "surrogate", "lines", "long", "blank", "empty"} or (field is _level and "/" in HOSTILE[what])


def store(request: SweepRequest) -> PlannedSweep:
    """Records the sweep as if it had run."""
    planned = plan_sweep(request, lambda _: {})
    sweep = planned.sweep
    with ResultsStore.open(Settings().store_url) as opened:
        spec = sweep.spec.model_dump(mode="json")
        opened.record_sweep(name=sweep.spec.name, profile=sweep.profile, version=sweep.version, spec=spec, trials=planned.trials)
        for place, trial in enumerate(planned.trials):
            (config,) = [config for variant, config in sweep.configs if variant.name == trial.variant]
            claim = opened.acquire_lease(trial.fingerprint, owner="host:1:1", lease_seconds=60, is_dead=lambda _: False)
            if claim is None:
                continue
            key = expected_key(config, allot(sweep.spec.resources, Machine.here(), None))
            opened.started(claim, start_step=0, comparability=key, provenance={"host": "\x1b[2Jhost"})
            if place == len(planned.trials) - 1:
                opened.end(claim, "failed", f"RuntimeError: {HOSTILE['terminal']}{HOSTILE['nul']}\nTraceback ...")
                continue
            opened.evaluated(claim, trial.steps, trial.evaluation_fingerprint, {"held_out_loss": 0.5 + place / 10}, {"samples": 9}, 2_000)
            opened.end(claim, "finished")
    return planned


def test_mlflow_takes_every_word_that_a_sweep_takes(home: Path, migrated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of them in one sweep, sent to a real MLflow: nothing is turned down, and nothing leaves its folder."""
    import shutil

    from mlflow import MlflowClient

    shutil.copy(migrated, home / "mlflow.db")
    sweep = a_sweep()
    words = [text.replace("/", "|") for what, text in HOSTILE.items() if not refused(_question, what)]
    for place, text in enumerate(words):
        sweep["design"]["factors"]["timesteps"]["levels"][text] = {"batch_size": 8 + place}
    sweep["question"] = " ".join(words)
    sweep["seeds"] = 1
    write(sweep)
    store(SweepRequest(Path("sweep.yaml")))
    settings = Settings()
    with ResultsStore.open(settings.store_url) as opened:
        sync, _ = open_delivery(opened, settings, "mlflow")
        while sync.drain():
            pass
        assert sync.refused == 0
    client = MlflowClient(tracking_uri=settings.tracking_uri)
    runs = client.search_runs([client.get_experiment_by_name("small").experiment_id])
    assert {run.data.tags.get("sweeper.level.timesteps") for run in runs} >= set(words)
    assert {run.data.tags.get("mlflow.note.content") for run in runs} >= {sweep["question"]}
    assert {path.name for path in tmp_path.iterdir()} == {"home", "cwd"}
    assert {path.name for path in home.iterdir()} <= {"sweeper.db", "sweeper.db-wal", "sweeper.db-shm", "mlflow.db", "artifacts"}
