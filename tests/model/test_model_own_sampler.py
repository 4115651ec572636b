"""A sampler of the user's own: named by dotted path, drawn with, and part of a result's name by its code."""

import inspect
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from midpoint_sampler import Midpoint
from pydantic import ValidationError
from test_model_generation import sample
from tiny_trials import network_of, tiny

from model.config import TrainConfig, modules_also_in, named_classes
from model.config.section import first_fault
from model.errors import ConfigError, DataError
from model.sampling.samplers import sampler_of

MIDPOINT = "midpoint_sampler.Midpoint"


def asked(**sampler: Any) -> TrainConfig:
    return tiny({"evaluation": {"sampler": sampler}})


def test_it_draws_and_comes_nearer_to_the_exact_samples_than_euler() -> None:
    network = network_of(tiny())
    exact, _ = sample(network, samples=3, sampler={"kind": "dopri5", "relative_tolerance": 1e-9, "absolute_tolerance": 1e-9})
    ours, _ = sample(network, samples=3, sampler={"kind": "euler", "steps": 40})
    theirs, _ = sample(network, samples=3, sampler={"kind": MIDPOINT, "steps": 40})
    assert (theirs - exact).abs().max() < (ours - exact).abs().max() / 10
    assert torch.equal(theirs, sample(network, samples=3, sampler={"kind": MIDPOINT, "steps": 40})[0])


def test_its_code_names_the_result_and_not_the_training() -> None:
    plain, own = asked(kind="euler"), asked(kind=MIDPOINT)
    assert plain.evaluation_identity(content_hash="d") != own.evaluation_identity(content_hash="d")
    assert plain.training_identity(content_hash="d", precision="fp32") == own.training_identity(content_hash="d", precision="fp32")
    assert "source_hash" not in json.dumps(plain.evaluation_identity(content_hash="d")), "older results keep their names"
    assert own.evaluation.sampler.source_hash
    assert named_classes(own.model_dump(mode="json")) == (MIDPOINT,)


def test_code_that_was_replaced_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "replaced_sampler.py"
    file.write_text("from midpoint_sampler import Midpoint\n\nclass Own(Midpoint):\n    pass\n")
    with modules_also_in([tmp_path]):
        config = asked(kind="replaced_sampler.Own").evaluation.sampler
        assert sampler_of(config)
        file.write_text(f"{file.read_text()}# of another day\n")
        with pytest.raises(DataError, match=r"evaluation.sampler.kind replaced_sampler.Own, or of what it imports, was replaced"):
            sampler_of(config)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("eulr", "evaluation.sampler.kind is one of euler, heun, dopri5, euler_maruyama, ancestral, not 'eulr'; did you mean euler?"),
        ("no_such.Thing", "evaluation.sampler.kind no_such.Thing: there is no module no_such with a source file; put no_such beside"),
        ("midpoint_sampler.NoSampler", "midpoint_sampler.NoSampler is no subclass of model.sampling.samplers.Sampler; make it one"),
        ("midpoint_sampler.NoDraw", "midpoint_sampler.NoDraw cannot be made without arguments: TypeError"),
        ("midpoint_sampler.Missing", "module 'midpoint_sampler' has no attribute 'Missing'; check the name"),
        ("midpoint_sampler.Half", "gave images of shape (1, 16, 4) and type torch.float64; return them like problem.x, (3, 16, 4)"),
    ],
)
def test_a_wrong_one_is_refused_in_one_line(kind: str, message: str) -> None:
    with pytest.raises((ConfigError, ValidationError)) as refused:
        sample(network_of(tiny()), samples=3, sampler={"kind": kind, "steps": 2})
    said = first_fault(refused.value) if isinstance(refused.value, ValidationError) else str(refused.value)
    assert (message in said, "\n" in said) == (True, False), said


def test_the_documentation_shows_this_one() -> None:
    page = (Path(__file__).parents[2] / "docs" / "sampling.md").read_text(encoding="utf-8")
    assert inspect.getsource(Midpoint) in page
