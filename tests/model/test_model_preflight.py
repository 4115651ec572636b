"""One step of a config on the CPU: it finds what a trial would find in its first step, of every method, and cuts what is large."""

from pathlib import Path
from typing import Any

import pytest

from model.config import TrainConfig, modules_also_in
from model.methods import METHODS
from model.presets import config_from
from model.train_trial import DataFacts, check, preflight
from model.training.preflight import FEW_LAYERS

LATENTS = DataFacts("x", channels=4, resolution=32, classes=1000, train=100, held_out=10)


def nano(**changed: Any) -> TrainConfig:
    return config_from({"preset": "nano"} | changed)


@pytest.mark.parametrize("method", [name for name in METHODS if name != "repa"])
def test_a_nano_trial_is_tried_whole_and_timed(method: str) -> None:
    config = nano(method=method)
    found = preflight(config, check(config))
    assert found.checked == "one step, 2 samples"
    assert found.seconds_per_step is not None
    assert found.seconds_per_step > 0


def test_a_large_one_is_cut_and_says_so() -> None:
    config = config_from({"preset": "S/2", "method": "sra_dts_as", "partition": {"full_image_probability": 0.25}})
    from model.training.preflight import preflight as try_it  # past the door: latents are planned, not yet trained

    found = try_it(config, LATENTS, 1)
    assert found.seconds_per_step is None
    assert found.checked == f"one step, 4 of 256 images, {FEW_LAYERS} of 12 blocks, 2 samples"


def test_a_class_of_the_users_that_fails_is_found(tmp_path: Path) -> None:
    (tmp_path / "broken_orders.py").write_text(
        "from model.noise.assignments import Assignment\n"
        "class Broken(Assignment):\n"
        "    def order(self, counts, streams, purpose):\n"
        "        raise RuntimeError('no order today')\n"
    )
    with modules_also_in([tmp_path]):
        config = nano(timesteps={"kind": "dual"}, partition={"assignment": "broken_orders.Broken"})
        with pytest.raises(RuntimeError, match="no order today"):
            preflight(config, check(config))
