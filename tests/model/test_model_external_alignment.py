"""Alignment with a frozen encoder: a tiny vision transformer of timm with random weights, from features to a resumed trial."""

from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from pydantic import ValidationError
from safetensors.torch import save_file
from tiny_trials import batch_of, network_of, tiny
from torch import nn
from trial_reports import run

from model.alignment import encoders
from model.alignment.encoders import downloaded_weights, encoded_training_set, encoder_side, load_encoder
from model.alignment.features import encoder_head
from model.alignment.targets import AverageTarget, EncodedImages
from model.alignment.teacher import moving_average_of
from model.config.encoder import EncoderConfig
from model.data.dataset import DataSet
from model.errors import ConfigError, DataError
from model.objective import Objective
from model.patches import unpatchify
from model.reports import TrialReport
from model.timm_models import import_timm
from model.training import loop
from model.training.state import initial_state

NAME = "test_vit"
ENCODER = {"name": NAME, "weights": "none", "resolution": 64}
"""Patches of 16 pixels: 64 x 64 are the 4 x 4 tokens of a digit. Width 64."""
EXTERNAL: dict[str, Any] = {"alignment": {"kind": "external", "encoder": ENCODER, "teacher": {"layer": 3}}}


@pytest.fixture(scope="module")
def encoder() -> nn.Module:
    return load_encoder(EncoderConfig(**ENCODER), 64)


def test_features_are_those_of_the_clean_image(encoder: nn.Module, digits: DataSet) -> None:
    tokens = digits.train.tokens[:3]
    found, _ = encoded_training_set(EncoderConfig(**ENCODER), tokens, 2, 1)
    assert (found.shape, found.dtype, found.requires_grad) == ((3, 16, 64), torch.float64, False)
    pixels = (unpatchify(tokens, 2, 1).float() + 1) / 2
    coloured = torch.cat([pixels] * 3, dim=1)
    big = F.interpolate(coloured, (64, 64), mode="bicubic")
    for channel, (mean, std) in enumerate(zip((0.485, 0.456, 0.406), (0.229, 0.224, 0.225), strict=True)):
        big[:, channel] = (big[:, channel] - mean) / std
    with torch.no_grad():
        wanted = encoder.forward_features(big)[:, 1:]  # type: ignore[operator]
    torch.testing.assert_close(found.float(), wanted, rtol=1e-4, atol=1e-5)
    assert found.std(dim=(0, 1)).min() > 1e-3, "features differ between tokens and images"


def test_random_weights_are_the_same_each_time_and_leave_the_global_generator_alone(encoder: nn.Module) -> None:
    torch.manual_seed(3)
    again = load_encoder(EncoderConfig(**ENCODER), 64)
    assert all(torch.equal(a, b) for a, b in zip(encoder.parameters(), again.parameters(), strict=True))
    assert not any(p.requires_grad for p in again.parameters())
    assert not any(module.training for module in again.modules())


def test_the_default_side_is_that_of_the_paper() -> None:
    config = EncoderConfig(name=NAME, weights="none")
    assert [encoder_side(config, side) for side in (256, 512)] == [224, 448]


@pytest.mark.parametrize("resolution", [None, 32, 66])
def test_a_grid_that_is_not_ours_is_refused(resolution: int | None, digits: DataSet) -> None:
    side = resolution or 7
    rule = rf"{NAME} cuts {side} x {side} pixels into .* patches of 16, but an image here is 4 x 4 tokens"
    with pytest.raises(ConfigError, match=rule + r"; set alignment\.encoder\.resolution: 64"):
        encoded_training_set(EncoderConfig(name=NAME, weights="none", resolution=resolution), digits.train.tokens[:2], 2, 1)


def test_images_that_an_encoder_cannot_see_are_refused(digits: DataSet) -> None:
    with pytest.raises(ConfigError, match="data have 4 channels; use grey or RGB images"):
        encoded_training_set(EncoderConfig(**ENCODER), digits.train.tokens[:2], 1, 4)


@pytest.mark.parametrize("name", ["vit_of_nobody", "resnet18"])
def test_a_model_that_is_no_vision_transformer_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match=rf"alignment\.encoder\.name: {name} .*choose"):
        load_encoder(EncoderConfig(name=name, weights="none"), 64)


def test_external_needs_an_encoder() -> None:
    with pytest.raises(ValidationError, match=r"alignment\.kind: external needs a frozen encoder; name one, such as"):
        tiny(alignment={"kind": "external"})


