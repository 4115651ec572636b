"""The sizes that `plan` prints against the real modules and the real files."""

from pathlib import Path

import pytest

from model.config import TrainConfig
from model.presets import config_from
from model.train_trial import DataFacts, check
from sweeper.plan.cost import WIDEST_ENCODER, bytes_in_words, disk_need, kept_bytes, largest_bytes, parameters

LATENTS = DataFacts("x", channels=4, resolution=32, classes=1000, train=100, held_out=10)
DIGITS = DataFacts("x", channels=1, resolution=8, classes=10, train=100, held_out=10)


@pytest.mark.parametrize(
    ("config", "facts"),
    [
        (config_from({"preset": "nano"}), DIGITS),
        (config_from({"preset": "nano", "alignment": {"kind": "none"}}), DIGITS),
        (config_from({"preset": "nano", "backbone": {"qk_norm": True}}), DIGITS),
        (config_from({"preset": "nano", "alignment": {"head": False}}), DIGITS),
        (config_from({"preset": "nano", "method": "dit"}), DIGITS),
        (config_from({"preset": "nano", "alignment": {"kind": "external", "encoder": {"name": "vit", "weights": "none"}}}), DIGITS),
        (config_from({"preset": "S/2"}), LATENTS),
        (config_from({"preset": "S/8", "backbone": {"layers": 8}}), LATENTS),
    ],
    ids=["nano", "nano, unaligned", "nano, qk-norm", "nano, no head", "nano, dit", "nano, external", "S/2", "S/8, 8 layers"],
)
def test_parameters_are_counted_as_the_modules_have_them(config: TrainConfig, facts: DataFacts) -> None:
    import torch

    from model.alignment.features import head_of
    from model.backbone.transformer import DiffusionTransformer
    from model.noise.process import process_of

    backbone = config.backbone
    with torch.device("meta"), pytest.MonkeyPatch.context() as patch:
        patch.setattr("model.backbone.transformer.initialise", lambda *_, **__: None)
        patch.setattr("model.alignment.features.initialise", lambda *_, **__: None)
        tokens, values = (facts.resolution // backbone.patch) ** 2, facts.channels * backbone.patch**2
        outputs = process_of(config.process).outputs
        modules = [DiffusionTransformer(backbone, tokens=tokens, patch_values=values, classes=facts.classes, seed=0, outputs=outputs)]
        target_width = WIDEST_ENCODER if config.alignment.kind == "external" else backbone.width
        modules += [head_of(config.alignment, backbone.width, target_width, seed=0)] if config.alignment.kind != "none" else []
    assert parameters(config, facts) == sum(p.numel() for module in modules for p in module.parameters())


def test_a_published_size() -> None:
    """DiT-B/2 has 130 M parameters (2212.09748, table 4); half the final layer's outputs, since no variance is learned."""
    config = config_from({"preset": "B/2", "alignment": {"kind": "none"}})
    assert parameters(config, LATENTS) == pytest.approx(130e6, rel=0.01)


def test_the_disk_holds_two_checkpoints_the_one_that_is_written_and_the_average(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    from model.data.dataset import load
    from model.training.checkpoint import save, save_average
    from model.training.state import initial_state

    config = config_from({"preset": "nano"})
    data = load(config.data, config.backbone.patch, torch.device("cpu"), torch.float32)
    state = initial_state(config, data, torch.device("cpu"), torch.float32)
    sizes = []

    def on_disk() -> int:
        return sum(file.stat().st_size for file in tmp_path.iterdir())

    def ours() -> bool:
        sizes.append(on_disk())
        return True

    for step in (0, 10, 20):
        state.step = step
        save(state, tmp_path, "identity", ours)
    save_average(state, tmp_path, "identity")
    sizes.append(on_disk())
    facts = check(config)
    average = kept_bytes(config, facts, "average")
    assert max(sizes) == pytest.approx(largest_bytes(config, facts) - average, rel=0.03), "while the third was written"
    assert sizes[-1] == pytest.approx(2 * kept_bytes(config, facts, "resumable") - average, rel=0.03)
    assert kept_bytes(config, facts, "resumable") == 5 * average


def test_twelve_of_the_largest_trials() -> None:
    """What was 274 GiB: two checkpoints and an average of each for ever."""
    config = config_from({"preset": "XL/2"})
    sizes = {keep: (kept_bytes(config, LATENTS, keep), largest_bytes(config, LATENTS)) for keep in ("resumable", "average")}
    need = {keep: disk_need([size] * 12, concurrent=2) for keep, size in sizes.items()}
    assert bytes_in_words(12 * 9 * sizes["average"][0]) == "274 GiB"
    assert [bytes_in_words(need[keep].at_end) for keep in need] == ["152 GiB", "30 GiB"]
    assert [bytes_in_words(need[keep].meanwhile) for keep in need] == ["193 GiB", "91 GiB"]
    assert disk_need([], 2) == disk_need([], 1)
    assert disk_need([sizes["average"]], 8).meanwhile == sizes["average"][1], "one trial is one, however many fit"
