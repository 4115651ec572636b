"""FD in DINOv2's features and CMMD: their formulas, what is done to a picture, and small networks of the same layout."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import huggingface_hub.constants
import numpy as np
import numpy.typing as npt
import pytest
import torch
from PIL import Image
from pydantic import ValidationError
from safetensors.torch import save_file
from tiny_extractors import CPU, counting, nothing
from tiny_trials import tiny
from torch import Tensor, nn

from model.config import TrainConfig
from model.config.extractor import DINOV2_WEIGHTS, ClipExtractor, Dinov2Extractor
from model.data.dataset import DataSet
from model.errors import DataError
from model.evaluation.cmmd import cmmd
from model.evaluation.distances import Moments, frechet_distance
from model.evaluation.extractors import FeatureExtractor, load_extractor
from model.evaluation.published_features import IMAGENET, OPENAI, resized_by_pillow, resized_positions
from model.evaluation.reference import load_or_make_reference
from model.evaluation.sample_metrics import sample_metrics
from model.sampling.archive import to_pixels
from model.timm_models import import_timm, load_timm_model

CLIP, DINOV2 = ClipExtractor(kind="clip", weights="none"), Dinov2Extractor(kind="dinov2", weights="none")
RNG = np.random.default_rng(0)
DEPTH, WIDTH = 2, 16


def published(x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]) -> float:
    """The formula of the authors' distance.py, in numpy."""
    gamma = 1 / (2 * 10**2)
    x_sq, y_sq = np.diag(x @ x.T), np.diag(y @ y.T)
    k_xx = np.exp(-gamma * (-2 * x @ x.T + x_sq[:, None] + x_sq[None, :])).mean()
    k_xy = np.exp(-gamma * (-2 * x @ y.T + x_sq[:, None] + y_sq[None, :])).mean()
    k_yy = np.exp(-gamma * (-2 * y @ y.T + y_sq[:, None] + y_sq[None, :])).mean()
    return float(1000 * (k_xx + k_yy - 2 * k_xy))


def unit(n: int, width: int = 6) -> npt.NDArray[np.float64]:
    points = RNG.normal(size=(n, width)) + 0.5
    return np.asarray(points / np.linalg.norm(points, axis=1, keepdims=True))


def pictures(n: int, side: int) -> Tensor:
    """Images (n, 3, side, side) in [-1, 1]."""
    return torch.from_numpy(RNG.uniform(-1, 1, (n, 3, side, side))).float()


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """timm makes both networks of their own layout, but of 2 blocks and 16 numbers; all else it does as always."""
    vits = import_timm().models.vision_transformer
    whole = vits._create_vision_transformer

    def made(name: str, pretrained: bool = False, **layout: Any) -> nn.Module:
        network: nn.Module = whole(name, pretrained, **layout | {"embed_dim": WIDTH, "depth": DEPTH, "num_heads": 2})
        return network

    monkeypatch.setattr(vits, "_create_vision_transformer", made)


def extractor_of(config: ClipExtractor | Dinov2Extractor) -> FeatureExtractor:
    found = load_extractor(config, CPU)
    assert found is not None
    return found


def weights_of(config: ClipExtractor | Dinov2Extractor) -> dict[str, Tensor]:
    """Some of its network: others than `none` has, and not zero where that has zeros."""
    network = load_timm_model(config, "{error}", 768 if config.kind == "clip" else 0)
    torch.manual_seed(1)
    sizes = {"pos_embed": 3.0}  # what is done to positions shows
    return {name: torch.randn_like(value) * sizes.get(name, 0.3) for name, value in network.state_dict().items()}


@pytest.mark.parametrize("rows", [1000, 23, 17, 5, 1])
def test_cmmd_is_that_of_the_published_code_whatever_the_blocks(rows: int) -> None:
    x, y = unit(23), -unit(17)
    ticks: list[None] = []
    assert cmmd(torch.from_numpy(x), torch.from_numpy(y), lambda: ticks.append(None), rows) == pytest.approx(published(x, y), rel=1e-9)
    assert len(ticks) == 2 * math.ceil(23 / rows) + math.ceil(17 / rows), "it says that it lives at every block"
    assert cmmd(torch.from_numpy(x), torch.from_numpy(x), nothing, rows) == pytest.approx(0, abs=1e-9)


def test_cmmd_of_two_opposite_points_is_in_closed_form() -> None:
    x = torch.tensor([[1.0, 0.0]])
    assert cmmd(x, -x, nothing) == pytest.approx(1000 * (2 - 2 * math.exp(-4 / 200)), rel=1e-12)


