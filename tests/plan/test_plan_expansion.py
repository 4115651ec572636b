"""From a sweep to its trials: whole seed blocks first, data named by content and read once, each config checked against it."""

from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from model.train_trial import DataFacts
from sweeper.errors import SpecError
from sweeper.plan.expand import data_facts, expand
from sweeper.records import PlannedTrial

MakeSweep = Callable[..., Any]
Images = Callable[[str, int], Path]


def planned(sweep: Any, *, gpu: bool = False) -> tuple[PlannedTrial, ...]:
    return expand(sweep, data_facts(sweep), gpu=gpu)


def npz(path: Path, **more: Any) -> dict[str, Any]:
    return {"preset": "nano", "data": {"kind": "npz", "path": str(path)}} | more


def test_whole_seed_blocks_come_first(sweep_of: MakeSweep) -> None:
    trials = planned(sweep_of(seeds=[5, 2]))
    assert [(t.variant, t.seed) for t in trials] == [("a", 5), ("b", 5), ("a", 2), ("b", 2)]
    assert [t.config["seed"] for t in trials] == [5, 5, 2, 2]
    assert len({t.fingerprint for t in trials}) == 4
    assert len({t.evaluation_fingerprint for t in trials}) == 1


def test_more_seeds_and_more_steps_keep_every_name(sweep_of: MakeSweep) -> None:
    few, many = planned(sweep_of(seeds=1)), planned(sweep_of(seeds=3, base={"preset": "nano", "steps": 4000, "log_every": 7}))
    assert [t.fingerprint for t in few] == [t.fingerprint for t in many[:2]]
    assert (few[0].steps, many[0].steps) == (800, 4000)


def test_a_config_is_whole_and_json_ready(sweep_of: MakeSweep) -> None:
    config = planned(sweep_of())[1].config
    assert (config["timesteps"], config["backbone"]["width"], config["data"]) == (
        {"kind": "dual", "gap": "independent", "ordering": "none", "distribution": "uniform", "shift": 1.0},
        48,
        {"kind": "digits", "train_images": None},
    )


def test_a_gpu_is_another_trial_by_its_precision(sweep_of: MakeSweep) -> None:
    sweep = sweep_of()
    assert {t.fingerprint for t in planned(sweep)}.isdisjoint(t.fingerprint for t in planned(sweep, gpu=True))
    fixed = sweep_of(base={"preset": "nano", "precision": "fp32"})
    assert [t.fingerprint for t in planned(fixed)] == [t.fingerprint for t in planned(fixed, gpu=True)]


def test_data_is_named_by_content_not_by_path(sweep_of: MakeSweep, images: Images) -> None:
    here, copy, changed = images("a.npz", 1), images("elsewhere/b.npz", 1), images("c.npz", 2)
    first, second, third = (planned(sweep_of(base=npz(path))) for path in (here, copy, changed))
    assert [t.fingerprint for t in first] == [t.fingerprint for t in second]
    assert [t.evaluation_fingerprint for t in first] == [t.evaluation_fingerprint for t in second]
    assert {t.fingerprint for t in first}.isdisjoint(t.fingerprint for t in third)
    assert first[0].evaluation_fingerprint != third[0].evaluation_fingerprint


def test_a_data_path_is_made_absolute(sweep_of: MakeSweep, images: Images, monkeypatch: pytest.MonkeyPatch) -> None:
    path = images("a.npz", 1)
    monkeypatch.chdir(path.parent)
    assert planned(sweep_of(base=npz(Path("a.npz"))))[0].config["data"]["path"] == str(path)


def test_a_data_set_is_read_once(sweep_of: MakeSweep, images: Images, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[Any] = []

    def facts(data: Any, cache: Path | None) -> DataFacts:
        read.append(data.path.name)
        return DataFacts(data.path.name, 1, 8, 10, 100, 20)

    monkeypatch.setattr("model.train_trial.facts", facts)
    variants = {"a": {}, "b": {"timesteps.kind": "dual"}, "c": {"data.path": str(images("c.npz", 2))}}
    sweep = sweep_of(base=npz(images("a.npz", 1)), design={"kind": "variants", "variants": variants})
    facts = data_facts(sweep)
    assert read == ["a.npz", "c.npz"]
    assert [facts[name].content_hash for name in "abc"] == ["a.npz", "a.npz", "c.npz"]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"backbone.patch": 3}, "backbone.patch 3 does not divide the images' side of 8; choose a divisor of it"),
        ({"timesteps.kind": "dual", "backbone.patch": 8}, "1 tokens cannot be shared by 2 groups; use a smaller backbone.patch"),
        (
            {"evaluation.extractor": {"kind": "timm", "name": "resnet-18"}},
            f"evaluation.extractor.name: resnet-18 is no model of timm {version('timm')}; choose one of its own, such as resnet18,"
            " resnet18d, skresnet18",
        ),
        (
            {"timesteps.kind": "dual", "partition.ratio": 0.01},
            "partition.ratio 0.01 leaves a group without tokens ([0, 16] of 16); use a larger share",
        ),
    ],
)
def test_what_does_not_fit_its_data_names_the_variant(sweep_of: MakeSweep, fields: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError) as caught:
        data_facts(sweep_of(design={"kind": "variants", "variants": {"a": {}, "wrong": fields}}))
    assert str(caught.value) == f"sweep.yaml: variant wrong: {message}"
