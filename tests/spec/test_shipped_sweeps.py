"""Every shipped sweep: opens with its question, loads in every profile, and its contrasts resolve."""

from pathlib import Path

import numpy as np
import pytest
import yaml

from model.presets import METHODS, config_from
from sweeper.plan.expand import data_facts, expand
from sweeper.spec.designs import contrast_weights, variants_of
from sweeper.spec.load import LoadedSweep, load_sweep
from sweeper.spec.search_design import UNUSED, SearchDesign

FOLDER = Path(__file__).parents[2] / "sweeps"
FILES = sorted(FOLDER.glob("*.yaml"))
PROFILES = [(file, profile) for file in FILES for profile in (None, *yaml.safe_load(file.read_text()).get("profiles", {}))]
SEPARATION = ("none", "full")
WEIGHTS = {
    "augmentation effect": {"dual/full": 1, "single/full": -1},
    "token-interaction effect": {"dual/full": 1, "dual/none": -1},
    "factor interaction": {"dual/full": 1, "dual/none": -1, "single/full": -1, "single/none": 1},
}
"""Of the question's claims on the loss."""
SAMPLES = {"token-interaction effect on samples": {"dual/none": 1, "dual/full": -1}}
"""And on what is generated."""


@pytest.fixture(params=PROFILES, ids=[f"{file.stem}-{profile or 'default'}" for file, profile in PROFILES])
def sweep(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LoadedSweep:
    """In a folder with the reference file that a profile asks for, which a user fetches."""
    file, profile = request.param
    monkeypatch.chdir(tmp_path)
    if profile == "imagenet256_fid":
        (tmp_path / "data").mkdir()
        held = {"mu": np.zeros(2048), "sigma": np.eye(2048), "arr_0": np.zeros((1, 2, 2, 3), np.uint8)}
        np.savez(tmp_path / "data" / "VIRTUAL_imagenet256_labeled.npz", **held)  # type: ignore[arg-type]
    return load_sweep(file, profile=profile)


def test_the_named_sweeps_are_shipped() -> None:
    assert {file.stem for file in FILES} >= {
        "noise_aug_vs_interaction",
        "digits_1438",
        "photographs",
        "partition_ratio",
        "timestep_gap",
        "teacher",
        "alignment_axis",
        "methods",
        "separation_modes",
        "full_image_mixing",
        "overhead",
        "search_alignment",
        "data_size",
        "why",
    }


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_it_opens_with_its_question_and_has_a_smoke_profile(file: Path) -> None:
    raw = yaml.safe_load(file.read_text())
    assert next(iter(raw)) == "question"
    assert "?" in raw["question"]
    assert raw["name"] == file.stem
    assert "smoke" in raw["profiles"]
    assert f"sweeper run sweeps/{file.name}" in file.read_text()


def test_it_has_contrasts_that_resolve(sweep: LoadedSweep) -> None:
    variants = variants_of(sweep.spec)
    if isinstance(sweep.spec.design, SearchDesign):
        assert sweep.spec.design.confirm is not None, "a search claims what it confirms"
        return
    assert len(sweep.spec.contrasts) >= 3
    for contrast in sweep.spec.contrasts:
        weights = contrast_weights(contrast, variants)
        assert sum(weights.values()) == pytest.approx(0, abs=1e-12)
        assert contrast.question, f"{contrast.name} says what it asks"
    assert sweep.spec.baseline in [variant.name for variant in variants]


def test_its_data_and_configs_fit(sweep: LoadedSweep) -> None:
    trials = expand(sweep, data_facts(sweep), gpu=False)
    if isinstance(sweep.spec.design, SearchDesign):
        assert trials == (), "what a search tries is not known before it runs"
        return
    assert len(trials) == len(sweep.configs) * len(sweep.spec.seeds)
    assert len({trial.fingerprint for trial in trials}) == len(trials), "no two variants of a shipped sweep are one"


def test_the_levels_are_those_of_the_question() -> None:
    def names(stem: str) -> list[str]:
        return [variant.name for variant, _ in load_sweep(FOLDER / f"{stem}.yaml").configs]

    assert names("noise_aug_vs_interaction") == [f"{t}/{s}" for t in ("single", "dual") for s in SEPARATION]
    assert names("partition_ratio") == [f"{r}/{s}" for r in ("0.25", "0.35", "0.5") for s in SEPARATION]
    assert names("timestep_gap") == [f"{g}/{s}" for g in ("fixed=0.1", "fixed=0.3", "fixed=0.6", "independent") for s in SEPARATION]
    assert names("teacher") == ["interval", "min", "same"]
    assert names("alignment_axis") == [f"{a}/{s}" for a in ("width", "tokens") for s in SEPARATION]
    assert names("methods") == [*(name for name in METHODS if name != "repa"), "repa_random_encoder"]
    assert names("separation_modes") == [*SEPARATION, "noisy_reads_clean", "clean_reads_noisy", "shuffled"]
    assert names("overhead") == [f"{size}/{s}" for size in ("S", "B", "L") for s in SEPARATION]
    assert names("data_size") == [f"{n}/{t}/{s}" for n in (100, 300, 1438) for t in ("single", "dual") for s in SEPARATION]
    assert names("full_image_mixing") == [f"{w}/{s}" for w in ("0.0", "0.25") for s in SEPARATION]


@pytest.mark.parametrize("profile", [None, "smoke"])
def test_cells_that_the_sweeps_share_are_one_trial(profile: str | None) -> None:
    """Dual timesteps, independent, at a ratio of .25: whichever sweep runs first trains them for all four."""
    found = {}
    for stem, cell in (
        ("digits_1438", "dual"),
        ("partition_ratio", "0.25"),
        ("timestep_gap", "independent"),
        ("alignment_axis", "width"),
    ):
        sweep = load_sweep(FOLDER / f"{stem}.yaml", profile=profile)
        trials = expand(sweep, data_facts(sweep), gpu=False)
        found[stem] = [(t.fingerprint, t.evaluation_fingerprint, t.steps, t.seed) for t in trials if t.variant.startswith(f"{cell}/")]
    teacher = load_sweep(FOLDER / "teacher.yaml", profile=profile)
    shared = {t.fingerprint for t in expand(teacher, data_facts(teacher), gpu=False) if t.variant == "interval"}
    assert len(shared & {fingerprint for fingerprint, *_ in found["partition_ratio"]}) == len(teacher.spec.seeds)
    modes = load_sweep(FOLDER / "separation_modes.yaml", profile=profile)
    trials = expand(modes, data_facts(modes), gpu=False)
    found["separation_modes"] = [(t.fingerprint, t.evaluation_fingerprint, t.steps, t.seed) for t in trials if t.variant in SEPARATION]
    first, *others = found.values()
    assert len(first) == 2 * (2 if profile else 3)
    assert all(other == first for other in others)


def test_a_separated_cell_separates_its_teacher(sweep: LoadedSweep) -> None:
    for variant, config in sweep.configs:
        assert config.alignment.teacher.separated == (config.attention.separation != "none")
        if variant.levels.get("separation", UNUSED) != UNUSED:
            assert config.attention.separation == variant.levels["separation"]


def test_the_contrasts_of_the_main_question() -> None:
    for stem in ("noise_aug_vs_interaction", "digits_1438", "photographs"):
        spec = load_sweep(FOLDER / f"{stem}.yaml").spec
        found = {c.name: contrast_weights(c, variants_of(spec)) for c in spec.contrasts}
        assert {name: found[name] for name in WEIGHTS} == WEIGHTS, stem
        assert all(found[name] == SAMPLES[name] for name in found.keys() - WEIGHTS.keys()), stem


def test_the_sizes_whose_overhead_is_measured_are_the_presets() -> None:
    for variant, config in load_sweep(FOLDER / "overhead.yaml").configs:
        preset = config_from({"preset": f"{variant.levels['size']}/2"})
        assert config.backbone == preset.backbone.model_copy(update={"patch": 1})
        assert (config.alignment.student_layer, config.alignment.teacher.layer) == (
            preset.alignment.student_layer,
            preset.alignment.teacher.layer,
        )