@pytest.mark.parametrize("side", [32, 20, 48])
def test_a_picture_is_shown_as_the_papers_show_it(side: int) -> None:
    """DINOv2's by the authors' own torchvision calls; CMMD's as its io_util.py reads a square file."""
    import_timm()  # lets torchvision be imported
    from torchvision import transforms

    images = pictures(2, 32)
    files = [Image.fromarray(pixels) for pixels in to_pixels(images)]
    bicubic = transforms.InterpolationMode.BICUBIC
    wanted = transforms.Compose(
        [transforms.Resize((side, side), bicubic), transforms.ToTensor(), transforms.Normalize(*map(np.array, IMAGENET))]
    )
    torch.testing.assert_close(resized_by_pillow(images, side, IMAGENET), torch.stack([wanted(file) for file in files]), rtol=0, atol=1e-6)
    read = np.stack([np.asarray(file.resize((side, side), resample=Image.Resampling.BICUBIC)).astype(np.float32) for file in files])
    normal = (read / 255.0 - np.array(OPENAI[0])) / np.array(OPENAI[1])
    np.testing.assert_allclose(resized_by_pillow(images, side, OPENAI).permute(0, 2, 3, 1).numpy(), normal, rtol=0, atol=1e-6)


def test_positions_are_those_of_dinov2s_own_code() -> None:
    """Its interpolate_pos_encoding for 16 x 16 of 37 x 37; a grid of the same size is left alone."""
    positions = torch.randn(1, 37 * 37, 4, generator=torch.Generator().manual_seed(0))
    w0 = 224 // 14 + 0.1
    wanted = nn.functional.interpolate(
        positions.reshape(1, 37, 37, 4).permute(0, 3, 1, 2), scale_factor=(w0 / math.sqrt(1369), w0 / math.sqrt(1369)), mode="bicubic"
    )
    torch.testing.assert_close(resized_positions(positions, 16), wanted.permute(0, 2, 3, 1).reshape(1, -1, 4))
    assert resized_positions(positions, 37) is positions
    constant = torch.ones(1, 37 * 37, 4) * torch.arange(4.0)
    torch.testing.assert_close(resized_positions(constant, 16), torch.ones(1, 256, 4) * torch.arange(4.0))


def blocks_by_hand(state: dict[str, Tensor], tokens: Tensor, eps: float, activation: Callable[[Tensor], Tensor]) -> Tensor:
    """A vision transformer's blocks and last norm, on tokens (n, T, D) that have their positions."""
    functional, half = nn.functional, WIDTH // 2
    for at in (f"blocks.{block}." for block in range(DEPTH)):
        of = {name.removeprefix(at): value for name, value in state.items() if name.startswith(at)}
        normed = functional.layer_norm(tokens, (WIDTH,), of["norm1.weight"], of["norm1.bias"], eps)
        qkv = functional.linear(normed, of["attn.qkv.weight"], of["attn.qkv.bias"]).unflatten(-1, (3, 2, half)).permute(2, 0, 3, 1, 4)
        read = (qkv[0] @ qkv[1].transpose(-1, -2) / math.sqrt(half)).softmax(dim=-1) @ qkv[2]
        out = functional.linear(read.transpose(1, 2).flatten(2), of["attn.proj.weight"], of["attn.proj.bias"])
        tokens = tokens + out * of.get("ls1.gamma", torch.ones(WIDTH))
        normed = functional.layer_norm(tokens, (WIDTH,), of["norm2.weight"], of["norm2.bias"], eps)
        hidden = activation(functional.linear(normed, of["mlp.fc1.weight"], of["mlp.fc1.bias"]))
        tokens = tokens + functional.linear(hidden, of["mlp.fc2.weight"], of["mlp.fc2.bias"]) * of.get("ls2.gamma", torch.ones(WIDTH))
    return functional.layer_norm(tokens, (WIDTH,), state["norm.weight"], state["norm.bias"], eps)


