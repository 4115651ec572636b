"""The best guidance of a network: chosen on samples of a seed of its own, measured on others; the same by however many processes."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as processes
from pydantic import ValidationError
from test_model_evaluation_blocks import Killed, blocks_of, dying, nothing
from test_model_worlds import joined
from tiny_trials import network_of, tiny

from model.config import DigitsData
from model.config.evaluation import EvaluationConfig
from model.data.dataset import DataSet, load
from model.errors import ConfigError, Diverged
from model.evaluation.best_guidance import choose_guidance
from model.evaluation.evaluate import evaluate, take_part
from model.evaluation.evaluation_classifier import EvaluationClassifier, load_or_train_classifier
from model.evaluation.measured_samples import Blocks, Instruments, alone
from model.evaluation.reference import classifier_reference
from model.reports import DistributedContext
from model.sampling import generate as generation
from model.training import evaluation_blocks
from model.trial_files import state_files

SCALES = (1.0, 2.5, 6.0)
ASKED: dict[str, Any] = {"samples": 20, "guidance": {"best_of": SCALES, "seed": 7}, "sampler": {"steps": 3}}


def chosen(values: Mapping[float, float], **guidance: Any) -> tuple[float, Any]:
    evaluation = EvaluationConfig.model_validate({"guidance": {"best_of": list(values), "seed": 7} | guidance})
    found = choose_guidance(evaluation, "fid", lambda asked, _: values[asked.guidance.scale], alone, 3)
    assert found.evaluation.guidance.best_of == ()
    assert found.evaluation.seed == 0
    return found.evaluation.guidance.scale, found.details


def test_the_best_value_chooses_and_the_smallest_scale_of_several() -> None:
    assert chosen({1.0: 9.0, 1.5: 4.0, 2.0: 5.0})[0] == 1.5
    assert chosen({1.0: 9.0, 1.5: 4.0, 2.0: 5.0}, by="inception_score")[0] == 1.0, "the higher is better"
    assert chosen({1.0: 4.0, 1.5: 4.0})[0] == 1.0
    scale, details = chosen({1.0: 3.0, 1.5: math.nan, 2.0: -1.0})
    assert scale == 2.0
    assert details == {"chosen": 2.0, "by": "fid", "seed": 7, "values": {"1": 3.0, "1.5": None, "2": -1.0}}
    with pytest.raises(Diverged):
        chosen({1.0: math.nan, 2.0: math.inf})


def test_a_scale_whose_samples_are_not_finite_is_not_chosen() -> None:
    def measure(asked: EvaluationConfig, _: str) -> float:
        if asked.guidance.scale == 20:
            raise Diverged(3, "a generated sample", math.nan)
        return asked.guidance.scale

    found = choose_guidance(EvaluationConfig.model_validate({"guidance": {"best_of": [1, 20], "seed": 7}}), "fid", measure, alone, 3)
    assert found.details is not None
    assert (found.details["chosen"], found.details["values"]) == (1.0, {"1": 1.0, "20": None})


@pytest.mark.parametrize(
    ("evaluation", "message"),
    [
        ({"guidance": {"best_of": [1, 2]}}, "give guidance.seed, a generation seed not measured on"),
        ({"guidance": {"best_of": [1, 2], "seed": 7, "scale": 1.5}}, "guidance.scale is 1.5, and guidance.best_of lists scales"),
        ({"guidance": {"best_of": [2], "seed": 7}}, r"two or more scales, each once, not \[2\]; one is guidance.scale"),
        ({"guidance": {"best_of": [2, 1, 2], "seed": 7}}, r"two or more scales, each once, not \[1, 2, 2\]"),
        ({"guidance": {"seed": 7}}, "guidance.seed is of a choice among several scales; give guidance.best_of, or leave it out"),
        ({"guidance": {"best_of": [1, 2], "seed": 7}, "more_seeds": [7]}, "generation seed 7 is measured on"),
        (
            {"guidance": {"best_of": [1, 2], "seed": 7, "by": "fid"}},
            "by: fid is no metric of samples that this evaluation has",
        ),
    ],
    ids=str,
)
def test_what_chooses_nothing_is_refused(evaluation: dict[str, Any], message: str) -> None:
    with pytest.raises((ConfigError, ValidationError), match=message):
        tiny(evaluation=evaluation)


def test_it_is_chosen_on_one_seed_and_measured_on_another(digits: DataSet, classifier: EvaluationClassifier, tmp_path: Path) -> None:
    def of(**asked: Any) -> Any:
        config = tiny(evaluation=ASKED | asked)
        reference = classifier_reference(config.evaluation, digits, classifier)
        return evaluate(config, network_of(tiny()), digits, classifier, tmp_path / "a.png", nothing, step=3, reference=reference)

    alone_at = {scale: of(guidance={"scale": scale}, seed=7) for scale in SCALES}
    for by in ("fd_digits", "class_score"):
        found = of(guidance=ASKED["guidance"] | {"by": by}, extra_metrics=["class_score", "kid"])
        values = {f"{scale:g}": of(guidance={"scale": scale}, seed=7, extra_metrics=["class_score"]).metrics[by] for scale in SCALES}
        best = min(values, key=lambda scale: values[scale] * (-1 if by == "class_score" else 1))
        assert found.details["guidance"] == {"chosen": float(best), "by": by, "seed": 7, "values": values}
        wanted = of(guidance={"scale": float(best)}, extra_metrics=["class_score", "kid"])
        assert found.metrics == wanted.metrics | {"guidance_scale": float(best)}
        assert found.metrics["fd_digits"] != alone_at[float(best)].metrics["fd_digits"], "of other samples than those that chose"


def by_processes(world: DistributedContext, folder: Path, cache: Path, tick: Any = nothing) -> Any:
    """Of 20 samples in blocks of 4."""
    torch.set_num_threads(1)
    config = tiny(evaluation=ASKED | {"more_seeds": [2]})
    data = load(DigitsData(), 2, torch.device("cpu"), torch.float64)
    classifier = load_or_train_classifier(data, 2, cache)
    reference = classifier_reference(config.evaluation, data, classifier)
    blocks: Blocks = blocks_of(world, folder)
    if world.rank:
        take_part(config, network_of(config), data, Instruments(classifier, reference), tick, step=0, blocks=blocks)
        return None
    picture = folder / "a.png"
    return evaluate(config, network_of(config), data, classifier, picture, tick, step=0, reference=reference, blocks=blocks)


def one_of(rank: int, size: int, folder: Path, cache: Path) -> None:
    generation.BLOCK = 4
    found = by_processes(joined(rank, size, folder / "meeting"), folder, cache)
    if found is not None:
        (folder / "found.json").write_text(json.dumps([found.metrics, found.details]))
    dist.destroy_process_group()


@pytest.mark.usefixtures("classifier")
@pytest.mark.parametrize("size", [2, pytest.param(4, marks=pytest.mark.slow)])
def test_several_processes_choose_and_measure_as_one(size: int, tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generation, "BLOCK", 4)
    wanted = by_processes(DistributedContext(), tmp_path, cache)
    processes.spawn(one_of, args=(size, tmp_path, cache), nprocs=size)
    assert json.loads((tmp_path / "found.json").read_text()) == json.loads(json.dumps([wanted.metrics, wanted.details]))


@pytest.mark.usefixtures("classifier")
def test_a_choice_that_was_stopped_goes_on(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generation, "BLOCK", 4)
    monkeypatch.setattr(evaluation_blocks, "KEEP_SECONDS", 0.0)
    (tmp_path / "whole").mkdir()
    wanted = by_processes(DistributedContext(), tmp_path / "whole", cache)
    calls: list[None] = []
    (tmp_path / "torn").mkdir()
    with pytest.raises(Killed):
        by_processes(DistributedContext(), tmp_path / "torn", cache, dying(50))
    assert any(file.kind == "evaluation" for file in state_files(tmp_path / "torn"))
    found = by_processes(DistributedContext(), tmp_path / "torn", cache, lambda: calls.append(None))
    assert (found.metrics, found.details) == (wanted.metrics, wanted.details)
    assert len(calls) < 110, "of about 125: what was kept is not drawn again"
