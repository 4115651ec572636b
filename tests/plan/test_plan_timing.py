"""How long a sweep takes: by trials of the same shape on the same device, else by a preflight, else by counting; and what is named."""

from dataclasses import replace
from typing import Any

import pytest

from model.config import TrainConfig
from model.presets import config_from
from model.train_trial import DataFacts
from sweeper.plan.flops import CPU_THREAD, GPU_SHARE, evaluation_flops, reached, step_flops
from sweeper.plan.machine import Allotment
from sweeper.plan.reconcile import Decision
from sweeper.plan.timing import NOTHING_TO_LOOK_AT, Looking, Pace, counted_pace, looking_of, measured_pace, shape_of, sweep_time, untried_of
from sweeper.records import PlannedTrial, TrialTiming

DIGITS = DataFacts("x", channels=1, resolution=8, classes=10, train=1438, held_out=359)
LATENTS = DataFacts("x", channels=4, resolution=32, classes=1000, train=1_281_167, held_out=0)
KEY = {"device": "cpu (A)", "torch": "2.13.0", "precision": "fp32", "world_size": 1, "micro_batch": 64, "threads": 1}
ONE_CPU = Allotment(cpus=1, gpus=0, concurrent=2, device="cpu (A)")
ONE_GPU = Allotment(cpus=8, gpus=1, concurrent=8, device="NVIDIA H100 80GB HBM3")


def nano(**changed: Any) -> TrainConfig:
    return config_from({"preset": "nano"} | changed)


def plain(**changed: Any) -> dict[str, Any]:
    return nano(**changed).model_dump(mode="json")


@pytest.mark.parametrize(
    "changed",
    [{"seed": 7}, {"steps": 5}, {"optimizer": {"learning_rate": 1.0}}, {"evaluation": {"samples": 10}}, {"alignment": {"weight": 2.0}}],
)
def test_one_shape(changed: dict[str, Any]) -> None:
    assert shape_of(plain(**changed)) == shape_of(plain())


@pytest.mark.parametrize(
    "changed",
    [{"batch_size": 32}, {"timesteps": {"kind": "dual"}}, {"attention": {"separation": "full"}}, {"backbone": {"width": 96}}],
)
def test_other_shapes(changed: dict[str, Any]) -> None:
    assert shape_of(plain(**changed)) != shape_of(plain())


def timing(seconds: float, other: float = 4.0, evaluation: str = "eval", **key: Any) -> TrialTiming:
    return TrialTiming(plain(), KEY | key, evaluation, seconds, other)


def test_measured_is_the_median_of_what_ran_alike() -> None:
    ran = {"shape": [timing(0.01, 3), timing(0.03, 9), timing(0.02, 5), timing(9, device="cpu (B)"), timing(9, threads=2)]}
    pace = measured_pace("shape", "eval", KEY, ran)
    assert pace == Pace(0.02, 5, "measured", "trials of the same shape that ran on this device")
    assert pace.seconds(800) == pytest.approx(0.02 * 800 + 5)


def test_an_evaluation_that_never_ran_takes_what_another_took_and_says_so() -> None:
    pace = measured_pace("shape", "new", KEY, {"shape": [timing(0.01, 3)]})
    assert pace == Pace(0.01, 3, "measured", "trials of the same shape that ran on this device, evaluated otherwise")


@pytest.mark.parametrize("key", [KEY | {"device": "cpu (B)"}, KEY | {"precision": "bf16"}])
def test_nothing_is_measured_on_another_device(key: dict[str, Any]) -> None:
    assert measured_pace("shape", "eval", key, {"shape": [timing(0.01)]}) is None


def test_where_only_the_cluster_knows_its_devices_what_ran_there_counts() -> None:
    found = measured_pace("shape", "eval", {"precision": "fp32", "threads": 1}, {"shape": [timing(0.01)]})
    assert found is not None
    assert (found.seconds_per_step, found.how) == (0.01, "trials of the same shape that ran there")
    assert measured_pace("other", "eval", KEY, {"shape": [timing(0.01)]}) is None


def planned(evaluation: str = "eval", **changed: Any) -> PlannedTrial:
    return PlannedTrial("v", {}, 0, "f", evaluation, 800, plain(**changed))