def test_dinov2s_features_are_those_of_its_published_forward(small: None, tmp_path: Path) -> None:
    """dinov2/models/vision_transformer.py, written out: LayerNorm's 1e-6, GELU, scaled residuals, the normed class token."""
    state = weights_of(DINOV2)
    save_file(state, tmp_path / "some.safetensors")
    images = pictures(2, 40)
    found, logits = extractor_of(Dinov2Extractor(kind="dinov2", weights=str(tmp_path / "some.safetensors"))).extract([images], nothing)
    shown = resized_by_pillow(images, 224, IMAGENET)
    patches = nn.functional.conv2d(shown, state["patch_embed.proj.weight"], state["patch_embed.proj.bias"], stride=14)
    positions = torch.cat([state["pos_embed"][:, :1], resized_positions(state["pos_embed"][:, 1:], 16)], dim=1)
    tokens = torch.cat([state["cls_token"].expand(2, -1, -1), patches.flatten(2).transpose(1, 2)], dim=1) + positions
    wanted = blocks_by_hand(state, tokens, 1e-6, nn.functional.gelu)[:, 0]
    assert logits is None
    assert "blocks.0.ls1.gamma" in state
    torch.testing.assert_close(found.float(), wanted, rtol=1e-3, atol=1e-4)


def test_clips_embeddings_are_those_of_openais_forward(small: None, tmp_path: Path) -> None:
    """scenic's clip/layers.py, which CMMD runs, written out; the file in OpenAI's names, and of timm's."""
    state = weights_of(CLIP)
    state["head.bias"] = torch.zeros(768)
    save_file(state, tmp_path / "timm.safetensors")
    swaps = (
        ("patch_embed.proj", "conv1"), ("norm_pre", "ln_pre"), ("blocks.", "transformer.resblocks."), ("mlp.fc1", "mlp.c_fc"),
        ("mlp.fc2", "mlp.c_proj"), ("attn.proj", "attn.out_proj"), ("attn.qkv.", "attn.in_proj_"), (".norm", ".ln_"),
    )  # fmt: skip
    theirs = {"proj": state["head.weight"].T, "class_embedding": state["cls_token"][0, 0], "positional_embedding": state["pos_embed"][0]}
    for name, value in state.items():
        if name in ("head.weight", "head.bias", "cls_token", "pos_embed"):
            continue
        renamed = name if not name.startswith("norm.") else name.replace("norm.", "ln_post.")
        for ours, openais in swaps:
            renamed = renamed.replace(ours, openais)
        theirs[renamed] = value
    save_file({f"visual.{name}": value.contiguous() for name, value in theirs.items()}, tmp_path / "openai.safetensors")

    images = pictures(2, 40)
    shown = resized_by_pillow(images, 336, OPENAI)
    patches = nn.functional.conv2d(shown, state["patch_embed.proj.weight"], stride=14).flatten(2).transpose(1, 2)
    tokens = torch.cat([state["cls_token"].expand(2, -1, -1), patches], dim=1) + state["pos_embed"]
    tokens = nn.functional.layer_norm(tokens, (WIDTH,), state["norm_pre.weight"], state["norm_pre.bias"], 1e-5)
    last = blocks_by_hand(state, tokens, 1e-5, lambda x: x * torch.sigmoid(1.702 * x))[:, 0]
    embedded = last @ state["head.weight"].T
    for file in ("timm", "openai"):
        found, _ = extractor_of(ClipExtractor(kind="clip", weights=str(tmp_path / f"{file}.safetensors"))).extract([images], nothing)
        torch.testing.assert_close(found.float(), embedded / embedded.norm(dim=-1, keepdim=True), rtol=1e-3, atol=1e-5)
        torch.testing.assert_close(found.norm(dim=-1), torch.ones(2, dtype=torch.float64))


def asked(extractor: ClipExtractor | Dinov2Extractor, *extra: str) -> TrainConfig:
    return tiny(evaluation={"samples": 9, "extractor": extractor.model_dump(mode="json"), "extra_metrics": list(extra)})


