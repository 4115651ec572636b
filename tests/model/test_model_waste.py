"""What the released trainer does too often is done once: conditioning, embedding, moving average, update; each counted in a real step."""

from collections import Counter
from typing import Any

import pytest
import torch
from tiny_trials import CELLS, CLASSES, PATCH_VALUES, TOKENS, network_of, tiny
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from model.alignment.teacher import update_moving_average
from model.config import TrainConfig
from model.data.dataset import DataSet
from model.sampling.generate import generate
from model.training.compilation import compile_where_it_pays
from model.training.state import TrainingState, initial_state
from model.training.step import train_step

CPU = torch.device("cpu")


class Counted(TorchDispatchMode):
    """Counts the operations that reach a device."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: Counter[str] = Counter()

    def __torch_dispatch__(self, operation: Any, types: Any, given: Any = (), named: Any = None) -> Any:
        self.calls[operation.overloadpacket.__name__] += 1
        return operation(*given, **(named or {}))


def shapes_into(module: nn.Module, ending: str) -> list[tuple[str, tuple[int, ...]]]:
    """Name and input shape of every call of the parts of a network whose names end so, as they are made."""
    seen: list[tuple[str, tuple[int, ...]]] = []
    for name, part in module.named_modules():
        if name.endswith(ending):
            part.register_forward_pre_hook(lambda _, given, name=name: seen.append((name, tuple(given[0].shape))))
    return seen


def of_cell(cell: str, digits: DataSet) -> tuple[TrainConfig, TrainingState]:
    config = tiny(CELLS[cell], batch_size=8)
    return config, initial_state(config, digits, CPU, torch.float64)


@pytest.mark.parametrize(("cell", "rows"), [("single_none", 1), ("single_full", 1), ("dual_none", 2), ("dual_full", 2)])
def test_conditioning_is_a_row_per_group_and_images_are_embedded_once(cell: str, rows: int, digits: DataSet) -> None:
    config, state = of_cell(cell, digits)
    width, objective = config.backbone.width, state.objective
    modulated = {
        who: shapes_into(network, "adaLN_modulation") for who, network in (("student", objective.student), ("teacher", objective.average))
    }
    embedded = [shapes_into(network, "x_embedder") for network in (objective.student, objective.average)]
    train_step(config, state, digits.train, "float64")
    blocks = [f"blocks.{n}.adaLN_modulation" for n in range(config.backbone.layers)]
    assert modulated == {
        "student": [(name, (8, rows, width)) for name in (*blocks, "final_layer.adaLN_modulation")],
        "teacher": [(name, (8, rows, width)) for name in blocks[: config.alignment.teacher.layer]],
    }
    assert embedded == [[("x_embedder", (8, TOKENS, PATCH_VALUES))]] * 2


def test_the_moving_average_is_one_call_and_so_is_the_update(digits: DataSet) -> None:
    config, state = of_cell("dual_full", digits)
    train_step(config, state, digits.train, "float64")
    for parameter in (p for _, p in state.parameters):
        parameter.grad = torch.ones_like(parameter)
    with Counted() as average:
        update_moving_average(state.objective.average, state.objective.student, 0.9)
    assert average.calls == {"_foreach_lerp_": 1}
    with Counted() as update:
        state.optimizer.step()
    assert update.calls["_fused_adamw_"] == 1
    assert not {"mul_", "addcmul_", "addcdiv_", "lerp_"} & update.calls.keys()


@pytest.mark.parametrize(("scale", "images"), [(1.0, 6), (1.8, 12)])
def test_sampling_has_one_conditioning_row_and_skips_the_null_pass_at_scale_one(scale: float, images: int) -> None:
    config = tiny(evaluation={"samples": 6, "sampler": {"steps": 3}, "guidance": {"scale": scale, "interval": [0, 1]}})
    network = network_of(config)
    seen = shapes_into(network, "blocks.0.adaLN_modulation")
    for _ in generate(network, config.evaluation, shape=(TOKENS, PATCH_VALUES), dtype=torch.float64, tick=lambda: None, channels=1):
        pass
    assert [shape for _, shape in seen] == [(images, 1, config.backbone.width)] * 3
    assert network.y_embedder.null == CLASSES


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("cell", CELLS)
def test_a_gpu_is_never_waited_for(cell: str) -> None:
    """CUDA's own warning of a wait, as an error; in the precision and with the compilation of a trial there."""
    from model.config.data import DigitsData
    from model.data.dataset import load

    gpu = torch.device("cuda")
    data = load(DigitsData(), 2, gpu, torch.float32)
    config = tiny(CELLS[cell], batch_size=16)
    state = initial_state(config, data, gpu, torch.float32)
    compile_where_it_pays(config, state.objective, gpu)
    for _ in range(3):  # compiled, and every buffer made
        train_step(config, state, data.train, "bf16")
    try:
        torch.cuda.set_sync_debug_mode("error")
        for _ in range(3):
            train_step(config, state, data.train, "bf16")
    finally:
        torch.cuda.set_sync_debug_mode("default")
    state.ensure_finite()
