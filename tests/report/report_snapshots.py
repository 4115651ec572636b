"""Snapshots of made-up sweeps, as the store would give them."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from sweeper.records import SweepSnapshot, TrialCurves, TrialOutcome, TrialState

MakeSnapshot = Callable[..., SweepSnapshot]

FD = {
    "single/none": (11.3, 11.1, 11.8),
    "single/full": (14.0, 15.1, 14.6),
    "dual/none": (9.2, 9.4, 10.2),
    "dual/full": (13.4, 13.5, 14.5),
}
DETAILS = {"samples": 1000, "fd_floor": 1.234, "fd_floor_n": 360, "classifier_accuracy": 0.9861, "held_out_images": 360}
STREAMS = {"backbone weights": "b1", "data order": "d1", "noise": "n1", "timesteps": "t1"}
COMPARABILITY = {"device": "cpu", "precision": "float32", "threads": 1, "torch": "2.11.0"}


def factorial_spec(seeds: int) -> dict[str, Any]:
    return {
        "question": "Does it help to read across noise groups,\n  or only to see two noise levels?",
        "name": "noise_aug_vs_interaction",
        "base": {"preset": "nano"},
        "design": {
            "kind": "factorial",
            "factors": {
                "timesteps": {"path": "timesteps.kind", "levels": ["single", "dual"]},
                "separation": {"path": "separation", "levels": ["none", "full"]},
            },
        },
        "seeds": seeds,
        "metric": {"primary": "fd_digits", "direction": "lower"},
        "baseline": "single/none",
        "contrasts": [
            {
                "name": "augmentation effect",
                "question": "Do two noise levels help without reading across groups?",
                "of": {"timesteps": "dual"},
                "to": {"timesteps": "single"},
                "holding": {"separation": "full"},
            },
            {
                "name": "token-interaction effect",
                "question": "Does reading across groups help? Positive: cutting it hurts.",
                "of": {"separation": "full"},
                "to": {"separation": "none"},
                "holding": {"timesteps": "dual"},
                "margin": 0.5,
            },
            {
                "name": "factor interaction",
                "weights": {"dual/full": 1, "dual/none": -1, "single/full": -1, "single/none": 1},
            },
        ],
    }


def claims_spec(seeds: int) -> dict[str, Any]:
    """The same contrasts as claims."""
    spec = factorial_spec(seeds)
    kinds: list[dict[str, Any]] = [
        {"kind": "superior"},
        {"kind": "non_inferior", "margin": "2%"},
        {"kind": "no_interaction", "margin": "2%"},
    ]
    spec["contrasts"] = [contrast | kind | {"alpha": 0.05} for contrast, kind in zip(spec["contrasts"], kinds, strict=True)]
    return spec


def finished(variant: str, seed: int, fd: float, **changes: Any) -> TrialOutcome:
    metrics = {
        "fd_digits": fd,
        "held_out_loss": 0.5 + fd / 100,
        "class_accuracy": 1 - fd / 200,
        "train_loss": 0.6 + seed / 1000,
        "steps_per_second": 31.0 + seed,
        "peak_memory_mib": 412.0,
    }
    given: dict[str, Any] = {"metrics": metrics, "details": DETAILS, "comparability": COMPARABILITY, "streams": STREAMS} | changes
    return TrialOutcome(variant, {}, seed, f"{variant}-{seed}", 800, "finished", attempts=1, step=800, **given)


def unfinished(variant: str, seed: int, state: TrialState) -> TrialOutcome:
    """Whatever it carries must not reach a mean, a contrast or the comparability check."""
    stray: dict[str, Any] = {
        "metrics": {"fd_digits": 1e6},
        "comparability": {"device": "another"},
        "details": {"samples": 1},
        "streams": STREAMS,
    }
    return TrialOutcome(variant, {}, seed, f"{variant}-{seed}", 800, state, error="loss is nan at step 3", **stray)


def snapshot_of(spec: Mapping[str, Any], outcomes: list[TrialOutcome], **changes: Any) -> SweepSnapshot:
    given: dict[str, Any] = {
        "name": spec["name"],
        "profile": "default",
        "version": "3f9c1a2b4d5e6f708192",
        "created": datetime(2026, 1, 5, 12, 0, tzinfo=UTC),
        "newest_result": datetime(2026, 1, 5, 12, 34, tzinfo=UTC) if any(o.state == "finished" for o in outcomes) else None,
    }
    return SweepSnapshot(spec=spec, outcomes=tuple(outcomes), **(given | changes))


def pair_snapshot(
    seeds: int, of: list[float], to: list[float], contrast: dict[str, Any] | None = None, metric: str = "fd_digits"
) -> SweepSnapshot:
    """The contrast `new` minus `old` on values by seed."""
    direction = "higher" if metric == "class_accuracy" else "lower"
    spec = {
        "question": "Is new better?",
        "name": "pair",
        "base": {},
        "design": {"kind": "variants", "variants": {"old": {}, "new": {"depth": 2}}},
        "seeds": seeds,
        "metric": {"primary": metric, "direction": direction},
        "contrasts": [{"name": "change", "of": "new", "to": "old"} | (contrast or {})],
    }
    values = {"new": of, "old": to}
    outcomes = [finished(name, seed, 0, metrics={metric: value}) for name in values for seed, value in enumerate(values[name])]
    return snapshot_of(spec, outcomes)


def curves_of(snapshot: SweepSnapshot, steps: tuple[int, ...] = (100_000, 400_000, 800_000)) -> dict[str, TrialCurves]:
    """Curves that end in each trial's metrics, twice and one and a half times as large before."""
    found = {}
    for place, outcome in enumerate(snapshot.outcomes):
        if outcome.state == "finished":
            shares = [1 + (len(steps) - 1 - i) / 2 for i in range(len(steps))]
            evaluations = {
                name: {step: value * share for step, share in zip(steps, shares, strict=True)}
                for name, value in outcome.metrics.items()
                if name in ("fd_digits", "held_out_loss")
            }
            training = {"held_out_loss": {step: 0.5 + 10 / step + place / 1000 for step in range(100, 900, 100)}}
            found[outcome.fingerprint] = TrialCurves(training, evaluations)
    return found