def test_a_trials_metrics_are_in_them(small: None, few: DataSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The wired path, from the config to the numbers: real images kept once, and cmmd only where it is asked for."""
    monkeypatch.setattr("model.evaluation.extractors.CLIP_WIDTH", 12)  # the distance of 768 features takes seconds
    generated = pictures(9, 8)
    for extractor in (CLIP, DINOV2):
        config = asked(extractor, *(["cmmd"] if extractor is CLIP else []))
        eye = extractor_of(extractor)
        real, samples = eye.extract_tokens(few.train.tokens, 2, 3, nothing)[0], eye.extract([generated], nothing)[0]
        load_or_make_reference(config.evaluation, few, 2, eye, tmp_path, nothing)
        again, shown = counting(eye)
        held = load_or_make_reference(config.evaluation, few, 2, again, tmp_path, nothing)
        assert shown == [], "real images are looked at once"
        metrics, details = sample_metrics(config.evaluation, config.feature_metrics, held, {"extractor": samples}, CPU, nothing)
        distance = frechet_distance(Moments.of(real.numpy()), Moments.of(samples.numpy()))
        assert metrics[f"fd_{extractor.kind}_random"] == pytest.approx(distance, rel=1e-6)
        if extractor is CLIP:
            assert metrics["cmmd_clip_random"] == pytest.approx(published(real.numpy(), samples.numpy()), rel=1e-6)
            assert details["cmmd_reference_n"] == 32
        assert set(metrics) == set(config.feature_metrics)
    assert load_or_make_reference(asked(CLIP).evaluation, few, 2, extractor_of(CLIP), tmp_path, nothing).embeddings is None
    assert len(list(tmp_path.glob("embeddings-*.safetensors"))) == 1


def test_weights_of_the_hub_are_found_without_a_network(small: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the message says to put CLIP's, and what is said before they are there."""
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    give = r"cannot be read \(.*\); give evaluation\.extractor\.weights: "
    with pytest.raises(DataError, match=rf"weights of vit_large_patch14_dinov2\.lvd142m {give}dinov2_vitl14_pretrain\.pth of facebook"):
        extractor_of(Dinov2Extractor(kind="dinov2"))
    clip = rf"quickgelu_336\.openai {give}a file of them, for results named cmmd_clip_other; or put timm/vit_large_patch14_clip_336\.openai"
    with pytest.raises(DataError, match=clip):
        extractor_of(ClipExtractor(kind="clip"))
    images = pictures(1, 16)
    for config, repository in ((CLIP, "vit_large_patch14_clip_336.openai"), (DINOV2, "vit_large_patch14_dinov2.lvd142m")):
        folder = tmp_path / f"models--timm--{repository}"
        (folder / "snapshots" / "abc").mkdir(parents=True)
        (folder / "refs").mkdir()
        (folder / "refs" / "main").write_text("abc")
        save_file(weights_of(config), folder / "snapshots" / "abc" / "model.safetensors")
        by_name = extractor_of(type(config).model_validate({"kind": config.kind}))
        by_file = extractor_of(
            type(config).model_validate({"kind": config.kind, "weights": str(folder / "snapshots" / "abc" / "model.safetensors")})
        )
        assert by_name.name == by_file.name != extractor_of(config).name
        assert torch.equal(by_name.extract([images], nothing)[0], by_file.extract([images], nothing)[0])


def test_a_name_is_that_of_published_weights_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    metas, other = tmp_path / "metas.pth", tmp_path / "dinov2_vitl14_pretrain.pth"
    for file in (metas, other):
        file.touch()
    monkeypatch.setattr("model.config.frozen._hash_of", lambda path, *_: DINOV2_WEIGHTS[:16] if path == metas else "0" * 16)

    def names(*extra: str, **extractor: str) -> tuple[str, ...]:
        return tiny(evaluation={"samples": 30, "extractor": extractor, "extra_metrics": list(extra)}).feature_metrics

    assert names("kid", "fd_infinity", kind="dinov2") == ("fd_dinov2", "fd_infinity_dinov2", "kid_dinov2")
    assert names(kind="dinov2", weights=str(metas)) == ("fd_dinov2",)
    assert names(kind="dinov2", weights=str(other)) == ("fd_dinov2_other",), "a name is not its content"
    assert names(kind="dinov2", weights="none") == ("fd_dinov2_random",)
    assert names("cmmd", kind="clip") == ("fd_clip", "cmmd")
    assert names("cmmd", kind="clip", weights=str(other)) == ("fd_clip_other", "cmmd_clip_other")
    assert names("cmmd", kind="clip", weights="none") == ("fd_clip_random", "cmmd_clip_random")
    of_timm = {"kind": "timm", "name": "vit_large_patch14_dinov2.lvd142m"}
    assert names(**of_timm) == ("fd_vit_large_patch14_dinov2.lvd142m",), "timm's own protocol, at 518 x 518"


def test_what_means_nothing_is_refused() -> None:
    with pytest.raises(ValidationError, match=r"cmmd is in CLIP's embeddings, but evaluation.extractor.kind is dinov2; set"):
        asked(DINOV2, "cmmd")
    with pytest.raises(ValidationError, match=r"Input should be 'vit_large_patch14_dinov2.lvd142m'"):
        tiny(evaluation={"extractor": {"kind": "dinov2", "name": "vit_small_patch14_dinov2.lvd142m"}})
    identities = {str(asked(of).evaluation_identity(content_hash="x")) for of in (CLIP, DINOV2, ClipExtractor(kind="clip"))}
    assert len(identities) == 3
