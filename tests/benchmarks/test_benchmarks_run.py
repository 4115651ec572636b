"""Every benchmark at its smallest, so that none rots; no figure of theirs is looked at but that it is one."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from benchmarks import data as data_benchmark
from benchmarks import (
    evaluation,
    measuring,
    mlflow_away,
    mlflow_sync,
    released,
    scaling,
    start_up,
    store_scale,
    summary,
    sweep_overhead,
    train_step,
)
from benchmarks.contenders import PUBLISHED, VARIANTS, Case, Contenders
from benchmarks.measuring import Clock, Rounds, Spread
from model.randomness import BatchStreams
from model.step_noise import draw
from model.training.step import train_step as train_step_of
from sweeper.plan.flops import step_flops

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def _without_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their plots take longer than the sweeps of these tests."""
    monkeypatch.setenv("SWEEPER_MLFLOW_PAGES", "false")


def kept(folder: Path, name: str) -> dict[str, Any]:
    """A result file, with the facts that every figure needs beside it."""
    found = json.loads((folder / f"{name}.json").read_text())
    assert {"device", "clock", "threads", "versions", "date", "commit", "load_average"} <= found.keys()
    assert found["versions"]["torch"] == torch.__version__
    return found


@pytest.mark.parametrize("variant", VARIANTS)
def test_what_is_compared_computes_the_same(variant: str) -> None:
    """The oracle, in both spellings, and this project: one loss, from one batch and one set of weights."""
    contenders = Contenders(Case("nano", 8), CPU, "float64")
    config = contenders.case.config(variant, "float64")
    with torch.no_grad():
        for parameter in contenders.of(config).objective.average.parameters():  # not the student's: nothing is trained yet
            parameter.normal_(std=0.1, generator=torch.Generator().manual_seed(parameter.numel()))
    streams = BatchStreams(config.seed, 0, config.batch_size)
    images, tokens, labels = contenders.data.train.batch(streams)
    drawn = draw(config, streams, tokens.shape[1], tokens.shape[2]).to(CPU, torch.float64)
    ours = contenders.of(config).objective.forward(tokens, labels, drawn, images=images).total.item()
    assert contenders.dense(config, 0, kernels=False).item() == pytest.approx(ours, rel=1e-9)
    again = Contenders(Case("nano", 8), CPU, "float64")
    again.of(config).objective.average.load_state_dict(contenders.of(config).objective.average.state_dict())
    assert again.dense(config, 0, kernels=True).item() == pytest.approx(ours, rel=1e-9)


@pytest.mark.parametrize("method", PUBLISHED.values())
def test_what_is_released_computes_the_same(method: str) -> None:
    """Its manner of computing, and this project's: one loss from one batch, and the same weights after two steps."""
    pair = released.Pair("nano", 8, CPU, "float64")
    config = pair.config(method)
    state = pair._contenders.of(config)
    with torch.no_grad():
        for name, parameter in state.objective.average.named_parameters():
            parameter.normal_(std=0.1, generator=torch.Generator().manual_seed(len(name)))
        state.objective.student.load_state_dict(state.objective.average.state_dict())
    theirs = released.ReleasedTrainer(state.objective, config)
    for step in range(2):
        streams = BatchStreams(config.seed, step, config.batch_size)
        images, tokens, labels = pair._contenders.data.train.batch(streams)
        drawn = draw(config, streams, tokens.shape[1], tokens.shape[2]).to(CPU, torch.float64)
        ours = state.objective(tokens, labels, drawn, images=images).total.item()
        assert theirs.released_step(config, tokens, labels, drawn, None).item() == pytest.approx(ours, rel=1e-9)
        train_step_of(config, state, pair._contenders.data.train, "float64")
    for name, parameter in state.objective.student.named_parameters():
        torch.testing.assert_close(theirs.student[name], parameter, rtol=1e-7, atol=1e-9)


