"""A small sweep that most tests of the spec begin with."""

from collections.abc import Callable
from typing import Any

from sweeper.spec.load import LoadedSweep

Load = Callable[..., LoadedSweep]
Refused = Callable[..., str]

SWEEP: dict[str, Any] = {
    "question": "Does it help?",
    "name": "small",
    "base": {"preset": "nano"},
    "design": {
        "kind": "factorial",
        "factors": {
            "timesteps": {"path": "timesteps.kind", "levels": ["single", "dual"]},
            "separation": {"levels": {"none": {"attention.separation": "none"}, "full": {"attention.separation": "full"}}},
        },
    },
    "seeds": 2,
    "metric": {"primary": "held_out_loss", "direction": "lower"},
}
"""2x2 cells, named single/none, single/full, dual/none, dual/full."""
