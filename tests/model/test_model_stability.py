"""Signs of trouble: loss spikes against a reference in numpy, attention logits against dense ones, and neither moves a weight."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny_trials import CELLS, IMAGES, batch_of, objective_of, tiny
from torch.testing import assert_close
from trial_reports import run

from model.backbone import attention
from model.backbone.attention import Attention, largest_logit
from model.data.dataset import DataSet
from model.data.examples import Examples
from model.grouping import Segment
from model.training import durable_file
from model.training.attention_logits import PROBED, largest_attention_logit
from model.training.spikes import FAR, WINDOW, LossSpikes

CPU = torch.device("cpu")


def test_spikes_are_losses_far_above_the_median_of_the_steps_before() -> None:
    losses = np.random.default_rng(0).normal(1.0, 0.05, size=300)
    losses[[10, 70, 71, 200]] = [3.0, 1.6, 2.0, np.nextafter(1.0, 2)]
    spikes, wanted = LossSpikes(CPU), []
    for step, loss in enumerate(losses):
        before = losses[max(0, step - WINDOW) : step]
        usual = np.median(before) if len(before) else np.inf
        spread = np.median(abs(before - usual)) if len(before) else np.inf
        counted, known = spikes.count.item(), len(before) == WINDOW
        spikes.look(torch.tensor(loss), step)
        if known:
            near = abs(loss - usual - FAR * spread) < 0.02  # torch's median of an even number is the lower of the middle two
            wanted.append(near or (spikes.count.item() > counted) == (loss > usual + FAR * spread))
    assert all(wanted)
    assert spikes.count == 2, "the first came before there was anything to compare it with"


def test_a_half_empty_window_counts_nothing() -> None:
    spikes = LossSpikes(CPU)
    for step in range(WINDOW // 2 - 1):
        spikes.look(torch.tensor(1.0 + step % 2), step)
    spikes.look(torch.tensor(1e9), WINDOW // 2 - 1)
    assert spikes.count == 0


MASK = torch.rand(3, 1, 6, 5, generator=torch.Generator().manual_seed(0)) < 0.5
SEGMENTS = {
    "all": (Segment(),),
    "slices": (Segment(queries=slice(0, 2), keys=slice(0, 2)), Segment(queries=slice(2, 6), keys=slice(2, 6))),
    "images": (Segment(images=slice(0, 1)), Segment(slice(1, 3), slice(0, 4), slice(0, 4)), Segment(slice(1, 3), slice(4, 6), slice(4, 6))),
    "mask": (Segment(keys=slice(1, 6), mask=MASK),),
    "a mask for all queries": (Segment(keys=slice(1, 6), mask=MASK[:, :, :1]),),
}


@pytest.mark.parametrize("held", [2**24, 40])
@pytest.mark.parametrize("segments", SEGMENTS.values(), ids=SEGMENTS)
def test_the_largest_logit_is_that_of_dense_attention(segments: tuple[Segment, ...], held: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attention, "LOGITS_HELD", held)
    q, k = torch.randn(2, 3, 2, 6, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    read = torch.zeros(3, 1, 6, 6, dtype=torch.bool)
    for s in segments:
        read[s.images, :, s.queries, s.keys] = True if s.mask is None else s.mask
    dense = (torch.einsum("nhqd,nhkd->nhqk", q, k) / 2).masked_fill(~read, -torch.inf)
    assert_close(largest_logit(q, k, segments), dense.max(), rtol=1e-12, atol=0)


@pytest.mark.parametrize("cell", CELLS)
def test_the_probe_sees_the_student_as_it_trains(cell: str, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tiny(CELLS[cell])
    objective, batch = objective_of(config), batch_of(config, step=3)
    data = Examples(batch.data, batch.labels)
    seen: list[tuple[int, float]] = []
    plain = Attention.forward

    def forward(self: Attention, x: torch.Tensor, segments: Any) -> torch.Tensor:
        seen.append((id(self), self.largest_logit(x, segments).item()))
        return plain(self, x, segments)

    monkeypatch.setattr(Attention, "forward", forward)
    found = largest_attention_logit(objective, data, 3, "float64")
    students = {id(block.attn) for block in objective.student.blocks}
    assert found == max(value for whose, value in seen if whose in students)
    assert not any(block.attn._forward_pre_hooks for block in objective.student.blocks)
    with torch.no_grad():
        for block in objective.student.blocks:
            width = config.backbone.width
            block.attn.qkv.weight[:width] *= 10
            block.attn.qkv.bias[:width] *= 10
    assert largest_attention_logit(objective, data, 3, "float64") > 2 * found
    assert PROBED < IMAGES


@pytest.mark.usefixtures("classifier")
def test_looking_moves_no_weight_and_is_the_same_after_a_resume(tmp_path: Path, cache: Path) -> None:
    often, never = (run(tiny(CELLS["dual_full"], log_every=n), tmp_path / str(n), cache) for n in (1, 100))
    for name, tensor in never.tensors("average-00000006.safetensors").items():
        assert torch.equal(often.tensors("average-00000006.safetensors")[name], tensor)
    config = tiny(CELLS["dual_full"], log_every=1)
    half = run(config, tmp_path / "half", cache, stop=lambda report: report.kind == "checkpoint" and report.step == 4)
    rest = run(config, tmp_path / "rest", cache, resume_from=[half.folder])
    assert half.of("points") + rest.of("points") == often.of("points")


@pytest.mark.usefixtures("classifier")
def test_a_checkpoint_from_before_spikes_were_counted_is_resumed(tmp_path: Path, cache: Path) -> None:
    config = tiny(CELLS["dual_full"])
    half = run(config, tmp_path / "half", cache, stop=lambda report: report.kind == "checkpoint" and report.step == 4)
    path = half.folder / "checkpoint-00000004.safetensors"
    tensors, about = durable_file.read(path)
    durable_file.write({name: tensor for name, tensor in tensors.items() if not name.startswith("spikes/")}, about, path, lambda: True)
    rest = run(config, tmp_path / "rest", cache, resume_from=[half.folder])
    assert rest.started().step == 4
    assert rest.started().details["checkpoints_passed_over"] == []


def test_every_point_has_the_signs(digits: DataSet, tmp_path: Path, cache: Path) -> None:
    told = run(tiny(CELLS["dual_full"]), tmp_path, cache)
    points = [report.metrics for report in told.reports if "train_loss" in report.metrics and report.kind == "points"]
    signs = {"grad_norm", "attention_logit_max", "loss_spikes", "step_seconds", "peak_memory_mib", "steps_per_second"}
    assert len(points) == 3
    assert all(signs <= metrics.keys() for metrics in points)
