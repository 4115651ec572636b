"""The door: from files to results, what does not apply, and what is refused with one clear line."""

import json
from pathlib import Path
from typing import Any

import pytest
from tiny_trials import CELLS, tiny
from trial_reports import Told, run

from model.analyse_trial import ANALYSES, AnalysisMachine, analyse_trial, ensure_known_analyses
from model.analyses.run import MADE_BY
from model.analysis_result import AnalysisArray, AnalysisResult
from model.config import TrainConfig
from model.errors import CheckpointError, ConfigError
from model.trial_files import average_path, checkpoint_path

MACHINE = AnalysisMachine()
CONFIG = tiny(CELLS["dual_none"], {"data": {"kind": "digits", "train_images": 300}}, precision="fp32", steps=4)


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Told:
    return run(CONFIG, tmp_path_factory.mktemp("analysed"), cache)


def analyse(told: Told, cache: Path, *names: str, config: TrainConfig = CONFIG, **more: Any) -> tuple[AnalysisResult, ...]:
    return analyse_trial(config, average_path(told.folder, 4), names, MACHINE, lambda _: None, cache=cache, **more)


def test_every_analysis_of_a_trial(told: Told, cache: Path) -> None:
    lines: list[str] = []
    kept = {2: checkpoint_path(told.folder, 2), 4: average_path(told.folder, 4)}
    results = analyse_trial(CONFIG, kept[4], tuple(ANALYSES), MACHINE, lines.append, averages=kept, cache=cache)
    assert [result.analysis for result in results] == list(ANALYSES) == [line.split(":")[0] for line in lines]
    for result in results:
        assert result.arrays, result.details
        assert result.version == ANALYSES[result.analysis].version
        assert result.details["step"] == 4
        json.dumps(result.details, allow_nan=False)
        for array in result.arrays:
            again = AnalysisArray.from_json(json.loads(json.dumps(array.to_json(), allow_nan=False)))
            assert again.axes == array.axes
    evaluated = dict(told.of("evaluation"))[4]
    by_level = {array.name: array for result in results if result.analysis == "by_level" for array in result.arrays}
    assert by_level["mean_held_out_loss"].at({}) == pytest.approx(evaluated["held_out_loss"], rel=1e-6)


def test_asked_again_it_says_the_same(told: Told, cache: Path) -> None:
    first, second = (analyse(told, cache, "loss_grid", "views") for _ in range(2))
    for one, other in zip(first, second, strict=True):
        assert [array.to_json() for array in one.arrays] == [array.to_json() for array in other.arrays]


def test_nothing_asked_for_is_nothing_done(told: Told, cache: Path) -> None:
    assert analyse_trial(CONFIG, told.folder / "nowhere", (), MACHINE, lambda _: None, cache=cache) == ()


def test_what_does_not_apply_says_why(told: Told, cache: Path) -> None:
    lines: list[str] = []
    (found,) = analyse_trial(CONFIG, average_path(told.folder, 4), ["overfitting"], MACHINE, lines.append, cache=cache)
    assert found.arrays == ()
    assert lines == [f"overfitting: does not apply: {found.details['not_applicable']}"]


def test_an_unknown_name_is_refused_with_the_nearest() -> None:
    said = r"there is no analysis 'attention_mas'; they are attention_mass, .*; did you mean attention_mass"
    with pytest.raises(ConfigError, match=said):
        ensure_known_analyses(["views", "attention_mas"])


def test_weights_of_another_network_are_refused(told: Told, cache: Path) -> None:
    with pytest.raises(CheckpointError, match=r"average-00000004\.safetensors is no ours checkpoint of this network"):
        analyse(told, cache, "loss_grid", config=tiny(backbone={"layers": 2}))


def test_a_file_that_is_not_there_is_named(told: Told, cache: Path) -> None:
    with pytest.raises(CheckpointError, match="nowhere"):
        analyse_trial(CONFIG, told.folder / "nowhere.safetensors", ["loss_grid"], MACHINE, lambda _: None, cache=cache)


def test_each_name_has_a_sentence_and_a_maker() -> None:
    assert list(MADE_BY) == list(ANALYSES)
    for name, info in ANALYSES.items():
        assert info.name == name
        assert info.summary.endswith(".")
        assert info.version >= 1
