"""`sweeper analyse`: real analyses of trials of the store, once; what they gave in the frame and in the report; and what is refused."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_args

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from stored_sweep import store_sweep

from model.analyse_trial import ANALYSES
from model.analysis_result import AnalysisArray, AnalysisResult
from model.config import TrainConfig
from model.config.evaluation import AnalysisName
from model.presets import config_from
from sweeper import analyses
from sweeper.errors import RequestError
from sweeper.records import PlannedTrial
from sweeper.service import analyse as service
from sweeper.service.analyses_of_run import analyse_after
from sweeper.service.variant_configs import at_chosen_guidance
from sweeper.settings import Settings
from sweeper.store.results_store import ResultsStore
from tests.cli.test_cli_sample import write_average

Sweeper = Callable[..., Any]
NAME = "noise_aug_vs_interaction"
LIGHT = ("--profile", "smoke", "--analyses", "views,loss_grid", "--device", "cpu", "--threads", "1")


@pytest.fixture
def trials(home: Path) -> list[PlannedTrial]:
    """Two finished trials with weights; the others of the sweep failed."""
    failed = {(variant, seed): "failed" for variant in ("single/full", "dual/full") for seed in (0, 1)}
    planned = store_sweep(endings=failed | {("single/none", 1): "failed", ("dual/none", 1): None}).trials
    chosen = [trial for trial in planned if (trial.variant, trial.seed) in (("single/none", 0), ("dual/none", 0))]
    for place, trial in enumerate(chosen):
        write_average(home, trial, scale=0.05 + 0.02 * place)
    return chosen


def stored(trials: list[PlannedTrial]) -> dict[tuple[str, str], Any]:
    with ResultsStore.open(Settings().store_url) as store:
        return {(one.fingerprint, one.analysis): one for one in store.analyses([trial.fingerprint for trial in trials])}


def test_what_is_missing_is_computed_once(sweeper: Sweeper, trials: list[PlannedTrial], monkeypatch: pytest.MonkeyPatch) -> None:
    first = sweeper("analyse", "sweep.yaml", "--profile", "smoke", "--set", "base.steps=40", *LIGHT[2:])
    assert (first.code, first.err) == (0, ""), first.err
    lines = first.out.splitlines()
    assert lines[0] == f"1 of 2: single/none, seed 0 (trial {trials[0].fingerprint[:8]}): views, loss_grid"
    assert lines[-1] == f"2 finished trials of sweep {NAME} (profile smoke): 4 analyses computed, 0 here already"
    found = stored(trials)
    assert found.keys() == {(trial.fingerprint, name) for trial in trials for name in ("views", "loss_grid")}
    assert {one.step for one in found.values()} == {40}
    assert found[trials[0].fingerprint, "loss_grid"].arrays != found[trials[1].fingerprint, "loss_grid"].arrays

    def never(*args: Any, **more: Any) -> None:
        raise AssertionError("nothing is computed twice")

    monkeypatch.setattr(service, "analyse_trial", never)
    again = sweeper("analyse", NAME, *LIGHT)
    assert (again.code, again.out) == (0, f"2 finished trials of sweep {NAME} (profile smoke): 0 analyses computed, 4 here already\n")


def test_stopped_it_goes_on_behind_the_last_trial(sweeper: Sweeper, trials: list[PlannedTrial], monkeypatch: pytest.MonkeyPatch) -> None:
    real, calls = service.analyse_trial, iter((True, False))

    def stopped(*args: Any, **more: Any) -> Any:
        if next(calls):
            return real(*args, **more)
        raise KeyboardInterrupt

    monkeypatch.setattr(service, "analyse_trial", stopped)
    only = ("analyse", NAME, "--profile", "smoke", "--analyses", "views", *LIGHT[4:])
    assert sweeper(*only).code == 130
    assert len(stored(trials)) == 1, "those of the first trial"
    monkeypatch.setattr(service, "analyse_trial", real)
    assert sweeper(*only).out.endswith("1 analyses computed, 1 here already\n")


def test_other_weights_and_another_definition_are_computed_anew(sweeper: Sweeper, home: Path, trials: list[PlannedTrial]) -> None:
    only = ("analyse", NAME, "--profile", "smoke", "--analyses", "views", *LIGHT[4:])
    assert sweeper(*only).out.endswith("2 analyses computed, 0 here already\n")
    write_average(home, trials[0], scale=0.11)
    assert sweeper(*only).out.endswith("1 analyses computed, 1 here already\n")


@pytest.fixture
def told_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """In place of the numbers of an analysis stands what it was asked."""

    def answer(config: TrainConfig, average: Path, names: Sequence[str], *_: Any, **more: Any) -> tuple[AnalysisResult, ...]:
        array = AnalysisArray("steps", "steps", (), np.array(float(config.steps)))
        details = {"average": average.name, "seed": config.evaluation.seed, "shares": list(config.partition.shares)}
        return tuple(AnalysisResult(name, ANALYSES[name].version, (array,), details) for name in names)

    monkeypatch.setattr(service, "analyse_trial", answer)


SHARED = """
question: What is asked of a trial that several variants share?
name: shared
base: {preset: nano, data: {kind: digits}}
design:
  kind: variants
  variants:
    long: {}
    alike: {log_every: 5}
    short: {steps: 20}
    seeded: {evaluation.seed: 5}
    halves: {partition.ratio: 0.5}
