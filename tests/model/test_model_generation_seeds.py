"""Several generation seeds: metrics are means over them, each as if it were alone."""

from pathlib import Path
from typing import Any

import pytest
from tiny_trials import network_of, tiny

from model.data.dataset import DataSet
from model.errors import ConfigError
from model.evaluation.evaluate import Evaluation, evaluate
from model.evaluation.evaluation_classifier import EvaluationClassifier
from model.evaluation.reference import classifier_reference


@pytest.fixture
def evaluated(digits: DataSet, classifier: EvaluationClassifier, tmp_path: Path) -> Any:
    def make(**evaluation: Any) -> Evaluation:
        config = tiny(evaluation=evaluation)
        picture = tmp_path / "samples.png"
        reference = classifier_reference(config.evaluation, digits, classifier)
        return evaluate(config, network_of(tiny()), digits, classifier, picture, lambda: None, step=3, reference=reference)

    return make


def test_metrics_are_means_of_those_of_each_seed(evaluated: Any, tmp_path: Path) -> None:
    alone = {seed: evaluated(seed=seed) for seed in (0, 4, 7)}
    together = evaluated(seed=4, more_seeds=[7, 0])
    by_seed = together.details["by_generation_seed"]
    assert set(by_seed) == set(together.metrics) == set(alone[0].metrics)
    for name, values in by_seed.items():
        assert values == {str(seed): found.metrics[name] for seed, found in alone.items()}
        assert together.metrics[name] == pytest.approx(sum(values.values()) / 3, rel=1e-12)
    assert len({found.metrics["held_out_loss"] for found in alone.values()}) == 3, "the seeds draw different noise"
    assert {path.name for path in tmp_path.glob("*.png")} == {"samples.png", "samples-seed0.png", "samples-seed7.png"}


def test_one_seed_leaves_everything_as_it_was(evaluated: Any) -> None:
    assert "by_generation_seed" not in evaluated(seed=4).details
    assert evaluated(seed=4).metrics == evaluated(seed=4, more_seeds=()).metrics


@pytest.mark.parametrize("more", [[0], [1, 1]])
def test_a_seed_counts_once(more: list[int]) -> None:
    with pytest.raises((ConfigError, ValueError), match=f"generation seed {more[0]} counts once"):
        tiny(evaluation={"seed": 0, "more_seeds": more})
