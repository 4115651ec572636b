"""What a report makes of analyses of trained weights: means over seeds, sentences, pictures for each shape, JSON."""

import dataclasses
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import jsonschema
import pytest
from made_up_analyses import WHEN, analyses_of, array, asked_of
from report_snapshots import MakeSnapshot, finished, snapshot_of, unfinished

from model.analyse_trial import ANALYSES
from model.analysis_result import AnalysisArray, Axis
from sweeper.records import SweepSnapshot, TrialAnalysis, TrialOutcome
from sweeper.report.analyses import ArraySummary
from sweeper.report.analysis_sentences import sentence_of
from sweeper.report.build import build_report
from sweeper.report.render.analysis_charts import Picture, analysis_pictures
from sweeper.report.render.analysis_plots import analysis_drawings
from sweeper.report.render.formats import render
from sweeper.report.render.json_schema import report_schema
from sweeper.report.results import Report


def analysed(snapshot: SweepSnapshot, **options: Any) -> Report:
    return build_report(snapshot, analyses=analyses_of(snapshot, **options))


def array_of(report: Report, analysis: str, name: str) -> ArraySummary:
    (section,) = [section for section in report.analyses if section.name == analysis]
    (found,) = [one for one in section.arrays if one.name == name]
    return found


def with_array(snapshot: SweepSnapshot, one: Any) -> ArraySummary:
    """The same array of every trial."""
    return array_of(build_report(snapshot, analyses=rows_of(snapshot, lambda outcome: one)), "mine", one.name)


def rows_of(snapshot: SweepSnapshot, array_of: Callable[[TrialOutcome], AnalysisArray], **details: str) -> list[TrialAnalysis]:
    """An analysis with one array of every finished trial."""
    asked = asked_of(snapshot)
    return [
        TrialAnalysis(o.fingerprint, "mine", 1, o.steps, "ab", asked[o.variant, o.seed], (array_of(o).to_json(),), details, WHEN)
        for o in snapshot.outcomes
        if o.state == "finished"
    ]


def scalar(value: float) -> AnalysisArray:
    return array("gain", "gain", (), lambda: value)


def pictures(report: Report) -> dict[str, Picture]:
    return {picture.title: picture for section in analysis_pictures(report) for picture in section.pictures}


def test_a_number_is_a_mean_over_the_seeds_of_a_variant(default_sweep: MakeSnapshot) -> None:
    gain = array_of(analysed(default_sweep()), "loss_grid", "gain")
    at = gain.at("dual/none", {"t_own": 0.7, "t_other": 0.1})
    assert at is not None
    assert at.by_seed == pytest.approx({0: 0.57, 1: 0.6, 2: 0.63})
    assert (at.mean, at.half_width) == (pytest.approx(0.6), pytest.approx(4.302652729912 * 0.03 / 3**0.5))
    corner = gain.at("dual/none", {"t_own": 0.1, "t_other": 0.9})
    assert corner is not None
    assert corner.mean == pytest.approx(0.6 * 0.4 * 0.2), "the axes are not swapped"
    assert gain.at("dual/none", {"t_own": 0.7}) is None
    assert gain.at("dual/none", {"t_own": 0.7, "t_other": 0.2}) is None
    assert gain.at("no such", {"t_own": 0.7, "t_other": 0.1}) is None


def test_what_the_known_analyses_say(default_sweep: MakeSnapshot) -> None:
    report = analysed(default_sweep())
    assert sentence_of(array_of(report, "loss_grid", "gain")) == (
        "Kept from reading the other group, tokens at t = 0.7, when the others are at t = 0.1, have a loss higher by 14% [7%, 21%] in"
        " single/none, 0% [-7%, 7%] in single/full, 60% [53%, 67%] in dual/none and 2% [-5%, 9%] in dual/full (3 seeds each): (blocked -"
        " reads) / reads, with the same weights."
    )
    assert sentence_of(array_of(report, "counterfactual", "gain")).startswith(
        "The same weights, kept from reading across the groups, have a held-out loss higher by 14% [7%, 21%] in single/none,"
    )
    assert sentence_of(array_of(report, "attention_mass", "by_direction")).startswith(
        "In the last layer, tokens at t = 0.9 give those at t = 0.1 so many times the attention that equal attention to all tokens would:"
        " 1.062 [1.054, 1.071] in single/none"
    )
    assert sentence_of(array_of(report, "overfitting", "mean_gap")).startswith("After step 800, held-out images have a loss above")


