"""Samples shared by processes and kept on disk: the same bits whoever draws them, whenever they were stopped."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as processes
from test_model_worlds import joined
from tiny_extractors import extractor_of
from tiny_trials import network_of, tiny
from trial_reports import Told, run

from model.config import DigitsData, TrainConfig
from model.data.dataset import load
from model.errors import Diverged
from model.evaluation.evaluate import evaluate
from model.evaluation.evaluation_classifier import load_or_train_classifier
from model.evaluation.measured_samples import Alone, Instruments, Measured, Sampling, alone, measured_samples
from model.evaluation.reference import classifier_reference, load_or_make_reference
from model.reports import DistributedContext
from model.sampling import generate as generation
from model.training import evaluation_blocks, loop
from model.training.evaluation_blocks import EvaluationBlocks
from model.training.process_group import ProcessGroup
from model.trial_files import state_files

SDE: dict[str, Any] = {"sampler": {"kind": "euler_maruyama", "steps": 3}, "labels": "random", "samples": 22}


def nothing() -> None: ...


def blocks_of(world: DistributedContext, folder: Path, earlier: Sequence[Path] = (), **more: Any) -> EvaluationBlocks:
    settings: dict[str, Any] = {"step": 0, "named": {}, "weights": network_of(tiny()), "ours": lambda: True, "between": nothing} | more
    return EvaluationBlocks(ProcessGroup(world), folder, earlier, settings.pop("ours"), settings.pop("between"), **settings)


def measured(world: DistributedContext, folder: Path, cache: Path) -> Measured | None:
    """Of 22 samples in blocks of 4, by the trained classifier and by a network of timm."""
    torch.set_num_threads(1)
    config = tiny(evaluation=SDE)
    data = load(DigitsData(), 2, torch.device("cpu"), torch.float64)
    classifier = load_or_train_classifier(data, 2, cache)
    reference = load_or_make_reference(config.evaluation, data, 2, extractor_of(), cache, nothing)
    blocks = blocks_of(world, folder)
    return measured_samples(network_of(config), Sampling.of(config, data, 0), Instruments(classifier, reference), nothing, blocks)


def one_of(rank: int, size: int, folder: Path, cache: Path) -> None:
    generation.BLOCK = 4
    found = measured(joined(rank, size, folder / "meeting"), folder, cache)
    assert (found is None) == (rank > 0)
    if found is not None:
        torch.save(dict(found), folder / "found.pt")
    dist.destroy_process_group()


@pytest.mark.usefixtures("classifier")
@pytest.mark.parametrize("size", [2, 4])
def test_samples_of_several_processes_are_those_of_one(size: int, tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generation, "BLOCK", 4)
    wanted = measured(DistributedContext(), tmp_path, cache)
    assert wanted is not None
    processes.spawn(one_of, args=(size, tmp_path, cache), nprocs=size)
    found = torch.load(tmp_path / "found.pt")
    assert found.keys() == wanted.keys() >= {"classifier", "extractor", "right", "shown"}
    assert len(found["classifier"]) == 22
    for name, values in wanted.items():
        assert torch.equal(found[name], values), name


def one_that_diverges(rank: int, folder: Path) -> None:
    def make(number: int) -> Measured:
        if number == 3:  # the second process's
            raise Diverged(7, "a generated sample", float("nan"))
        return {"right": torch.ones(1)}

    world = joined(rank, 2, folder / "meeting")
    try:
        blocks_of(world, folder)("0", 8, make)
    except Diverged as error:
        (folder / f"{rank}.txt").write_text(str(error))
        os._exit(0)
    except RuntimeError:  # the first process is gone
        os._exit(0)


def test_the_first_process_tells_what_diverged_in_another(tmp_path: Path) -> None:
    processes.spawn(one_that_diverges, args=(tmp_path,), nprocs=2)
    assert (tmp_path / "0.txt").read_text().startswith("a generated sample became nan at step 7")


class Killed(Exception):
    """The process ended here."""


def dying(after: int) -> Callable[[], None]:
    """Called for the `after`-th time, it kills."""
    calls = iter(range(after))

    def tick() -> None:
        if next(calls, None) is None:
            raise Killed

    return tick


def config_of(**more: Any) -> TrainConfig:
    return tiny(evaluation={"samples": 40, "more_seeds": [5]} | more)


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of 4, each of which is kept."""
    monkeypatch.setattr(generation, "BLOCK", 4)
    monkeypatch.setattr(evaluation_blocks, "KEEP_SECONDS", 0.0)