def test_the_first_of_each_new_shape_is_tried() -> None:
    running = {
        "known": planned(),
        "wide": planned(batch_size=32),
        "again": planned(batch_size=32),
        "dual": planned(timesteps={"kind": "dual"}),
    }
    assert list(untried_of(running, {shape_of(plain()): [timing(0.01)]})) == ["wide", "dual"]
    assert list(untried_of(running, {})) == ["known", "wide", "dual"]


def test_a_known_shape_is_tried_once_with_metrics_of_the_users_own_that_it_was_not_measured_by() -> None:
    def own(evaluation: str, seed: int) -> PlannedTrial:
        trial = planned(evaluation, seed=seed)
        return replace(trial, config=trial.config | {"evaluation": {"own_metrics": [{"name": "mine"}]}})

    running = {"other samples": planned("new"), "first": own("with mine", 0), "second": own("with mine", 1)}
    ran = {shape_of(plain()): [timing(0.01)]}
    assert list(untried_of(running, ran)) == ["first"]
    assert untried_of(running, {shape_of(plain()): [timing(0.01), timing(0.01, evaluation="with mine")]}) == {}


def test_counted_says_what_it_assumes() -> None:
    config = nano()
    pace = counted_pace(config, DIGITS, ONE_CPU, None)
    assert pace.seconds_per_step == pytest.approx(step_flops(config, 16, 4) / CPU_THREAD)
    assert (pace.source, pace.how) == ("estimated", "operations counted, at 25 GFLOP/s per thread, assumed")
    tried = counted_pace(config, DIGITS, ONE_CPU, 0.5)
    assert (tried.seconds_per_step, tried.other_seconds, tried.source) == (0.5, pace.other_seconds, "preflight")


def test_a_smaller_training_set_is_of_the_same_shape() -> None:
    """As is one of a config that was stored before a training set could be smaller."""
    whole, few = nano().model_dump(mode="json"), nano(data={"kind": "digits", "train_images": 100}).model_dump(mode="json")
    assert shape_of(whole) == shape_of(few) == shape_of(whole | {"data": {"kind": "digits"}})


def test_the_overfitting_gap_costs_another_pass_over_the_held_out_images() -> None:
    plain, asked = (
        nano(evaluation={"samples": samples, "extra_metrics": gap}) for samples, gap in ((1000, ()), (1000, ["overfitting_gap"]))
    )
    more = nano(evaluation={"held_out_levels": 32})
    assert evaluation_flops(asked, DIGITS) == evaluation_flops(more, DIGITS) > evaluation_flops(plain, DIGITS)


def test_every_evaluation_on_the_way_counts() -> None:
    once, often = nano(), nano(evaluation={"every": 200})  # at 200, 400, 600 and, as always, at 800
    start = counted_pace(once, DIGITS, ONE_CPU, None).other_seconds - evaluation_flops(once, DIGITS) / CPU_THREAD
    expected = start + 4 * evaluation_flops(once, DIGITS) / CPU_THREAD
    assert counted_pace(often, DIGITS, ONE_CPU, None).other_seconds == pytest.approx(expected)


DECODED = {"extractor": {"kind": "timm", "name": "resnet18", "weights": "none"}, "samples": 1000}


def looked(seconds: float, by: TrainConfig, facts: DataFacts = DIGITS, **key: Any) -> TrialTiming:
    named = by.looked_at_by(facts.channels, facts.resolution)
    return replace(timing(0.01, 3, **key), looked_at_by=named, seconds_per_sample=seconds)


def test_looking_at_samples_is_timed_by_trials_of_any_shape_with_the_same_networks() -> None:
    config, other = nano(evaluation=DECODED), nano(evaluation=DECODED | {"extractor": {"kind": "timm", "name": "vit", "weights": "none"}})
    ran = {
        "one shape": [looked(0.01, config), looked(0.5, other), looked(0.5, config, LATENTS), looked(0.5, config, device="cpu (B)")],
        "another": [looked(0.03, config, world_size=4), looked(0.02, config)],
    }
    assert looking_of(config, DIGITS, KEY, 1, ran) == Looking(1000, 0.02)
    shared = nano(evaluation=DECODED | {"every": 200, "more_seeds": [1], "guidance": {"best_of": [1, 2], "seed": 7}})
    found = looking_of(shared, DIGITS, KEY, 2, ran)
    assert found.samples == 4 * (2 + 2) * 1000 / 2, "4 evaluations, 2 seeds and 2 scales, by 2 processes"
    assert looking_of(nano(), DIGITS, KEY, 1, ran) == NOTHING_TO_LOOK_AT, "the small classifier is not worth the clock"