def test_what_any_array_says(default_sweep: MakeSnapshot) -> None:
    report = analysed(default_sweep(seeds=2))
    assert sentence_of(array_of(report, "signed", "difference")) == (
        "Largest: 0.44 in single/none at layer = 3, t = 0.9 (2 seeds, no interval). Smallest: -1.37 in single/none at layer = 1, t = 0.9"
        " (2 seeds, no interval). These two of 60 cells were picked because they are extreme: their intervals are those of each cell by"
        " itself."
    )
    assert sentence_of(array_of(report, "counterfactual", "class_accuracy")).startswith(
        "reading on: 0.90 in single/none, 0.90 in single/full, 0.90 in dual/none and 0.90 in dual/full (2 seeds each, no interval); reading"
    )
    same = with_array(default_sweep(), array("one", "one", (), lambda: 2.0))
    assert sentence_of(same) == (
        "2.00 [2.00, 2.00] in single/none, 2.00 [2.00, 2.00] in single/full, 2.00 [2.00, 2.00] in dual/none and 2.00 [2.00, 2.00] in"
        " dual/full (3 seeds each)."
    )
    nothing = with_array(default_sweep(), array("none", "none", (Axis("t", (0.1,)),), lambda t: float("nan")))
    assert sentence_of(nothing) == "No trial has a value."


def test_known_analyses_on_other_axes_say_what_any_array_says(default_sweep: MakeSnapshot) -> None:
    snapshot = default_sweep()
    other = array("gain", "gain", (Axis("t_own", (0.2,)), Axis("t_other", (0.1,))), lambda a, b: a).to_json()
    rows = [dataclasses.replace(one, arrays=(other,)) for one in analyses_of(snapshot) if one.analysis == "loss_grid"]
    assert sentence_of(array_of(build_report(snapshot, analyses=rows), "loss_grid", "gain")).startswith("Largest: 0.20")


def test_only_analyses_of_the_measured_weights_by_the_newest_definition_count(default_sweep: MakeSnapshot) -> None:
    snapshot = default_sweep()
    rows = [one for one in analyses_of(snapshot) if one.analysis == "counterfactual"]
    scaled = [{**one.arrays[0], "values": [7.0]} for one in rows]
    elsewhere = [dataclasses.replace(one, step=one.step - 1, version=9, arrays=(new,)) for one, new in zip(rows, scaled, strict=True)]
    later = dataclasses.replace(rows[0], weights="cd", created=WHEN + timedelta(days=1), arrays=(scaled[0],))
    report = build_report(snapshot, analyses=[later, *elsewhere, *rows])
    gain = array_of(report, "counterfactual", "gain").at("single/none", {})
    assert gain is not None
    assert gain.by_seed[0] == 7.0, "computed last"
    assert gain.by_seed[1] == pytest.approx(0.14)
    mine = [dataclasses.replace(one, analysis="mine") for one in rows]
    (section,) = build_report(snapshot, analyses=[dataclasses.replace(mine[0], version=2), *mine]).analyses
    assert (section.version, section.trials, section.finished) == (2, 1, 12), "definitions are not mixed"


def test_a_newer_definition_than_this_programs_hides_none_of_it(default_sweep: MakeSnapshot) -> None:
    snapshot = default_sweep()
    rows = [one for one in analyses_of(snapshot) if one.analysis == "counterfactual"]
    newer = dataclasses.replace(rows[0], version=ANALYSES["counterfactual"].version + 1, created=WHEN + timedelta(days=1))
    report = build_report(snapshot, analyses=[newer, *rows])
    (section,) = report.analyses
    assert (section.version, section.trials) == (ANALYSES["counterfactual"].version, 12)
    assert report.notes[-1] == (
        f"Analyses by newer definitions than those of this sweeper are left out: counterfactual (version {newer.version}). Upgrade sweeper"
        " to see them."
    )
    alone = build_report(snapshot, analyses=[newer])
    assert (alone.analyses, alone.notes[-1]) == ((), report.notes[-1])


def sharing(variants: dict[str, dict[str, Any]], evaluations: dict[str, str], steps: dict[str, int]) -> SweepSnapshot:
    """Variants that share the trial of each seed."""
    first, second = variants
    contrast = {"name": "c", "metric": "loss_grid.gain", "of": second, "to": first}
    spec = {
        "question": "What is asked?",
        "name": "shared",
        "base": {"preset": "nano"},
        "design": {"kind": "variants", "variants": variants},
        "seeds": 3,
        "metric": {"primary": "fd_digits", "direction": "lower"},
        "contrasts": [contrast],
    }
    outcomes = [
        dataclasses.replace(
            finished(name, seed, 10.0 + seed),
            fingerprint=f"one-{seed}",
            steps=steps.get(name, 800),
            evaluation_fingerprint=evaluations.get(name, "eval"),
        )
        for name in variants
        for seed in range(3)
    ]
    return snapshot_of(spec, outcomes)