@pytest.mark.usefixtures("often")
def test_an_evaluation_killed_at_any_call_ends_with_the_same_numbers(digits: Any, classifier: Any, tmp_path: Path) -> None:
    config, network = config_of(), network_of(tiny())
    reference = classifier_reference(config.evaluation, digits, classifier)

    def evaluated(folders: Sequence[Path], tick: Callable[[], None], blocks: Any = None) -> Any:
        made = blocks or blocks_of(DistributedContext(), folders[0], folders[1:], weights=network)
        return evaluate(config, network, digits, classifier, tmp_path / "a.png", tick, step=0, reference=reference, blocks=made)

    wanted = evaluated([tmp_path], nothing, alone)
    folders = [tmp_path / str(number) for number in range(4)]
    for number, after in enumerate((13, 31, 25)):  # of 68, or of those that are left
        folders[number].mkdir()
        with pytest.raises(Killed):
            evaluated(folders[number::-1], dying(after))
    folders[3].mkdir()
    calls: list[None] = []
    found = evaluated(folders[::-1], lambda: calls.append(None))
    assert (found.metrics, found.by_level, found.details) == (wanted.metrics, wanted.by_level, wanted.details)
    again: list[None] = []
    evaluated([tmp_path], lambda: again.append(None), alone)
    assert len(calls) < len(again) - 40, "what was kept is not drawn again"


@pytest.mark.usefixtures("often")
def test_blocks_of_other_weights_conditions_seeds_or_damaged_ones_are_made_anew(tmp_path: Path) -> None:
    made: list[int] = []

    def make(number: int) -> Measured:
        made.append(number)
        return {"classifier": torch.full((1, 2), float(number)), "shown": torch.empty(0, 1), "right": torch.tensor([True])}

    def again(drawn_as: str = "0", **more: Any) -> list[int]:
        made.clear()
        found = blocks_of(DistributedContext(), tmp_path / "other", [tmp_path], **more)(drawn_as, 3, make)
        assert found is not None
        assert [block["classifier"][0, 0].item() for block in found] == [0, 1, 2]
        assert found[0]["right"].dtype == torch.bool
        for file in state_files(tmp_path / "other"):
            file.path.unlink()
        return list(made)

    (tmp_path / "other").mkdir()
    first = blocks_of(DistributedContext(), tmp_path)
    first("0", 3, make)
    assert again() == [2], "the last block is not kept: the evaluation ends with it"
    assert again(named={"device": "another"}) == [0, 1, 2]
    assert again(weights=network_of(tiny(), seed=1)) == [0, 1, 2]
    assert again(step=1) == [0, 1, 2]
    assert again("1") == [0, 1, 2]
    path = next(file.path for file in state_files(tmp_path) if file.kind == "evaluation")
    path.write_bytes(path.read_bytes()[:-1])
    assert again() == [0, 2]
    first.forget()
    assert again() == [0, 1, 2]


def killed_while_it_evaluates(config: TrainConfig, folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed at the fifth block of samples."""
    calls, make = iter(range(4)), loop.evaluate

    def until(*given: Any, **more: Any) -> Any:
        blocks = more.pop("blocks")

        class Dearer(Alone):
            def __call__(self, drawn_as: str, count: int, make: Callable[[int], Measured]) -> Any:
                def one(number: int) -> Measured:
                    if next(calls, None) is None:
                        raise Killed
                    return make(number)

                return blocks(drawn_as, count, one)

        return make(*given, blocks=Dearer(), **more)

    with monkeypatch.context() as patch:
        patch.setattr(loop, "evaluate", until)
        with pytest.raises(Killed):
            run(config, folder, cache)


@pytest.mark.usefixtures("often", "classifier")
def test_a_trial_goes_on_in_the_middle_of_its_evaluation(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = config_of()
    wanted: Told = run(config, tmp_path / "whole", cache)
    assert not [name for name in wanted.files() if name.startswith("evaluation-")]
    killed_while_it_evaluates(config, tmp_path / "killed", cache, monkeypatch)
    kept = {path.name for path in (tmp_path / "killed").glob("evaluation-*")}
    assert kept == {f"evaluation-00000006-{number:04d}.safetensors" for number in range(4)}
    drawn: list[int] = []
    whole = generation.block_start
    monkeypatch.setattr(generation, "block_start", lambda number: drawn.append(number) or whole(number))
    found = run(config, tmp_path / "next", cache, resume_from=[tmp_path / "killed"])
    assert found.of("evaluation") == wanted.of("evaluation")
    assert drawn == [*range(4, 10), *range(10)], "the blocks of the first generation seed that were not kept, and all of the second"
    assert not list((tmp_path / "next").glob("evaluation-*"))
    assert {path.name for path in (tmp_path / "killed").glob("evaluation-*")} == kept, "another attempt's folder is only read"
