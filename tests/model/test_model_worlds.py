"""How a step is cut changes nothing but rounding: one process, two, or one with two micro-batches; and a trial of two processes."""

import itertools
import re
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as processes
from safetensors.torch import load_file
from tiny_trials import CELLS, DDPM, tiny
from trial_reports import Told, run

from model.config import DigitsData, TrainConfig
from model.data.dataset import load
from model.errors import ConfigError
from model.reports import DistributedContext
from model.training.process_group import ProcessGroup
from model.training.state import initial_state
from model.training.step import DTYPES, shares, train_step

METHODS: dict[str, dict[str, Any]] = {
    "dual, full, whole images": CELLS["dual_full"] | {"partition": {"full_image_probability": 0.25}},
    "bernoulli, smallest": CELLS["dual_none"] | {"partition": {"assignment": "bernoulli"}, "alignment": {"teacher": {"timesteps": "min"}}},
    "learned, shuffled": CELLS["dual_full"] | {"attention": {"separation": "shuffled"}, "partition": {"assignment": "learned"}},
    "one way, tokens": CELLS["dual_full"] | {"attention": {"separation": "noisy_reads_clean"}, "alignment": {"axis": "tokens"}},
    "ddpm": DDPM,
    "no alignment": {"alignment": {"kind": "none"}},
}
COMPILED, OF_COMPILED = "compiled", "one way, tokens"
"""What two processes do besides with the losses as one graph, and the method that it is of."""
NAMES = ("train_loss", "generation_loss", "grad_norm")
STEPS = 4
CLOSE = {"fp32": {"rel": 1e-6, "abs": 1e-6}, "float64": {"rel": 1e-12, "abs": 0.0}}


def config_of(method: str, precision: str, **more: Any) -> TrainConfig:
    return tiny(METHODS[method], batch_size=16, label_dropout=0.1, precision=precision, **more)


def curve(config: TrainConfig, world: DistributedContext, graphs: list[Any] | None = None) -> list[list[float]]:
    """Losses and gradient norm after every step, as this process has them; compiled where there is a list for the graphs."""
    torch.set_num_threads(1)
    dtype, cpu = DTYPES[config.resolved_precision(gpu=False)], torch.device("cpu")
    data = load(DigitsData(), 2, cpu, dtype)
    state = initial_state(config, data, cpu, dtype)
    if graphs is not None:

        def kept(graph: torch.fx.GraphModule, _: object) -> Any:
            graphs.append(graph)
            return graph.forward

        state.trained.compile(fullgraph=True, dynamic=False, backend=kept)
    state.trained = ProcessGroup(world).shared(state.trained, cpu)
    found = []
    for _ in range(STEPS):
        train_step(config, state, data.train, config.resolved_precision(gpu=False), world)
        found.append([state.sums[name].item() for name in NAMES])
        for total in state.sums.values():
            total.zero_()
    weights = torch.cat([p.detach().flatten() for _, p in state.parameters])
    return [*found, [weights.double().square().sum().item()]]


def joined(rank: int, size: int, meeting: Path) -> DistributedContext:
    warnings.simplefilter("error", FutureWarning)  # a process of its own has none of pytest's filters
    dist.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank, world_size=size)
    return DistributedContext(rank, size)


def one_of_two(rank: int, folder: Path) -> None:
    """What a process of two does: every method's curve, in both precisions."""
    world = joined(rank, 2, folder / "meeting")
    curves = {(method, precision): curve(config_of(method, precision), world) for method in METHODS for precision in CLOSE}
    graphs: list[Any] = []
    for precision in CLOSE:
        curves[COMPILED, precision] = curve(config_of(OF_COMPILED, precision), world, graphs)
    curves[COMPILED, "graphs"] = [[float(len(graphs))]]
    torch.save(curves, folder / f"{rank}.pt")
    dist.destroy_process_group()


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> list[dict[tuple[str, str], list[list[float]]]]:
    """The curves that each of two processes saw."""
    folder = tmp_path_factory.mktemp("two")
    processes.spawn(one_of_two, args=(folder,), nprocs=2)
    return [torch.load(folder / f"{rank}.pt") for rank in range(2)]