def test_a_plan_counts_it_where_it_was_timed_and_says_where_it_was_not() -> None:
    config = nano(evaluation=DECODED)
    without = counted_pace(config, DIGITS, ONE_CPU, None)
    timed, unknown = (counted_pace(config, DIGITS, ONE_CPU, None, Looking(1000, seconds)) for seconds in (0.02, None))
    assert timed.other_seconds == pytest.approx(without.other_seconds + 20)
    assert timed.how == f"{without.how}; decoding and features of samples as timed here"
    assert unknown.other_seconds == without.other_seconds
    assert unknown.how == f"{without.how}; decoding and features of samples not counted, since no trial here has timed them"
    look = Looking(1000, 0.02)
    judged = measured_pace("shape", "eval", KEY, {"shape": [timing(0.01, 3)]}, look)
    assert judged is not None
    assert judged.other_seconds == 3, "which has it in it"
    otherwise = measured_pace("shape", "new", KEY, {"shape": [timing(0.01, 3)]}, look)
    assert otherwise is not None
    assert otherwise.other_seconds == pytest.approx(3 + 20)
    assert otherwise.how.endswith("evaluated otherwise; decoding and features of samples as timed here")
    as_well = measured_pace("shape", "new", KEY, {"shape": [looked(0.02, config)]}, look)
    assert as_well is not None
    assert as_well.other_seconds == 3


def test_a_choice_of_guidance_costs_its_sets_of_samples() -> None:
    one, chosen = nano(evaluation={"guidance": {"scale": 2}}), nano(evaluation={"guidance": {"best_of": [1, 1.5, 2], "seed": 7}})
    unguided = nano(evaluation={})
    drawn = evaluation_flops(one, DIGITS) - evaluation_flops(unguided, DIGITS)  # of samples with one pass a call
    assert evaluation_flops(chosen, DIGITS) == pytest.approx(evaluation_flops(one, DIGITS) + (1 + 2 + 2) * drawn)


def test_a_known_gpu_and_an_unknown_one() -> None:
    assert reached("NVIDIA H100 80GB HBM3", "bf16", threads=8, gpus=1) == (GPU_SHARE * 989e12, "30% of the 989 TFLOP/s of an H100")
    assert reached("NVIDIA A100-SXM4", "bf16", threads=8, gpus=2)[0] == GPU_SHARE * 312e12 * 2
    assert reached(None, "bf16", threads=8, gpus=1)[1].endswith("of an H100, which stands in for this GPU")


def test_the_operations_of_a_published_size() -> None:
    """SiT-B/2 needs 23 GFLOPs for a forward pass of one image (2212.09748 counts multiplications and additions as one: 23.01)."""
    config = config_from({"preset": "B/2", "alignment": {"kind": "none"}, "batch_size": 1})
    assert step_flops(config, 256, 16) / 3 / 2 == pytest.approx(23.01e9, rel=0.03)


def decision(variant: str, from_step: int = 0) -> Decision:
    return Decision(PlannedTrial(variant, {}, 0, variant, "eval", 800, {}), "run", "new", from_step=from_step)


def test_wall_clock_is_shared_by_what_runs_at_once_and_no_shorter_than_the_longest() -> None:
    paces = {"a": Pace(0.1, 10, "measured", "m"), "b": Pace(0.2, 10, "estimated", "e")}
    found = sweep_time(paces, [decision("a"), decision("a"), decision("b")], ONE_CPU)
    assert (found.trial_seconds, found.longest_seconds, found.wall_seconds) == (90 + 90 + 170, 170, 175)
    assert sweep_time(paces, [decision("a"), decision("b")], ONE_GPU).wall_seconds == 170
    assert sweep_time(paces, [decision("a")], replace(ONE_GPU, device=None)).wall_seconds is None
    assert sweep_time({}, [], ONE_CPU).trial_seconds == 0


def test_what_was_done_already_takes_no_time() -> None:
    paces = {"a": Pace(0.1, 10, "measured", "m")}
    assert sweep_time(paces, [decision("a", from_step=600)], ONE_CPU).trial_seconds == pytest.approx(200 * 0.1 + 10)
    assert sweep_time(paces, [decision("a", from_step=800)], ONE_CPU).trial_seconds == 10
