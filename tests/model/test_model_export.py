"""Weights on their way out: what the authors' code makes of them is what our network makes of them."""

from pathlib import Path
from typing import Any

import pytest
import torch
from authors_transformer import AuthorsTransformer
from safetensors.torch import load_file, save_file
from torch import Tensor

from model.backbone.checkpoints import load_network
from model.backbone.export import ensure_exports, exported
from model.backbone.families import FAMILIES
from model.backbone.transformer import DiffusionTransformer
from model.config.backbone import BackboneConfig
from model.config.evaluation import EvaluationConfig
from model.config.noise import ProcessConfig
from model.errors import ConfigError
from model.export_trial import export_weights
from model.grouping import Grouping
from model.patches import patchify, unpatchify
from model.sample_trial import Subject

CHANNELS, CLASSES = 3, 5
CONFIG = BackboneConfig(patch=2, layers=2, width=16, heads=2)
NORMALISED = CONFIG.model_copy(update={"qk_norm": True})
SIGMA = {"sit": True, "dit": True}
"""Families whose released code has rows of sigma on small images."""
CASES = [(name, config) for name, table in FAMILIES.items() if name != "ours" for config in (CONFIG, NORMALISED)[: 1 + table.qk_norm]]


def network_of(family: str, config: BackboneConfig = CONFIG, side: int = 8) -> DiffusionTransformer:
    """Nothing in it is zero."""
    outputs = 2 if FAMILIES[family].process == "ddpm" else 1
    network = DiffusionTransformer(config, tokens=(side // 2) ** 2, patch_values=CHANNELS * 4, classes=CLASSES, seed=0, outputs=outputs)
    generator = torch.Generator().manual_seed(4)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(0.25 * torch.randn(parameter.shape, generator=generator))
    return network


def predicted(network: DiffusionTransformer, images: Tensor, t: Tensor, labels: Tensor) -> Tensor:
    patch = 2
    found, _ = network.double()(patchify(images, patch), t[:, None], labels, Grouping.whole((images.shape[-1] // patch) ** 2))
    return unpatchify(found, patch, found.shape[-1] // patch**2)


def authors(family: str, weights: dict[str, Tensor], config: BackboneConfig, side: int, learned_sigma: bool) -> AuthorsTransformer:
    convolution = family != "self_flow"
    module = AuthorsTransformer(config, channels=CHANNELS, side=side, classes=CLASSES, learned_sigma=learned_sigma, convolution=convolution)
    module.load_state_dict(weights)  # strictly: every name and every shape
    assert module.positions_are_the_papers()
    return module.double()


@pytest.mark.parametrize("side", [8, 64])
@pytest.mark.parametrize(("family", "config"), CASES, ids=str)
def test_the_authors_module_does_what_ours_does(family: str, config: BackboneConfig, side: int) -> None:
    network = network_of(family, config, side)
    weights = exported(network, family, channels=CHANNELS, patch=2)
    module = authors(family, weights, config, side, learned_sigma=SIGMA.get(family, False) and (family == "dit" or side < 64))
    generator = torch.Generator().manual_seed(9)
    images, labels = torch.randn(3, CHANNELS, side, side, dtype=torch.float64, generator=generator), torch.tensor([1, CLASSES, 0])
    t = torch.tensor([999.0, 40.0, 0.0] if family == "dit" else [1.0, 0.3, 0.0]).double()
    wanted = predicted(network, images, t, labels)
    assert wanted.std() > 0.1
    turned = family in ("sit", "self_flow")
    produced = module(images, 1 - t if turned else t, labels)
    sign = -1 if turned else 1
    torch.testing.assert_close(sign * produced[:, : wanted.shape[1]], wanted, rtol=1e-5, atol=1e-5)
    assert not produced[:, wanted.shape[1] :].any(), "a sigma that was never learned is zero"


@pytest.mark.parametrize("family", FAMILIES)
def test_out_and_in_again_is_the_same_network(family: str, tmp_path: Path) -> None:
    network = network_of(family)
    save_file(exported(network, family, channels=CHANNELS, patch=2), tmp_path / "a.safetensors")
    outputs = 2 if family == "dit" else 1
    back = load_network(tmp_path / "a.safetensors", family, CONFIG, channels=CHANNELS, resolution=8, classes=CLASSES, outputs=outputs)
    exact = not FAMILIES[family].reversed_time
    for (name, mine), (_, theirs) in zip(network.state_dict().items(), back.state_dict().items(), strict=True):
        assert torch.equal(mine, theirs) if exact or name != "t_embedder.mlp.0.weight" else torch.allclose(mine, theirs, atol=1e-6), name


@pytest.mark.parametrize(
    ("family", "config", "process", "said"),
    [
        ("sit", CONFIG, "ddpm", "the code of family sit samples process flow, and .* with process.kind ddpm; choose dit"),
        ("dit", CONFIG, "flow", "the code of family dit samples process ddpm, and .* process.kind flow; choose sit, sra, repa or"),
        ("sit", NORMALISED, "flow", r"the code of family sit has no normalised queries and keys, .* \(backbone.qk_norm\); choose .* repa"),
        ("sti", CONFIG, "flow", "there is no checkpoint family 'sti'"),
    ],
)
def test_what_a_family_cannot_have_is_refused(family: str, config: BackboneConfig, process: Any, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        ensure_exports(family, config, ProcessConfig(kind=process))


def test_every_network_that_can_be_read_in_can_be_written_out() -> None:
    for name, table in FAMILIES.items():
        ensure_exports(name, CONFIG, ProcessConfig(kind=table.process))


class TestFile:
    def subject(self, **changes: Any) -> Subject:
        return Subject(CONFIG, CHANNELS, 8, CLASSES, ProcessConfig(**changes), EvaluationConfig())

    def average(self, folder: Path) -> Path:
        save_file(network_of("sit").state_dict(), folder / "average.safetensors")
        return folder / "average.safetensors"

    @pytest.mark.parametrize("suffix", ["pt", "safetensors"])
    def test_weights_alone_or_as_an_average(self, suffix: str, tmp_path: Path) -> None:
        said: list[str] = []
        output = tmp_path / "there" / f"x.{suffix}"
        export_weights(self.subject(), self.average(tmp_path), "sit", output, said.append)
        held = torch.load(output, weights_only=True)["ema"] if suffix == "pt" else load_file(output)
        wanted = exported(network_of("sit"), "sit", channels=CHANNELS, patch=2)
        assert held.keys() == wanted.keys()
        assert all(torch.equal(held[name], tensor) for name, tensor in wanted.items())
        assert [path.name for path in output.parent.iterdir()] == [output.name]
        assert said[0].startswith(f"{tmp_path / 'average.safetensors'} is in {output}, as the code of sit loads it (2401.08740")
        assert said[1:] == ["its time runs the other way, t = 1 is data there: the weights are turned so that both draw the same"]

    def test_heads_and_paths_are_spoken_of(self, tmp_path: Path) -> None:
        said: list[str] = []
        export_weights(self.subject(path="cosine"), self.average(tmp_path), "repa", tmp_path / "x.pt", said.append)
        assert said[1:] == [
            "its heads for training (projectors) are not in it: load_state_dict(weights, strict=False)",
            "it was trained on the cosine path: ask the sampler of repa for that one",
        ]

    def test_a_refusal_writes_nothing(self, tmp_path: Path) -> None:
        average = self.average(tmp_path)
        with pytest.raises(ConfigError, match=r"x.bin: weights are written to .pt or .safetensors"):
            export_weights(self.subject(), average, "sit", tmp_path / "x.bin", print)
        with pytest.raises(ConfigError, match="choose dit"):
            export_weights(self.subject(kind="ddpm"), average, "sit", tmp_path / "x.pt", print)
        assert [path.name for path in tmp_path.iterdir()] == [average.name]
