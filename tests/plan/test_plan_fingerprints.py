"""What names a trial and what names a result: every field of the config is on one side or the other."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from model.config import DigitsData, FolderData, ImagesData, LatentsData, NpzData, TrainConfig
from model.config.alignment import AlignmentConfig
from model.config.encoder import EncoderConfig
from model.config.evaluation import EvaluationConfig
from model.config.extractor import ClipExtractor, Dinov2Extractor, InceptionExtractor, TimmExtractor
from model.config.noise import FixedGap, MaxGap, TimestepsConfig
from model.config.section import Section
from sweeper.plan.fingerprint import evaluation_fingerprint, training_fingerprint

CADENCES_AND_CUTS = {"steps", "log_every", "held_out_every", "samples_every", "checkpoint_every", "accumulation", "compile"}
NOT_THE_WEIGHTS = CADENCES_AND_CUTS | {"data.path", "data.range", "data.residence", "data.spread", "alignment.encoder.weights"}
"""Fields outside `evaluation` that do not change the weights at a given step, or do so by way of the data's content hash."""
NOT_THE_METRICS = {"evaluation.analyses", "evaluation.every", "evaluation.extractor.weights", "evaluation.reference"}
"""Fields of `evaluation` that do not change the metrics of given weights."""


def changes(section: Section, prefix: str = "") -> Iterator[tuple[str, Section]]:
    """(dotted path, the section with only that field changed) of every plain field below; unchecked, as hashes know no rules."""
    for name in type(section).model_fields:
        value = getattr(section, name)
        if isinstance(value, Section):
            for path, inner in changes(value, f"{prefix}{name}."):
                yield path, section.model_copy(update={name: inner})
        else:
            yield f"{prefix}{name}", section.model_copy(update={name: other(value)})


def other(value: Any) -> Any:
    match value:
        case bool():
            return not value
        case int() | float():
            return value + 1
        case str():
            return value + "-other"
        case tuple():
            return (*value, 1.0)
        case Path():
            return value / "other"
        case None:
            return 1
    raise AssertionError(f"no other value for {value!r}: teach this test the new type of field")


CONFIGS = {
    "digits": TrainConfig(),
    "npz": TrainConfig(data=NpzData(kind="npz", path=Path("a.npz"))),
    "folder": TrainConfig(data=FolderData(kind="folder", path=Path("a"), resolution=8)),
    "latents": TrainConfig(data=LatentsData(kind="latents", path=Path("a"))),
    "images": TrainConfig(data=ImagesData(kind="images", path=Path("a"))),
    "fixed gap": TrainConfig(timesteps=TimestepsConfig(kind="dual", gap=FixedGap(fixed=0.3))),
    "external": TrainConfig(alignment=AlignmentConfig(kind="external", encoder=EncoderConfig(name="vit", weights="none"))),
    "timm": TrainConfig(evaluation=EvaluationConfig(extractor=TimmExtractor(kind="timm", name="vit", weights="none"))),
    "dinov2": TrainConfig(evaluation=EvaluationConfig(extractor=Dinov2Extractor(kind="dinov2"))),
    "clip": TrainConfig(evaluation=EvaluationConfig(extractor=ClipExtractor(kind="clip"))),
    "inception": TrainConfig(evaluation=EvaluationConfig(extractor=InceptionExtractor(kind="inception"))),
    "max gap": TrainConfig(timesteps=TimestepsConfig(kind="dual", gap=MaxGap(max=0.3))),
}


def training(config: Section, content: str = "images", gpu: bool = False) -> str:
    assert isinstance(config, TrainConfig)
    return training_fingerprint(config, content_hash=content, precision=config.resolved_precision(gpu=gpu))


def evaluation(config: Section, content: str = "images") -> str:
    assert isinstance(config, TrainConfig)
    return evaluation_fingerprint(config, content_hash=content)


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_every_field_names_the_trial_or_is_listed_as_not_naming_it(config: TrainConfig) -> None:
    changed = {path for path, altered in changes(config) if training(altered) != training(config)}
    every = {path for path, _ in changes(config)}
    assert {"seed", "precision", "backbone.width", "alignment.teacher.interval.width", "optimizer.betas", "data.kind"} <= every
    assert every - changed == {p for p in every if p in NOT_THE_WEIGHTS or p.startswith("evaluation.")}


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_only_the_evaluation_names_a_result(config: TrainConfig) -> None:
    changed = {path for path, altered in changes(config) if evaluation(altered) != evaluation(config)}
    asked = {path for path, _ in changes(config) if path.startswith("evaluation.")}
    assert {"evaluation.samples", "evaluation.sampler.kind", "evaluation.sampler.steps", "evaluation.guidance.scale"} <= changed
    assert {"evaluation.guidance.interval", "evaluation.seed"} <= changed
    whose = {path for path in changed if path.startswith("data.") and path not in NOT_THE_WEIGHTS}  # the images that judge
    assert not changed & NOT_THE_METRICS
    assert changed == (asked - NOT_THE_METRICS) | whose


def test_content_names_both() -> None:
    config = TrainConfig()
    assert training(config, "images") != training(config, "other images")
    assert evaluation(config, "images") != evaluation(config, "other images")


def test_the_precision_that_is_used_names_the_trial_not_the_word_auto() -> None:
    auto, fp32, bf16 = (TrainConfig(precision=precision) for precision in ("auto", "fp32", "bf16"))
    assert training(auto) == training(fp32) != training(bf16)
    assert training(auto, gpu=True) == training(bf16, gpu=True) == training(bf16)


def test_digits_and_own_images_of_one_content_are_two_data_sets() -> None:
    """Their splits differ in nothing today, but a kind may come to prepare its images in another way."""
    npz = TrainConfig(data=NpzData(kind="npz", path=Path("a.npz")))
    assert training(npz) != training(TrainConfig(data=DigitsData()))


def test_numerics_and_evaluator_versions_are_hashed(monkeypatch: pytest.MonkeyPatch) -> None:
    config = TrainConfig()
    before = training(config), evaluation(config)
    monkeypatch.setattr("model.config.train.NUMERICS_VERSION", 99)
    assert (training(config) != before[0], evaluation(config) == before[1]) == (True, True)
    monkeypatch.setattr("model.config.train.EVALUATOR_VERSION", 99)
    assert evaluation(config) != before[1]


def test_a_fingerprint_fits_a_folder_name() -> None:
    for fingerprint in (training(TrainConfig()), evaluation(TrainConfig())):
        assert len(fingerprint) == 16
        assert set(fingerprint) <= set("0123456789abcdef")
