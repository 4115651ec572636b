"""What a contrast does not show is said beside its estimate, in every format."""

from typing import Any

import pytest
from report_snapshots import finished, snapshot_of

from sweeper.report.build import Report, build_report
from sweeper.report.render.formats import TABLE_FORMATS, render

CAVEAT = "Confounded: timesteps and separation change together, so the difference belongs to none of them alone."


def report() -> Report:
    factors = {
        "timesteps": {"path": "timesteps.kind", "levels": ["single", "dual"]},
        "separation": {"path": "separation", "levels": ["none", "full"]},
    }
    spec: dict[str, Any] = {
        "question": "Is the recipe better?",
        "name": "recipe",
        "base": {},
        "design": {"kind": "factorial", "factors": factors},
        "seeds": 3,
        "metric": {"primary": "fd_digits", "direction": "lower"},
        "contrasts": [{"name": "recipe", "of": "dual/full", "to": "single/none"}],
    }
    cells = ("single/none", "single/full", "dual/none", "dual/full")
    return build_report(snapshot_of(spec, [finished(name, seed, 10 + i + seed) for i, name in enumerate(cells) for seed in range(3)]))


@pytest.mark.parametrize("format", TABLE_FORMATS)
def test_a_caveat_is_in_every_format(format: str) -> None:
    built = report()
    assert built.contrasts[0].caveats == (CAVEAT,)
    assert CAVEAT in " ".join(render(built, format, width=120).split())