@pytest.mark.parametrize(
    ("variant", "evaluations", "steps"),
    [
        ({"steps": 400}, {}, {"second": 400}),
        ({"evaluation.seed": 5}, {"second": "another"}, {}),
        ({"partition.ratio": 0.5}, {}, {}),
    ],
    ids=["steps", "evaluation", "partition"],
)
def test_variants_that_share_a_trial_have_what_each_asked_of_it(
    variant: dict[str, Any], evaluations: dict[str, str], steps: dict[str, int]
) -> None:
    snapshot = sharing({"first": {}, "second": variant}, evaluations, steps)
    rows = rows_of(snapshot, lambda outcome: scalar({"first": 1.0, "second": 3.0}[outcome.variant] + outcome.seed))
    rows = [dataclasses.replace(one, analysis="loss_grid") for one in rows]
    assert len({dataclasses.astuple(one)[:6] for one in rows}) == 6, "rows of their own"
    report = build_report(snapshot, analyses=rows[::-1])
    gain = array_of(report, "loss_grid", "gain")
    assert [gain.at(name, {}).by_seed for name in ("first", "second")] == [{0: 1, 1: 2, 2: 3}, {0: 3, 1: 4, 2: 5}]
    assert report.contrasts[0].summary.by_seed == {0: 2, 1: 2, 2: 2}
    assert not any("itself" in caveat for caveat in report.contrasts[0].caveats)
    (section,) = build_report(snapshot, analyses=rows[:3]).analyses
    assert (section.trials, section.finished, list(section.arrays[0].cells)) == (3, 6, ["first"])


def test_variants_that_ask_the_same_of_a_trial_share_its_numbers() -> None:
    snapshot = sharing({"first": {}, "second": {"log_every": 7}}, {}, {})
    rows = rows_of(snapshot, lambda outcome: scalar(1.0 + outcome.seed))
    assert len({dataclasses.astuple(one)[:6] for one in rows}) == 3
    assert list(array_of(build_report(snapshot, analyses=rows[:3]), "mine", "gain").cells) == ["first", "second"]


def test_numbers_of_different_judges_make_no_contrast_and_other_machines_are_said() -> None:
    snapshot = sharing({"first": {}, "second": {"steps": 400}}, {}, {"second": 400})
    rows = [dataclasses.replace(one, analysis="loss_grid") for one in rows_of(snapshot, lambda o: scalar(1.0 + o.seed), evaluator="a")]

    def told(**details: str) -> Report:
        apart = dataclasses.replace(rows[0], details={**rows[0].details, **details})
        return build_report(snapshot, analyses=[apart, *rows[1:]])

    assert told().contrasts[0].estimate == 0
    assert not any(note.startswith("Analysis ") for note in told().notes)
    judged = told(evaluator="b")
    assert judged.contrasts[0].estimate is None
    said = (
        "Analysis loss_grid: its trials were judged by different classifiers (a, b), whose numbers do not compare, so contrasts have none."
    )
    assert judged.notes[-1] == said
    rows = [dataclasses.replace(one, details={"precision": "bf16", "device": "cuda"}) for one in rows]
    computed = told(precision="fp32", device="cpu")
    assert computed.contrasts[0].estimate == 0
    said = "Analysis loss_grid: its trials were computed in different ways (bf16 and fp32, cpu and cuda), which agree up to rounding."
    assert computed.notes[-1] == said


def test_axes_may_be_called_as_anything(default_sweep: MakeSnapshot) -> None:
    named = with_array(default_sweep(), array("x", "x", (Axis("self", (1.0,)), Axis("variant", (2.0, 3.0))), lambda a, b: a + b))
    found = named.at("dual/full", {"self": 1.0, "variant": 3.0})
    assert found is not None
    assert found.mean == 4.0
    assert sentence_of(named).startswith("Largest: 4.00 [4.00, 4.00] in single/none at self = 1, variant = 3")


def test_arrays_of_one_name_over_other_axes_have_files_of_their_own(default_sweep: MakeSnapshot) -> None:
    def over(outcome: TrialOutcome) -> AnalysisArray:
        levels = (0.1, 0.5) if outcome.variant == "dual/none" else (0.1, 0.9)
        return array("gain", "gain", (Axis("t", levels),), lambda t: t)

    snapshot = default_sweep()
    assert list(analysis_drawings(build_report(snapshot, analyses=rows_of(snapshot, over)))) == [
        "analysis-mine-gain",
        "analysis-mine-gain-2",
    ]


def test_where_it_does_not_apply_is_said(default_sweep: MakeSnapshot) -> None:
    report = analysed(default_sweep(), not_applicable="single/none")
    (section,) = [section for section in report.analyses if section.name == "counterfactual"]
    assert section.not_applicable == {"it has no groups": ("single/none",)}
    assert list(section.arrays[0].cells) == ["single/full", "dual/none", "dual/full"]
    drawn = next(one for one in analysis_pictures(report) if one.title == "counterfactual")
    assert drawn.remarks == ("It does not apply to single/none: it has no groups.",)