def test_released(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = [
        "--device",
        "cpu",
        "--model",
        "nano",
        "--batch",
        "4",
        "--rounds",
        "2",
        "--no-memory",
        "--no-compiled",
        "--method",
        "SRA + DTS + AS",
    ]
    released.main([*given, "--results", str(tmp_path)])
    (row,) = kept(tmp_path, "released-nano-cpu")["rows"]
    low, median, high = (row["ratio_to_released"][place] for place in (1, 0, 2))
    assert 0 < low <= median <= high
    assert "SRA + DTS + AS" in capsys.readouterr().out
    assert released.peak_mib("nano", 4, "sra", "released", "cpu", "fp32", 1) > 10


def test_train_step(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    chosen = ["dual/none", "dual/full"]
    given = ["--device", "cpu", "--model", "nano", "--batch", "4", "--rounds", "2", "--no-memory", "--no-compiled"]
    train_step.main([*given, "--results", str(tmp_path), "--variant", *chosen])
    rows = kept(tmp_path, "train_step-nano-cpu")["rows"]
    assert [row["variant"] for row in rows] == chosen
    for row in rows:
        assert 0 < row["model_flop_utilisation"] < 2
        assert all(low <= median <= high for median, low, high in [row["ratio_to_oracle"], row["ratio_to_oracle_with_kernels"]])
    assert "step_over_unseparated" in rows[1]
    assert "ratio_to_oracle_compiled" not in rows[1]
    assert "dual/full" in capsys.readouterr().out


def test_peak_memory_is_that_of_the_steps() -> None:
    """As its process of its own measures it."""
    assert train_step.peak_mib(Case("nano", 4), "dual/full", "ours", "cpu", "fp32", 1) > 10


def test_scaling_with_its_plot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scaling, "AXES", {"cpu": {"tokens": (16, 64), "width": (64, 128), "depth": (2, 3)}})
    monkeypatch.setattr(scaling, "MIDDLE", {"cpu": {"tokens": 16, "width": 64, "depth": 2}})
    monkeypatch.setattr(scaling, "TOKENS_PER_STEP", {"cpu": 64})
    scaling.main(["--device", "cpu", "--rounds", "1", "--results", str(tmp_path)])
    rows = kept(tmp_path, "scaling-cpu")["rows"]
    assert len(rows) == 3 * 2 * len(scaling.CURVES)
    assert "<svg" in (tmp_path / "scaling-cpu.svg").read_text()


def test_the_slope_is_the_exponent() -> None:
    rows = [{"axis": "tokens", "tokens": n, "variant": "dual/full", "seconds_per_image": 3 * n**1.5} for n in (64, 256, 1024)]
    assert scaling.slope(rows, "tokens", "dual/full") == pytest.approx(1.5)


def test_evaluation_says_what_it_extrapolates(tmp_path: Path) -> None:
    evaluation.main(["--device", "cpu", "--model", "nano", "--samples", "8", "--rounds", "1", "--results", str(tmp_path)])
    (row,) = kept(tmp_path, "evaluation-cpu")["rows"]
    assert row["samples_measured"] == 8
    assert row["seconds_of_10000_samples_extrapolated"] > 0
    assert row["samples_over_training"] == pytest.approx(
        row["seconds_of_10000_samples_extrapolated"] / row["seconds_of_training_extrapolated"], rel=1e-3
    )


def test_mapped_data_beside_held_data(tmp_path: Path) -> None:
    given = ["--device", "cpu", "--model", "nano", "--batch", "4", "--images", "300", "--steps", "1", "--rounds", "2", "--no-memory"]
    data_benchmark.main([*given, "--results", str(tmp_path)])
    rows = kept(tmp_path, "data-cpu")["rows"]
    assert [row["data"] for row in rows] == ["latents", "images"]
    assert all(row["images_per_second"] > 0 < row["streamed_over_resident"][0] for row in rows)
    case = data_benchmark.Case("nano", "images", tmp_path, 300, 4)
    data_benchmark.write(tmp_path, 300)
    assert data_benchmark.taken_mib(case, "disk", "cpu", "fp32", 1)[1] > 10


@pytest.mark.slow
def test_start_up(tmp_path: Path) -> None:
    smallest = [f"{path}={value}" for path, value in {"seeds": "[0]", "base.steps": 2, "base.evaluation.samples": 20}.items()]
    start_up.main(["--rounds", "1", "--results", str(tmp_path), *(word for change in smallest for word in ("--set", change))])
    rows = {row["command"]: row for row in kept(tmp_path, "start_up-cpu")["rows"]}
    once = ["plan, empty store", "first run", "of it, to the first step"]
    assert list(rows) == [*once, "plan", "status", "report", "run again", "Ctrl-C, to the end"]
    assert 0 < rows["of it, to the first step"]["seconds"][0] < rows["first run"]["seconds"][0]


@pytest.mark.slow
def test_store_scale(tmp_path: Path) -> None:
    store_scale.main(["--trials", "1000", "--rounds", "1", "--results", str(tmp_path)])
    rows = {row["command"]: row for row in kept(tmp_path, "store_scale-cpu")["rows"]}
    assert list(rows) == [*store_scale.COMMANDS, "results()", store_scale.PAGE]
    assert all(row["trials"] == 1000 and row["metrics"] == 20 and row["seconds"] > 0 for row in rows.values())
    page = rows.pop(store_scale.PAGE)
    assert 0.1 < page["page_mib"] < 5
    assert all(row["processor_seconds"] > 0 and 30 < row["peak_mib"] < 2_000 for row in rows.values())


@pytest.mark.slow
def test_sweep_overhead(tmp_path: Path) -> None:
    sweep_overhead.main(["--trials", "2", "--steps", "4", "--device", "cpu", "--results", str(tmp_path)])
    sweep, raw = kept(tmp_path, "sweep_overhead-cpu")["rows"]
    assert sweep["trials"] == raw["trials"] == 2
    assert sweep["wall_seconds"] > sweep["ideal_seconds"] > 0
    parts = ("seconds_before_the_first_trial", "seconds_of_idle_workers", "seconds_after_the_last_trial")
    assert all(sweep[part] >= 0 for part in parts)
    assert raw["wall_seconds"] > 0


@pytest.mark.slow
def test_mlflow_sync(tmp_path: Path) -> None:
    mlflow_sync.main(["--trials", "100", "--results", str(tmp_path)])
    rows = kept(tmp_path, "mlflow_sync-cpu")["rows"]
    assert [row["mlflow"] for row in rows] == ["server", "SQLite file"]
    assert all(row["seconds"] > 0 and row["processor_seconds"] > 0 for row in rows)


@pytest.mark.slow
def test_mlflow_away(tmp_path: Path) -> None:
    mlflow_away.main(["--steps", "1000", "--turn", "2", "--device", "cpu", "--results", str(tmp_path)])
    rows = {row["mlflow"]: row for row in kept(tmp_path, "mlflow_away-cpu")["rows"]}
    assert list(rows) == ["MLflow there", "MLflow down", "MLflow takes 5 s an answer"]
    there = rows["MLflow there"]
    assert there["n"] > 0
    assert there["to_there"] == [1, 1, 1]
    assert there["requests_answered"] > there["requests_hung_up_on"] == 0


def test_spread_ratio_and_rounds_by_hand() -> None:
    assert Spread.of([4.0, 1.0, 3.0, 2.0, 5.0]) == Spread(3.0, 2.0, 4.0)
    assert str(Spread(1.614, 1.5, 1.7)) == "1.61 [1.50, 1.70]"
    rounds = Rounds({"a": [2.0, 20.0, 8.0], "b": [1.0, 10.0, 2.0]})
    assert rounds.ratio("a", "b").median == 2.0  # within a round; of the medians it would be 4
    assert rounds.of("a").median == 8.0


def test_one_call_of_each_contender_is_not_counted() -> None:
    ticks = iter(range(100))
    calls: list[str] = []
    found = measuring.interleaved(
        {"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, rounds=2, clock=lambda: float(next(ticks))
    )
    assert calls == ["a", "b"] * 3
    assert found.seconds == {"a": [1.0, 1.0], "b": [1.0, 1.0]}


def test_the_clock_is_the_processors_for_one_thread_of_a_cpu_alone() -> None:
    assert Clock(CPU, 1).name == "processor"
    assert Clock(CPU, 2).name == "wall"
    assert Clock(torch.device("cuda"), 1).name == "wall"


def test_flops_of_separated_attention_are_those_of_its_pairs() -> None:
    case = Case("S/2", 2)
    none, full = (step_flops(case.config(variant, "fp32"), 256, 16) for variant in ("dual/none", "dual/full"))
    pairs = 256**2 - 64**2 - 192**2
    config = case.config("dual/full", "fp32")
    passes = 3 * config.backbone.layers + config.alignment.teacher.layer
    assert none - full == pytest.approx(2 * passes * 4 * pairs * config.backbone.width)


def test_the_page_shows_what_was_measured() -> None:
    page = summary.PAGE.read_text()
    assert page.count(summary.BEGIN) == page.count(summary.END) == 1
    assert summary.written(page) == page, "run `python benchmarks/summary.py --write`"


def test_what_was_never_measured_is_shown_so(tmp_path: Path) -> None:
    lines = [line for line in summary.table(tmp_path).splitlines() if line.startswith("|")][2:]
    assert len(lines) == len(summary.FIGURES)
    assert all(line.endswith(f"| {summary.UNMEASURED} | {summary.UNMEASURED} |") for line in lines)
    (tmp_path / "evaluation-cuda.json").write_text(
        json.dumps({"rows": [{"case": "nano, 16 tokens", "samples_over_training": 0.5, "samples_measured": 1024, "steps_measured": 20}]})
    )
    (line,) = [line for line in summary.table(tmp_path).splitlines() if "10,000 samples" in line]
    assert line.endswith(f"| {summary.UNMEASURED} | 0.50x (from 1,024 samples and 20 steps) |")