@pytest.mark.parametrize("precision", CLOSE)
@pytest.mark.parametrize("method", METHODS)
def test_two_processes_and_two_micro_batches_train_as_one(method: str, precision: str, two: list[Any]) -> None:
    whole = curve(config_of(method, precision), DistributedContext())
    halves = curve(config_of(method, precision, accumulation=2), DistributedContext())
    quarters = curve(config_of(method, precision, accumulation=4), DistributedContext())
    assert two[0][method, precision] == two[1][method, precision], "all processes know the same"
    for name, other in (("processes", two[0][method, precision]), ("halves", halves), ("quarters", quarters)):
        for step, (ours, alone) in enumerate(zip(other, whole, strict=True)):
            assert ours == pytest.approx(alone, **CLOSE[precision]), (name, step)


@pytest.mark.parametrize("precision", CLOSE)
def test_two_processes_train_as_one_where_both_are_compiled(precision: str, two: list[Any]) -> None:
    """One graph for each precision: gradients of a small network are averaged in one piece, and no break is needed for them."""
    alone = curve(config_of(OF_COMPILED, precision), DistributedContext())
    assert two[0][COMPILED, precision] == two[1][COMPILED, precision], "all processes know the same"
    for step, (ours, wanted) in enumerate(zip(two[0][COMPILED, precision], alone, strict=True)):
        assert ours == pytest.approx(wanted, **CLOSE[precision]), step
    assert two[0][COMPILED, "graphs"] == [[float(len(CLOSE))]]


def test_the_parts_of_a_batch_cover_it_once() -> None:
    config = tiny(batch_size=24, accumulation=3)
    places = [list(range(24))[part] for rank in range(4) for part in shares(config, DistributedContext(rank, 4))]
    assert [len(part) for part in places] == [2] * 12
    assert list(itertools.chain(*places)) == list(range(24))


def test_a_batch_that_cannot_be_shared_is_refused() -> None:
    wanted = (
        "batch_size 6 cannot be cut into 2 equal micro-batches for each of 2 processes; change batch_size, accumulation or the processes"
    )
    with pytest.raises(ConfigError, match=re.escape(wanted)):
        tiny(accumulation=2).micro_batch(2)
    assert tiny(accumulation=3).micro_batch(2) == 1


def trial_of_two(rank: int, folder: Path, cache: Path) -> None:
    """Trains and stops after the second checkpoint, then goes on to the end."""
    world = joined(rank, 2, folder / "meeting")
    config = tiny(CELLS["dual_full"], batch_size=16)
    said = [run(config, folder / "first", cache, world=world, stop=lambda report: report.kind == "checkpoint" and report.step == 4)]
    said.append(run(config, folder / "second", cache, world=world, resume_from=[folder / "first"]))
    torch.save([[(r.kind, r.step, dict(r.metrics)) for r in told.reports] for told in said], folder / f"{rank}.pt")
    assert [told.result.stopped for told in said] == [True, False]
    dist.destroy_process_group()


@pytest.mark.usefixtures("classifier")
def test_a_trial_of_two_processes_stops_resumes_and_ends_as_one(tmp_path: Path, cache: Path) -> None:
    alone: Told = run(tiny(CELLS["dual_full"], batch_size=16), tmp_path / "alone", cache)
    processes.spawn(trial_of_two, args=(tmp_path, cache), nprocs=2)
    spoken, silent = (torch.load(tmp_path / f"{rank}.pt") for rank in range(2))
    assert silent == [[], []], "one process speaks for all"
    assert [(kind, step) for part in spoken for kind, step, _ in part if kind in ("points", "checkpoint", "evaluation")] == [
        (r.kind, r.step) for r in alone.reports if r.kind in ("points", "checkpoint", "evaluation")
    ]
    (evaluation,) = [metrics for kind, _, metrics in spoken[1] if kind == "evaluation"]
    for name, value in alone.of("evaluation")[0][1].items():
        assert evaluation[name] == pytest.approx(value, rel=1e-9), name
    weights, wanted = (load_file(folder / "average-00000006.safetensors") for folder in (tmp_path / "second", alone.folder))
    for name, tensor in wanted.items():
        torch.testing.assert_close(weights[name], tensor, rtol=1e-10, atol=1e-12)
