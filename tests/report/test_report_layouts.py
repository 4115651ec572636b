"""Factorial tables, effects, and templates: what stands where."""

from typing import Any

import pytest
from report_snapshots import MakeSnapshot, curves_of, factorial_spec, finished, snapshot_of

from sweeper.errors import SpecError
from sweeper.records import Variant
from sweeper.report.build import build_report
from sweeper.report.render.report_tables import step_label, tables_of
from sweeper.report.render.table import Table
from sweeper.report.results import Report
from sweeper.stats.effects import Effect, effects_of

GRID = [Variant(f"{a}/{b}", {"a": a, "b": b}, {}) for a in ("a0", "a1", "a2") for b in ("b0", "b1")]


def first_table(default_sweep: MakeSnapshot, **template: Any) -> Table:
    snapshot = default_sweep(spec=factorial_spec(3) | {"report": template})
    return tables_of(build_report(snapshot, curves=curves_of(snapshot)))[0]


def texts(table: Table) -> list[list[str]]:
    return [[cell.text for cell in row.cells] for row in table.rows]


def test_factorial_has_a_row_per_combination_and_a_column_per_step(default_sweep: MakeSnapshot) -> None:
    table = first_table(default_sweep, layout="factorial", metrics=["fd_digits"])
    assert [column.heading for column in table.columns] == [
        "timesteps",
        "separation",
        *(f"↓ FD (digits classifier) {step}" for step in ("100K", "400K", "800K")),
    ]
    assert texts(table)[2] == ["dual", "none", "19.20 ± 2.63", "14.40 ± 1.97", "9.60 ± 1.31"]


def test_factors_may_be_columns(default_sweep: MakeSnapshot) -> None:
    table = first_table(default_sweep, layout="factorial", rows=["separation"], columns=["timesteps"], metrics=["fd_digits"])
    assert [column.heading for column in table.columns][1:] == ["↓ FD (digits classifier) single", "↓ FD (digits classifier) dual"]
    assert texts(table) == [["none", "11.40 ± 0.90", "9.60 ± 1.31"], ["full", "14.57 ± 1.37", "13.80 ± 1.51"]]


def test_steps_may_be_chosen_and_a_metric_without_steps_keeps_its_column(default_sweep: MakeSnapshot) -> None:
    table = first_table(default_sweep, layout="factorial", steps=[400_000], metrics=["fd_digits"])
    assert len(table.columns) == 3, "one step is no column of its own"
    table = first_table(default_sweep, layout="factorial", steps=[100_000, 800_000])
    assert [column.label for column in table.columns if column.kind == "number"] == ["100K", "800K", "100K", "800K", "800K"]


def test_order_group_and_names(default_sweep: MakeSnapshot) -> None:
    table = first_table(
        default_sweep,
        order=["dual/full"],
        group="timesteps",
        metrics=["held_out_loss"],
        names={"dual": "two", "held_out_loss": "loss", "single/none": "SRA"},
    )
    assert [column.heading for column in table.columns] == ["timesteps", "variant", "n", "↓ FD (digits classifier)", "↓ loss"]
    assert [row[:2] for row in texts(table)] == [["two", "two/full"], ["", "two/none"], ["single", "SRA (baseline)"], ["", "single/full"]]
    assert [row.begins for row in table.rows] == [False, False, True, False]


def test_explicit_variants_are_rows_of_a_factorial_table(default_sweep: MakeSnapshot) -> None:
    spec = {
        "question": "?",
        "name": "pair",
        "base": {},
        "design": {"kind": "variants", "variants": {"old": {}, "new": {"depth": 2}}},
        "seeds": 1,
        "metric": {"primary": "fd_digits", "direction": "lower"},
        "report": {"layout": "factorial"},
    }
    snapshot = snapshot_of(spec, [finished("old", 0, 3.0)])
    table = tables_of(build_report(snapshot, curves=curves_of(snapshot, (10, 20))))[0]
    assert [column.heading for column in table.columns][:3] == ["variant", "↓ FD (digits classifier) 10", "↓ FD (digits classifier) 20"]
    assert [row[0] for row in texts(table)] == ["old", "new"]


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ({"order": ["dual/ful"]}, 'report.order: there is no variant.*"dual/full"'),
        ({"rows": ["separations"]}, "report.rows: 'separations' is no factor"),
        ({"group": "timestep"}, 'report.group: .*"timesteps"'),
    ],
)
def test_a_template_that_does_not_fit_is_refused(default_sweep: MakeSnapshot, template: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        first_table(default_sweep, **template)


@pytest.mark.parametrize(("step", "text"), [(400, "400"), (9_000, "9,000"), (100_000, "100K"), (1_500_000, "1.5M"), (12_345, "12,345")])
def test_steps_are_written_short(step: int, text: str) -> None:
    assert step_label(step) == text


class TestEffects:
    """On additive values with one planted interaction: every effect is known."""

    def effects(self, missing: str = "") -> dict[str, Effect]:
        level = {"a0": 0.0, "a1": 10.0, "a2": 100.0, "b0": 0.0, "b1": 1.0}
        values = {
            v.name: {seed: level[v.levels["a"]] + level[v.levels["b"]] + (5.0 if v.name == "a1/b1" else 0) + seed for seed in range(3)}
            for v in GRID
        }
        variants = [variant for variant in GRID if variant.name != missing]
        return {effect.name: effect for effect in effects_of(variants, "a0/b0", values, range(3))}

    def test_planted_effects_are_found(self) -> None:
        found = {name: effect.summary.mean for name, effect in self.effects().items()}
        assert found == {
            "a: a1 - a0, averaged over b": pytest.approx(12.5),
            "a: a2 - a0, averaged over b": pytest.approx(100),
            "b: b1 - b0, averaged over a": pytest.approx(1 + 5 / 3),
            "a: a1 - a0, at b b0": pytest.approx(10),
            "a: a1 - a0, at b b1": pytest.approx(15),
            "a: a2 - a0, at b b0": pytest.approx(100),
            "a: a2 - a0, at b b1": pytest.approx(100),
            "b: b1 - b0, at a a0": pytest.approx(1),
            "b: b1 - b0, at a a1": pytest.approx(6),
            "b: b1 - b0, at a a2": pytest.approx(1),
            "a a1 x b b1": pytest.approx(5),
            "a a2 x b b1": pytest.approx(0, abs=1e-12),
        }

    def test_weights_add_up_to_zero_and_a_missing_cell_is_left_out_of_both_sides(self) -> None:
        for effect in self.effects().values():
            assert sum(effect.weights.values()) == pytest.approx(0)
        found = self.effects(missing="a1/b1")
        assert found["a: a1 - a0, averaged over b"].weights == {"a1/b0": 1.0, "a0/b0": -1.0}
        assert "a a1 x b b1" not in found

    def test_explicit_variants_are_compared_with_the_baseline(self) -> None:
        variants = [Variant("old", {}, {}), Variant("new", {}, {})]
        (effect,) = effects_of(variants, None, {"old": {0: 1.0}, "new": {0: 3.0}}, [0])
        assert (effect.name, effect.summary.mean, effect.summary.interval) == ("new - old", 2.0, None)


def test_the_command_that_rebuilds_it_names_a_layout_of_ones_own(default_sweep: MakeSnapshot) -> None:
    report: Report = build_report(default_sweep(), template=None)
    assert "--layout" not in report.command
    changed = report.template.model_copy(update={"layout": "effects"})
    assert build_report(default_sweep(), template=changed).command.endswith("--table --layout effects")