def test_weights_of_a_file_go_by_their_content(tmp_path: Path, encoder: nn.Module) -> None:
    changed = {name: value + 0.01 for name, value in encoder.state_dict().items()}
    file = tmp_path / "weights.safetensors"
    save_file(changed, file)
    config = EncoderConfig(name=NAME, weights=str(file), resolution=64)
    loaded = load_encoder(config, 64)
    assert all(torch.equal(value, changed[name]) for name, value in loaded.state_dict().items())
    moved = tmp_path / "elsewhere.safetensors"
    moved.write_bytes(file.read_bytes())
    named = [tiny(EXTERNAL, alignment={"encoder": {"weights": str(path)}}) for path in (file, moved)]
    identities = [c.training_identity(content_hash="x", precision="fp32") for c in (*named, tiny(EXTERNAL))]
    assert identities[0] == identities[1] != identities[2]
    assert EncoderConfig.model_validate(config.model_dump(mode="json")) == config
    save_file({name: value + 0.02 for name, value in changed.items()}, file)
    with pytest.raises(DataError, match="changed since this trial was named"):
        load_encoder(config, 64)


def test_weights_that_do_not_fit_are_refused(tmp_path: Path, encoder: nn.Module) -> None:
    with pytest.raises(
        ValidationError, match=r"alignment\.encoder\.weights: .*nowhere cannot be read .*; give pretrained, none, or a file"
    ):
        EncoderConfig(name=NAME, weights=str(tmp_path / "nowhere"))
    torn = tmp_path / "torn.safetensors"
    torn.write_bytes(b"nothing")
    part = tmp_path / "part.safetensors"
    save_file({name: value for name, value in encoder.state_dict().items() if "blocks.5" not in name}, part)
    narrow = tmp_path / "narrow.safetensors"
    save_file({name: value[..., :-1].contiguous() for name, value in encoder.state_dict().items()}, narrow)
    for file, message in ((torn, "torn.safetensors cannot be read"), (part, r"lack blocks\.5\..* more"), (narrow, "of another model than")):
        with pytest.raises(DataError, match=message):
            load_encoder(EncoderConfig(name=NAME, weights=str(file)), 64)


def test_weights_for_another_side_have_their_positions_resized(tmp_path: Path) -> None:
    file = tmp_path / "large.safetensors"
    large = load_encoder(EncoderConfig(name=NAME, weights="none"), 160).state_dict()
    save_file(large, file)
    small = load_encoder(EncoderConfig(name=NAME, weights=str(file)), 64).state_dict()
    assert (tuple(large["pos_embed"].shape), tuple(small["pos_embed"].shape)) == ((1, 101, 64), (1, 17, 64))
    assert small["pos_embed"].std() > 0
    assert all(torch.equal(value, large[name]) for name, value in small.items() if name != "pos_embed")


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> dict[str, float | None]:
    """Without a network here, its place is taken by a stand-in: the bias of what `pretrained` brings, None where nothing answers."""
    timm = import_timm()
    create = timm.create_model
    held: dict[str, float | None] = {"bias": 0.25}

    def fetched(name: str, *, pretrained: bool, **more: Any) -> nn.Module:
        if pretrained and held["bias"] is None:
            raise OSError("no route to host")
        with torch.random.fork_rng(devices=()):
            torch.manual_seed(0)
            model: nn.Module = create(name, pretrained=False, **more)
        if pretrained and held["bias"] is not None:
            nn.init.constant_(model.get_parameter("norm.bias"), held["bias"])
        return model

    monkeypatch.setattr(timm, "create_model", fetched)
    return held


def test_pretrained_weights_are_those_of_the_name(hub: dict[str, float | None]) -> None:
    config = EncoderConfig(name=NAME)
    assert (config.weights, config.weights_hash) == ("pretrained", "pretrained")
    assert (load_encoder(config, 64).get_parameter("norm.bias") == 0.25).all()
    hub["bias"] = None
    with pytest.raises(
        DataError, match=rf"the pretrained weights of {NAME} cannot be read \(no route to host\); give alignment\.encoder\.weights"
    ):
        load_encoder(config, 64)


def test_what_pretrained_was_found_to_mean_is_its_content_at_any_side(hub: dict[str, float | None], encoder: nn.Module) -> None:
    config = EncoderConfig(name=NAME)
    named = [downloaded_weights(config, load_encoder(config, side)) for side in (64, 160)]
    assert named[0] == named[1]
    assert named[0].startswith(f"{NAME} ")
    hub["bias"] = 0.5
    assert downloaded_weights(config, load_encoder(config, 64)) != named[0]
    assert downloaded_weights(EncoderConfig(**ENCODER), encoder) == "", "it is in the trial's name"