def test_text_formats_name_what_there_is_in_one_line(default_sweep: MakeSnapshot) -> None:
    snapshot = default_sweep(replaced={("dual/full", 2): unfinished("dual/full", 2, "failed")})
    found = [one for one in analyses_of(snapshot) if one.analysis != "signed"]
    rows = [one for one in found if one.analysis != "overfitting" or "2" not in one.fingerprint]
    note = (
        "Analyses of the trained weights: attention_mass, loss_grid, counterfactual, overfitting (8 of 11 trials). `--format html` and json"
        " show them, and `sweeper.analyses()` has their numbers."
    )
    report = build_report(snapshot, analyses=rows)
    assert report.notes[-1] == note
    assert "overfitting (8 of 11 trials)" in render(report, "terminal", width=400)
    assert "Analyses of the trained weights" in render(report, "markdown")
    assert not any("Analyses" in said for said in build_report(snapshot).notes)


def test_the_json_holds_every_number_and_fits_its_schema(default_sweep: MakeSnapshot) -> None:
    report = analysed(default_sweep(), not_applicable="single/none")
    content = json.loads(render(report, "json"))
    jsonschema.validate(content, report_schema())
    by_name = {section["name"]: section for section in content["analyses"]}
    assert list(by_name) == ["attention_mass", "loss_grid", "counterfactual", "overfitting", "signed"]
    gain = by_name["loss_grid"]["arrays"][0]
    assert [axis["name"] for axis in gain["axes"]] == ["t_own", "t_other"]
    mine = gain["variants"]["dual/none"]
    assert mine["mean"][3 * 5] == pytest.approx(0.6)
    assert mine["by_seed"]["2"][3 * 5] == pytest.approx(0.63)
    assert set(mine["n"]) == {3}
    assert by_name["signed"]["arrays"][0]["variants"]["dual/none"]["mean"][-1] is None, "NaN"
    assert by_name["counterfactual"]["not_applicable"] == {"it has no groups": ["single/none"]}


def test_each_shape_has_its_picture(default_sweep: MakeSnapshot) -> None:
    found = pictures(analysed(default_sweep()))
    heat = found["Gain of reading, (blocked - reads) / reads"]
    variants = ("single/none", "single/full", "dual/none", "dual/full")
    assert heat.panels == variants
    assert len(heat.choices[0].rows) == 4 * 25
    cell = next(row for row in heat.choices[0].rows if (row["panel"], row["y"], row["x"]) == ("dual/none", 0.7, 0.1))
    assert (cell["text"], cell["said"]) == (".60", "0.60 [0.53, 0.67], n = 3")
    loss = found["Squared error"]
    assert [choice.label for choice in loss.choices] == ["on", "off"], "an axis of names is chosen on"
    lines = found["Attention across groups"]
    assert (lines.panels, [choice.label for choice in lines.choices]) == (("",), ["noisy->clean", "clean->noisy"])
    assert {(row["variant"], row["x"]) for row in lines.choices[0].rows} == {(name, x) for name in variants for x in (1, 2, 3, 4)}
    over = found["Held-out minus training loss"]
    assert [choice.label for choice in over.choices] == ["t 0.1", "t 0.3", "t 0.5", "t 0.7", "t 0.9"], "steps are drawn along"
    bars = found["Class accuracy of samples"]
    assert (bars.panels, len(bars.choices[0].rows)) == (variants, 8)
    means = found["Gain of reading"]
    assert sum(row["kind"] == "mean" for row in means.choices[0].rows) == 4
    signed = found["A difference"]
    assert len(signed.choices[0].rows) == 4 * 3 * 5, "where there is no number nothing is drawn"
    colour = signed.spec["layer"][0]["encoding"]["color"]["scale"]
    assert colour["scheme"] == "blueorange"
    assert colour["domain"][0] == -colour["domain"][1], "0 is the middle"


def test_a_large_array_is_cut_and_says_so(default_sweep: MakeSnapshot) -> None:
    many = tuple(map(float, range(30)))
    axes = (Axis("kind", tuple(f"kind {i}" for i in range(30))), Axis("a", many), Axis("b", many))
    snapshot = default_sweep()
    one = array("large", "large", axes, lambda kind, a, b: a + b).to_json()
    rows = [dataclasses.replace(row, arrays=(one,)) for row in analyses_of(snapshot) if row.analysis == "signed"]
    (picture,) = pictures(build_report(snapshot, analyses=rows)).values()
    assert len(picture.choices) == 2
    assert picture.sentence.endswith("Here are 2 of 30 choices, and in JSON all.")
