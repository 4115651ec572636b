"""A user's own metric in a sweep file: wherever one that is built in may stand, with its direction, and under a name that is free."""

from pathlib import Path
from typing import Any

import pytest
from small_sweep import Load, Refused

from model.config.own_metric import is_taken
from sweeper.errors import SpecError
from sweeper.metrics import FINISHING, METRICS, Metrics
from sweeper.spec.sweep_spec import SweepSpec

MODULE = """
from model.evaluation.own_metrics import Metric

class Mine(Metric):
    def value(self, evaluated):
        return 1.0
"""
MINE = {"name": "mine", "kind": "small_metrics.Mine", "direction": "higher", "label": "my number", "decimals": 1}
CLAIM = {"name": "c", "of": "dual/none", "to": "single/none", "kind": "superior", "alpha": 0.05}


@pytest.fixture(autouse=True)
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "small_metrics.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)


def base(*metrics: dict[str, Any], **evaluation: Any) -> dict[str, Any]:
    return {"preset": "nano", "evaluation": {"own_metrics": list(metrics)} | evaluation}


def test_it_may_decide_and_be_claimed_and_shown(load: Load) -> None:
    contrasts = [CLAIM | {"margin": 0.5}, CLAIM | {"name": "d", "metric": "held_out_loss"}, CLAIM | {"name": "e", "metric": "mine"}]
    found = load(base=base(MINE), metric={"primary": "mine"}, contrasts=contrasts, report={"metrics": ["mine"]})
    assert (found.spec.metric.direction, found.spec.primary.label, found.spec.primary.decimals) == ("higher", "my number", 1)
    assert [metric.name for metric in found.spec.objectives] == ["mine"]
    stored = SweepSpec.read(found.spec.model_dump(mode="json"))
    assert stored == found.spec
    assert stored.metrics.info("mine") == found.spec.primary


def test_a_search_may_optimise_it(load: Load) -> None:
    design = {"kind": "search", "space": {"weight": {"path": "alignment.weight", "low": 0.1, "high": 2.0}}, "trials": 4}
    found = load(base=base(MINE), design=design | {"objectives": ["mine", "held_out_loss"]}, metric={"primary": "mine"}, contrasts=None)
    assert [(metric.name, metric.direction) for metric in found.spec.objectives] == [("mine", "higher"), ("held_out_loss", "lower")]


def test_a_sweep_without_one_has_the_version_that_it_had_before(load: Load) -> None:
    assert load(base={"preset": "nano", "evaluation": {}}).version
    assert load(base={"preset": "nano", "evaluation": {}}).version == "742adcb51c06"
    assert load(base=base(MINE)).version != load(base=base(MINE | {"direction": "lower"})).version


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"base": base(MINE), "metric": {"primary": "mone"}}, "metric: there is no metric 'mone'; did you mean \"mine\"?"),
        (
            {"base": base(MINE), "metric": {"primary": "mine", "direction": "lower"}},
            "metric: mine is better higher, not lower; set direction: higher",
        ),
        (
            {"base": base({"name": "mine", "kind": "small_metrics.Mine"}), "metric": {"primary": "mine"}},
            "base.evaluation.own_metrics.0.direction: this field is required; add it",
        ),
        (
            {"base": base(MINE | {"name": "fid"})},
            "base.evaluation.own_metrics.0.name: the name fid is taken by a metric that is built in; give yours another name",
        ),
        (
            {"base": base(MINE), "metric": {"primary": "mine"}, "contrasts": [CLAIM | {"margin": "2%"}]},
            "contrasts: 'c' has margin 2%, and mine may be 0 or below, where a percentage means nothing; give the margin in units of the"
            " metric, or set positive: true in evaluation.own_metrics where it never is",
        ),
        (
            {
                "base": base(MINE),
                "design": {
                    "kind": "variants",
                    "variants": {"a": {}, "b": {"evaluation.own_metrics": [MINE | {"direction": "lower"}]}},
                },
            },
            "variant b: evaluation.own_metrics are of a sweep as a whole; set them in base",
        ),
        (
            {"base": base(MINE, guidance={"best_of": [1, 2], "seed": 7}), "metric": {"primary": "mine"}},
            "metric.primary: mine decides, and variant single/none chooses its guidance by fd_digits; set"
            " base.evaluation.guidance.by: mine",
        ),
    ],
    ids=lambda given: "" if isinstance(given, dict) else given[:30],
)
def test_what_means_nothing_is_refused(refused: Refused, changed: dict[str, Any], message: str) -> None:
    assert refused(**changed) == message


def test_a_share_is_of_one_that_is_positive(load: Load) -> None:
    claim = CLAIM | {"margin": "2%"}
    assert load(base=base(MINE | {"positive": True}), metric={"primary": "mine"}, contrasts=[claim]).spec.on_log


def test_a_module_that_is_not_there_is_one_message(tmp_path: Path, load: Load) -> None:
    with pytest.raises(SpecError, match=r"there is no module no_such with a source file; put no_such beside the sweep file"):
        load(base=base(MINE | {"kind": "no_such.Mine"}))


def test_no_name_that_is_built_in_is_free() -> None:
    assert all(is_taken(name) for name in (*METRICS, FINISHING.name, "fd_resnet50", "kid_mine"))
    assert not is_taken("mine")


def test_what_a_store_or_an_import_says_of_one_harms_no_reader() -> None:
    """Nobody checked it: a label that a terminal obeys, digits that no number has, names of something else."""
    odd: list[Any] = [
        {"name": "mine", "label": "\x1b[31mred\n" + "x" * 100, "decimals": -5, "direction": "higher"},
        {"name": "blank_one", "label": "\u200b \n", "decimals": 10**9},
        {"name": "third", "label": 7, "decimals": True, "direction": 3, "positive": "yes"},
        {"name": "fourth", "label": "two  words", "decimals": 8},
        {"name": "grad_norm"},
        {"name": "fd_mine"},
        {"name": "loss_grid.gain[t_own=0.7,t_other=0.1]"},
        {"name": 3},
        "text",
    ]
    found = Metrics.of({"base": {"evaluation": {"own_metrics": odd}}}).own
    assert [(info.name, info.label, info.decimals, info.direction, info.positive) for info in found.values()] == [
        ("mine", r"\x1b[31mred " + "x" * 28, 3, "higher", False),
        ("blank_one", "blank one", 3, "lower", False),
        ("third", "third", 3, "lower", False),
        ("fourth", "two words", 8, "lower", False),
    ]


def test_a_profile_may_have_it(load: Load) -> None:
    plain = {"name": "mine", "kind": "small_metrics.Mine", "direction": "lower"}
    profile = {"base": {"evaluation": {"own_metrics": [plain]}}, "metric": {"primary": "mine", "direction": "lower"}}
    assert load(profiles={"own": profile}, profile="own").spec.primary.label == "mine"