@pytest.mark.usefixtures("classifier")
def test_pretrained_weights_replaced_since_a_trial_began_end_it(hub: dict[str, float | None], tmp_path: Path, cache: Path) -> None:
    config = tiny(EXTERNAL, alignment={"encoder": {"weights": "pretrained"}}, precision="fp32")
    first = run(config, tmp_path / "attempt-1", cache, stop=lambda report: report.kind == "checkpoint")
    before = first.started().details["comparability"]["encoder"]
    assert run(config, tmp_path / "attempt-2", cache, resume_from=[first.folder]).started().step > 0
    hub["bias"] = 0.5
    with pytest.raises(DataError) as caught:
        run(config, tmp_path / "attempt-3", cache, resume_from=[first.folder])
    now = run(config, tmp_path / "fresh", cache).started().details["comparability"]["encoder"]
    assert before != now
    assert f"they were {before}, and are {now}; put the old ones back, or start over with --fresh" in str(caught.value)
    assert list((tmp_path / "attempt-3").glob("checkpoint-*")) == []
    assert "encoder" not in run(tiny(EXTERNAL), tmp_path / "random", cache).started().details["comparability"]


def test_the_loss_of_a_batch_by_hand(digits: DataSet) -> None:
    """Features of the right images, in the token order of the batch."""
    config = tiny(EXTERNAL, timesteps={"kind": "dual"}, attention={"separation": "full"})
    batch = batch_of(config)
    encoded = torch.randn(20, 16, 64, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    student, head = network_of(config), encoder_head(16, 2048, 64, 0).double()
    average = moving_average_of(student)
    images = torch.tensor([4, 0, 19, 4, 7, 2])
    objective = Objective(config, student, head, average, EncodedImages(encoded))  # type: ignore[arg-type]
    found = objective(batch.data, batch.labels, batch.draws, images=images)
    seen: list[torch.Tensor] = []
    hook = head.register_forward_hook(lambda _module, _given, out: seen.append(out))
    objective(batch.data, batch.labels, batch.draws, images=images)
    hook.remove()
    by_hand = 0.0
    for n in range(6):
        for place in range(16):
            target = encoded[images[n], batch.draws.order[n, place]]
            by_hand += 1 - (seen[0][n, place] @ target / (seen[0][n, place].norm() * target.norm())).item()
    assert found.alignment is not None
    assert found.alignment.item() == pytest.approx(by_hand / 96, rel=1e-10)
    assert found.total.item() == pytest.approx(found.generation.item() + 0.5 * found.alignment.item(), rel=1e-12)


def test_self_and_external_are_two_sources_of_one_thing(digits: DataSet) -> None:
    cpu = torch.device("cpu")
    external, own = (initial_state(tiny(change), digits, cpu, torch.float64).objective for change in (EXTERNAL, {}))
    assert (type(external.target), type(own.target)) == (EncodedImages, AverageTarget)
    assert initial_state(tiny(alignment={"kind": "none"}), digits, cpu, torch.float64).objective.target is None
    shared = zip(external.student.parameters(), own.student.parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in shared), "the student starts alike"


@pytest.mark.usefixtures("classifier")
@pytest.mark.parametrize("precision", ["fp32", "float64"])
def test_six_steps_are_three_and_three(precision: str, tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "ALIVE_SECONDS", -1.0)
    config = tiny(EXTERNAL, precision=precision)
    whole = run(config, tmp_path / "whole", cache)

    def at_three(report: TrialReport) -> bool:
        return report.kind == "alive" and report.step == 3

    stopped = run(config, tmp_path / "attempt-1", cache, stop=at_three)
    resumed = run(config, tmp_path / "attempt-2", cache, resume_from=[stopped.folder])
    assert (stopped.result.step, resumed.started().step) == (3, 3)
    assert stopped.of("points") + resumed.of("points") == whole.of("points")
    for name in ("checkpoint-00000006.safetensors", "average-00000006.safetensors"):
        ours, theirs = resumed.tensors(name), whole.tensors(name)
        assert ours.keys() == theirs.keys()
        assert all(torch.equal(ours[key], value) for key, value in theirs.items())
    kept = whole.tensors("checkpoint-00000006.safetensors")
    assert {name.split("/")[1] for name in kept if name.startswith("train/")} == {"student", "head"}, "the encoder is in no checkpoint"
    (first, *_, last) = [metrics["align_loss"] for _, metrics in whole.of("points") if "align_loss" in metrics]
    assert last < first, "the student learns what the encoder sees"


def test_images_are_encoded_once(digits: DataSet, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    encode = encoders.encode

    def counted(*given: Any) -> torch.Tensor:
        calls.append(len(given[1]))
        return encode(*given)

    monkeypatch.setattr(encoders, "encode", counted)
    initial_state(tiny(EXTERNAL), digits, torch.device("cpu"), torch.float64)
    assert sum(calls) == len(digits.train)


def test_timm_is_imported_in_one_place() -> None:
    root = Path(encoders.__file__).parents[1]
    assert [p.name for p in root.rglob("*.py") if "import timm\n" in p.read_text()] == ["timm_models.py"]
    assert import_timm().__name__ == "timm"