seeds: [0]
metric: {primary: held_out_loss, direction: lower}
"""


def test_variants_that_share_a_trial_get_what_each_asks_of_it(sweeper: Sweeper, home: Path, told_back: None) -> None:
    Path("shared.yaml").write_text(SHARED)
    planned = store_sweep(None, spec="shared.yaml").trials
    assert len({trial.fingerprint for trial in planned}) == 1
    for step in (20, 40):
        write_average(home, planned[0], step, scale=0.05)
    only = ("analyse", "shared", "--analyses", "views,loss_grid", *LIGHT[4:])
    first = sweeper(*only)
    assert (first.code, first.err) == (0, "")
    assert first.out.endswith("4 finished trials of sweep shared (profile default): 8 analyses computed, 0 here already\n")
    assert sweeper(*only).out.endswith("0 analyses computed, 8 here already\n")
    frame = analyses("shared")
    asked = {
        "long": (40.0, "average-00000040.safetensors", 0, [0.25, 0.75]),
        "alike": (40.0, "average-00000040.safetensors", 0, [0.25, 0.75]),
        "short": (20.0, "average-00000020.safetensors", 0, [0.25, 0.75]),
        "seeded": (40.0, "average-00000040.safetensors", 5, [0.25, 0.75]),
        "halves": (40.0, "average-00000040.safetensors", 0, [0.5, 0.5]),
    }
    for analysis in ("views", "loss_grid"):
        values = frame[frame["analysis"] == analysis].set_index("variant")["value"]
        found = {name: (values[name], *frame.attrs["details"][name, 0][analysis].values()) for name in asked}
        assert found == asked
    (section, _) = json.loads(sweeper("report", "shared", "--format", "json").out)["analyses"]
    assert {name: cells["mean"] for name, cells in section["arrays"][0]["variants"].items()} == {n: [one[0]] for n, one in asked.items()}


def test_another_average_on_the_way_makes_another_answer_over_training(
    sweeper: Sweeper, home: Path, trials: list[PlannedTrial], told_back: None
) -> None:
    only = ("analyse", NAME, "--profile", "smoke", "--analyses", "views,overfitting", *LIGHT[4:])
    assert sweeper(*only).out.endswith("4 analyses computed, 0 here already\n")
    write_average(home, trials[0], 20, scale=0.11)
    again = sweeper(*only).out.splitlines()
    assert again == [
        f"1 of 1: single/none, seed 0 (trial {trials[0].fingerprint[:8]}): overfitting",
        f"2 finished trials of sweep {NAME} (profile smoke): 1 analyses computed, 3 here already",
    ]


def test_samples_are_drawn_at_the_guidance_that_the_trial_chose() -> None:
    guidance = {"best_of": [1, 2, 4], "seed": 7, "interval": [0.1, 0.9], "channels": "first3"}
    config = config_from({"preset": "nano", "evaluation": {"guidance": guidance}})
    found = at_chosen_guidance(config, {"guidance": {"chosen": 2, "seed": 7}})
    wanted = config_from({"preset": "nano", "evaluation": {"guidance": {"scale": 2, "interval": [0.1, 0.9], "channels": "first3"}}})
    assert found == wanted
    for untold in ({}, {"guidance": None}, {"guidance": {"chosen": 3.0}}, {"guidance": {"chosen": "2"}}):
        assert at_chosen_guidance(config, untold) == config, "and the model refuses to draw"
    assert at_chosen_guidance(wanted, {"guidance": {"chosen": 2}}) == wanted


def test_what_fails_after_a_run_is_no_fault_of_the_run(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sweep = SimpleNamespace(spec=SimpleNamespace(name="mine"), profile="default")
    planned: Any = SimpleNamespace(sweep=sweep, allotment=SimpleNamespace(gpus=0, cpus=1.0), user_code=())
    raised: list[BaseException] = [OverflowError("int too large\nto convert"), RequestError("no weights are here"), KeyboardInterrupt()]

    def failing(*_: Any) -> None:
        raise raised.pop(0)

    monkeypatch.setattr(service, "analyse_sweep", failing)
    said: list[str] = []
    for _ in range(2):
        analyse_after(planned, ["views"], Settings(), said.append)
    assert said == [
        "analyses: they failed, in a way that sweeper does not know (OverflowError: int too large); `sweeper --debug analyse mine` says"
        " where",
        "analyses: no weights are here; `sweeper analyse mine` goes on with them",
    ]
    with pytest.raises(KeyboardInterrupt):
        analyse_after(planned, ["views"], Settings(), said.append)


def test_the_frame_and_the_report_have_what_was_computed(sweeper: Sweeper, trials: list[PlannedTrial]) -> None:
    assert sweeper("analyse", NAME, *LIGHT).code == 0
    frame = analyses(NAME, "smoke")
    assert list(frame.columns[:9]) == ["sweep", "profile", "variant", "timesteps", "separation", "seed", "trial", "analysis", "array"]
    gain = frame[(frame["analysis"] == "loss_grid") & (frame["array"] == "gain")]
    assert len(gain) == 2 * 25
    (plain,) = [one for one in stored(trials)[trials[1].fingerprint, "loss_grid"].arrays if one["name"] == "gain"]
    there = gain[(gain["trial"] == trials[1].fingerprint) & (gain["t_own"] == 0.7) & (gain["t_other"] == 0.1)]
    assert list(there["value"]) == [plain["values"][3 * 5]]
    assert gain["reading"].isna().all(), "an axis that the array does not have"
    assert set(analyses(NAME, "smoke", names=["views"])["analysis"]) == {"views"}
    assert frame.attrs["details"]["single/none", 0]["loss_grid"]["images"] > 0
    with pytest.raises(RequestError, match=r"has the analysis 'loss_gird'.*did you mean \"loss_grid\""):
        analyses(NAME, "smoke", names=["loss_gird"])
    told = json.loads(sweeper("report", NAME, "--profile", "smoke", "--format", "json").out)
    assert [section["name"] for section in told["analyses"]] == ["loss_grid", "views"]
    assert "Analyses of the trained weights: loss_grid, views." in " ".join(sweeper("report", NAME, "--profile", "smoke").out.split())


def test_a_contrast_is_over_a_number_of_an_analysis(sweeper: Sweeper, home: Path) -> None:
    text = Path("sweep.yaml").read_text()
    contrast = '  - {name: gain, metric: "loss_grid.gain[t_own=.7, t_other=.1]", of: dual/none, to: single/none}\n'
    assert text.count("contrasts:\n") == 1
    Path("sweep.yaml").write_text(text.replace("contrasts:\n", f"contrasts:\n{contrast}"))
    planned = store_sweep()
    before = json.loads(sweeper("report", NAME, "--profile", "smoke", "--format", "json").out)["contrasts"][0]
    assert (before["metric"], before["estimate"]) == ("loss_grid.gain[t_own=0.7,t_other=0.1]", None)
    assert "(`sweeper analyse` computes it)" in next(iter(before["dropped"].values()))
    for place, trial in enumerate(planned.trials):
        if trial.variant in ("single/none", "dual/none"):
            write_average(home, trial, scale=0.05 + 0.01 * place)
    said = sweeper("analyse", NAME, "--profile", "smoke", "--analyses", "loss_grid", *LIGHT[4:])
    assert said.code == 3, "the averages of the separated trials are not here"
    assert "left out, since their moving averages are not here: 4 of the trials" in said.out
    after = json.loads(sweeper("report", NAME, "--profile", "smoke", "--format", "json").out)["contrasts"][0]
    frame = analyses(NAME, "smoke")
    gain = frame[(frame["array"] == "gain") & (frame["t_own"] == 0.7) & (frame["t_other"] == 0.1)]
    values = gain.set_index(["variant", "seed"])["value"]
    for seed in (0, 1):
        assert after["by_seed"][str(seed)] == pytest.approx(values["dual/none", seed] - values["single/none", seed])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--analyses", "loss_gird"], '--analyses loss_gird: there is no such analysis; did you mean "loss_grid"?'),
        (["--analyses", ""], f"--analyses : there is no such analysis; valid here: {', '.join([*ANALYSES, 'all'])}"),
        (
            ["--set", "base.steps=4"],
            "--set changes fields of a sweep file, and a stored sweep stays as it ran; give the file instead of its",
        ),
    ],
    ids=["misspelt", "none", "set"],
)
def test_what_cannot_be_asked_for_is_refused(sweeper: Sweeper, trials: list[PlannedTrial], words: list[str], message: str) -> None:
    said = sweeper("analyse", NAME, "--profile", "smoke", *words)
    assert (said.code, said.out) == (2, "")
    assert said.err.startswith(f"error: {message}")
    assert said.err.count("\n") == 1


def test_a_sweep_whose_trials_or_weights_are_not_here_is_refused(sweeper: Sweeper, home: Path) -> None:
    assert "nothing has run" in sweeper("analyse", "sweep.yaml").err
    store_sweep(endings={(v, s): "failed" for v in ("single/none", "single/full", "dual/none", "dual/full") for s in (0, 1)})
    assert "(profile smoke) has no finished trial" in sweeper("analyse", NAME).err
    assert "has not run with profile 'default'" in sweeper("analyse", "sweep.yaml").err


def test_a_file_that_says_something_else_now_is_refused(sweeper: Sweeper, trials: list[PlannedTrial]) -> None:
    said = sweeper("analyse", "sweep.yaml", "--profile", "smoke", "--set", "base.steps=60")
    assert said.code == 2
    assert "has not run; `sweeper run` it, which reuses what is finished, or analyse the version that ran last by its name: " in said.err
    assert said.err.endswith(f"sweeper analyse {NAME}\n")


def test_trials_whose_moving_averages_are_gone_are_refused(sweeper: Sweeper, home: Path) -> None:
    planned = store_sweep()
    said = sweeper("analyse", NAME)
    assert (said.code, said.out) == (2, "")
    assert said.err.startswith("error: 8 finished trials have no moving average of the step that was measured, such as in ")
    write_average(home, planned.trials[0], 20)
    assert sweeper("analyse", NAME).code == 2, "of another step than the result"


def test_weights_of_another_network_are_said_in_one_line(sweeper: Sweeper, home: Path, trials: list[PlannedTrial]) -> None:
    save_file({"x": torch.zeros(2)}, write_average(home, trials[1]))
    said = sweeper("analyse", NAME, *LIGHT)
    assert said.code == 2
    assert said.err.startswith(f"error: dual/none, seed 0 (trial {trials[1].fingerprint[:8]}): ")
    assert said.err.count("\n") == 1
    assert len(stored(trials)) == 2, "what was done before stays"


def test_a_run_computes_what_its_file_asks_for_when_its_trials_have_ended(
    sweeper: Sweeper, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SWEEPER_TRACKERS", "none")
    write_average(home, store_sweep().trials[0])
    asked = ("run", "sweep.yaml", "--profile", "smoke", "--set", "base.steps=40", "--set", "base.evaluation.analyses=[views]")
    first = sweeper(*asked)
    assert (first.code, first.err) == (0, "")
    assert "analyses: 1 computed, 0 here already\nanalyses: 7 trials left out, since their moving averages are not here" in first.out
    assert "Analyses of the trained weights: views (1 of 8 trials)" in " ".join(first.out.split())
    again = sweeper(*asked)
    assert again.code == 0, "the trials are finished, whatever is known of their weights"
    assert "analyses: 0 computed, 1 here already\nanalyses: 7 trials left out" in again.out
    assert "give 'attention_mass'" in sweeper(*asked[:-1], "base.evaluation.analyses=[view]").err


def test_a_file_may_ask_for_every_analysis_there_is() -> None:
    assert set(get_args(AnalysisName)) == ANALYSES.keys()
