"""Profiles are laid over the whole; a mapping with another `kind` is replaced, not mixed with the one below."""

from typing import Any

import pytest
from small_sweep import SWEEP, Load, Refused

from sweeper.spec.reading import apply_profile


def test_a_profile_is_laid_over_the_whole(load: Load) -> None:
    base = {"preset": "nano", "steps": 100, "optimizer": {"learning_rate": 0.002}}
    profiles = {"quick": {"base": {"steps": 7, "optimizer": {"clip": 0.5}}, "seeds": [4], "resources": {"cpus": 2}}}
    sweep = load(base=base, profiles=profiles, profile="quick")
    config = sweep.configs[0][1]
    assert (sweep.profile, sweep.spec.seeds, sweep.spec.resources.cpus) == ("quick", (4,), 2)
    assert (config.steps, config.optimizer.clip, config.optimizer.learning_rate, config.backbone.width) == (7, 0.5, 0.002, 48)


@pytest.mark.parametrize("profile", [None, "default"])
def test_without_a_profile_the_sweep_is_as_written(load: Load, profile: str | None) -> None:
    sweep = load(profiles={"quick": {"seeds": 1}}, profile=profile)
    assert (sweep.profile, sweep.spec.seeds) == ("default", (0, 1))
    assert sweep.version == load().version, "profiles that are not used are no part of a version"


def test_another_kind_replaces_the_mapping_below(load: Load) -> None:
    base = {"preset": "nano", "data": {"kind": "npz", "path": "images.npz", "held_out_fraction": 0.3}}
    sweep = load(base=base, profiles={"toy": {"base": {"data": {"kind": "digits"}}}}, profile="toy")
    assert sweep.configs[0][1].data.model_dump() == {"kind": "digits", "train_images": None}
    variants = {"kind": "variants", "variants": {"only": {}}}
    explicit = load(profiles={"one": {"design": variants}}, profile="one")
    assert [variant.name for variant, _ in explicit.configs] == ["only"], "a factorial design leaves no factors behind"


def test_the_same_kind_is_merged(load: Load) -> None:
    base = {"preset": "nano", "data": {"kind": "npz", "path": "images.npz", "held_out_fraction": 0.3}}
    sweep = load(base=base, profiles={"p": {"base": {"data": {"kind": "npz", "path": "others.npz"}}}}, profile="p")
    assert sweep.configs[0][1].data.model_dump()["held_out_fraction"] == 0.3


def test_another_preset_takes_the_place_of_the_first(load: Load) -> None:
    sweep = load(profiles={"big": {"base": {"preset": "S/2"}}}, profile="big")
    config = sweep.configs[0][1]
    assert (config.backbone.width, config.batch_size, config.ema_decay, config.alignment.teacher.layer) == (384, 256, 0.9999, 8)


def test_a_list_replaces_a_list(load: Load) -> None:
    contrasts = [{"name": "c", "of": "dual/none", "to": "single/none"}]
    assert load(contrasts=contrasts, profiles={"p": {"contrasts": []}}, profile="p").spec.contrasts == ()


def test_laying_a_profile_on_changes_neither_mapping() -> None:
    raw: dict[str, Any] = {"base": {"optimizer": {"clip": 1.0}}, "profiles": {"p": {"base": {"optimizer": {"clip": 2.0}}}}}
    assert apply_profile(raw, "p", "f")["base"] == {"optimizer": {"clip": 2.0}}
    assert raw["base"] == {"optimizer": {"clip": 1.0}}


@pytest.mark.parametrize(
    ("profiles", "message"),
    [
        ({"smoke": {}}, "sweep.yaml has no profile 'smok'; did you mean \"smoke\"?"),
        ({"paper": {}}, "sweep.yaml has no profile 'smok'; valid here: default, paper"),
        (None, "sweep.yaml has no profile 'smok'; valid here: default"),
        ([1], "profiles is a mapping of name: overrides, not [1]"),
        ({"smok": 3}, "profiles.smok is a mapping of overrides, not 3"),
        ({"smok": {"sedes": 3}}, "sedes: there is no field 'sedes'; did you mean \"seeds\"?"),
        ({"smok": {"base": {"stepz": 3}}}, "base.stepz: there is no field 'stepz'; did you mean \"steps\"?"),
    ],
)
def test_profiles_that_mean_nothing_are_refused(refused: Refused, profiles: object, message: str) -> None:
    assert refused(profiles=profiles, profile="smok") == message


def test_an_empty_profile_is_the_default_by_another_name(load: Load) -> None:
    assert load(profiles={"p": None}, profile="p").spec == load().spec
    assert SWEEP["seeds"] == 2
