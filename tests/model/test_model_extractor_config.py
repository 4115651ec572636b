"""Whose features a metric is of: what names it, what names its weights, and what is refused before anything starts."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError
from tiny_trials import tiny

from model.config import TrainConfig, availability
from model.config.availability import timm_names
from model.config.extractor import FID_WEIGHTS
from model.errors import ConfigError
from model.timm_models import import_timm
from model.train_trial import check

LATENTS = {"data": {"kind": "latents", "path": "/anywhere"}}


def wrap(**extractor: Any) -> TrainConfig:
    return tiny(evaluation={"extractor": extractor})


def identity_of(config: TrainConfig) -> dict[str, Any]:
    return config.evaluation_identity(content_hash="x")


@pytest.mark.parametrize(
    ("extractor", "names"),
    [
        ({"kind": "classifier"}, ("fd_digits",)),
        ({"kind": "timm", "name": "resnet18.a1_in1k"}, ("fd_resnet18.a1_in1k",)),
        ({"kind": "timm", "name": "resnet18", "weights": "none"}, ("fd_resnet18_random",)),
        ({"kind": "inception"}, ("fid", "inception_score")),
        ({"kind": "inception", "weights": __file__}, ("fd_inception",)),
    ],
)
def test_a_metric_says_whose_features_it_is_of(extractor: dict[str, Any], names: tuple[str, ...]) -> None:
    assert wrap(**extractor).feature_metrics == names


def test_the_published_file_is_fid_wherever_it_lies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("model.config.frozen._hash_of", lambda path, *_: FID_WEIGHTS[:16] if path.name == "published.pth" else "0" * 16)
    for name in ("published.pth", "other-6726825d.pth"):
        (tmp_path / name).touch()
    hub, file, other = (
        wrap(kind="inception", weights=str(weights)) for weights in ("hub", tmp_path / "published.pth", tmp_path / "other-6726825d.pth")
    )
    assert file.feature_metrics == hub.feature_metrics == ("fid", "inception_score")
    assert identity_of(file) == identity_of(hub)
    assert other.feature_metrics == ("fd_inception",), "a name is not its content"
    assert identity_of(other) != identity_of(hub)


def test_a_config_without_an_extractor_keeps_its_name() -> None:
    assert identity_of(wrap(kind="classifier")) == identity_of(tiny())
    assert "extractor" not in identity_of(tiny())
    named = [identity_of(wrap(kind="timm", name=name, weights=weights)) for name in ("vit", "cnn") for weights in ("none", "pretrained")]
    assert len({repr(one) for one in [identity_of(tiny()), identity_of(wrap(kind="inception")), *named]}) == 6


def test_a_file_goes_by_its_content_and_survives_being_written_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, moved = tmp_path / "a.pth", tmp_path / "b.pth"
    file.write_bytes(b"weights")
    moved.write_bytes(b"weights")
    first, second = (wrap(kind="timm", name="resnet18", weights=str(path)) for path in (file, moved))
    assert identity_of(first) == identity_of(second)
    monkeypatch.chdir(tmp_path)
    assert wrap(kind="timm", name="resnet18", weights="a.pth") == first, "a trial may run in another folder"
    file.unlink()
    assert TrainConfig.model_validate(first.model_dump(mode="json")) == first
    assert len(first.evaluation.extractor.weights_hash) == 16  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("extractor", "message"),
    [
        (
            {"kind": "inception", "weights": "/nowhere/weights.pth"},
            "evaluation.extractor.weights: /nowhere/weights.pth cannot be read (No such file or directory); give hub, or a file of weights",
        ),
        (
            {"kind": "timm", "name": "resnet18", "weights": "/nowhere/weights.pth"},
            "evaluation.extractor.weights: /nowhere/weights.pth cannot be read (No such file or directory); give pretrained, none, or a"
            " file of weights",
        ),
        ({"kind": "timm"}, "Field required"),
        ({"kind": "timm", "name": "hf-hub:a/b"}, "String should match pattern"),
    ],
)
def test_what_means_nothing_is_refused(extractor: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        wrap(**extractor)
    assert message in caught.value.errors()[0]["msg"]


@pytest.mark.parametrize("extractor", [{"kind": "timm", "name": "resnet18"}, {"kind": "inception"}])
def test_latents_are_no_pictures(extractor: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match=r"looks at pictures, but data.kind: latents are none.*, or evaluation.extractor.kind: cl"):
        tiny(LATENTS, evaluation={"extractor": extractor})
    assert tiny(LATENTS).feature_metrics == ("fd_classifier",)
    np.savez(tmp_path / "four.npz", images=np.full((40, 8, 8, 4), 200, np.uint8), labels=np.arange(40) % 4)
    four = {"data": {"kind": "npz", "path": str(tmp_path / "four.npz")}}
    with pytest.raises(ConfigError, match="looks at pictures, but data have 4 channels; use grey or RGB images, or kind: classifier"):
        check(tiny(four, evaluation={"extractor": extractor}))
    check(tiny(four))


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"evaluation": {"extractor": {"kind": "timm", "name": "vit_smal_patch16_224.tag"}}}, "evaluation.extractor.name"),
        ({"alignment": {"kind": "external", "encoder": {"name": "vit_smal_patch16_224.tag"}}}, "alignment.encoder.name"),
    ],
)
def test_an_unknown_model_is_refused_when_a_sweep_is_planned(change: dict[str, Any], place: str) -> None:
    with pytest.raises(ConfigError, match=rf"{place}: vit_smal_patch16_224.tag is no model of timm .*; choose .* vit_small_patch16_224"):
        check(tiny(change))
    check(tiny({"alignment": {"kind": "self", "encoder": {"name": "unused"}}}))


def test_an_inception_without_its_package_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(availability, "find_spec", lambda name: None if name == "torch_fidelity" else object())
    with pytest.raises(ConfigError, match=r"inception is the network of torch-fidelity, which is not installed; pip install torch-fid"):
        check(wrap(kind="inception"))


def test_timms_names_are_found_without_importing_it() -> None:
    timm = import_timm()
    assert set(timm.list_models()) <= timm_names()
    assert all(timm.is_model(name) for name in ("resnet18", "vit_base_patch16_224_in21k"))
    assert {"resnet18", "vit_base_patch16_224_in21k"} <= timm_names(), "new names and old ones"
