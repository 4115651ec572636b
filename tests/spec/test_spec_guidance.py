"""A choice of guidance in a sweep: by the metric that the sweep is about, and no part of the version of sweeps without one."""

from typing import Any

from small_sweep import Load, Refused


def asked(primary: str, direction: str = "lower", **guidance: Any) -> dict[str, Any]:
    evaluation = {"guidance": {"best_of": [1, 1.5], "seed": 7} | guidance}
    return {"base": {"preset": "nano", "evaluation": evaluation}, "metric": {"primary": primary, "direction": direction}}


def test_a_sweep_chooses_by_what_it_is_about(load: Load, refused: Refused) -> None:
    for primary in ("held_out_loss", "fd_digits"):
        assert load(**asked(primary)).configs[0][1].evaluation.guidance.best_of == (1.0, 1.5)
    assert refused(**asked("class_accuracy", "higher")).endswith(
        "metric.primary: class_accuracy decides, and variant single/none chooses its guidance by fd_digits; set"
        " base.evaluation.guidance.by: class_accuracy"
    )
    assert load(**asked("class_accuracy", "higher", by="class_accuracy")).spec.metric.primary == "class_accuracy"


def test_what_was_chosen_decides_nothing(refused: Refused) -> None:
    assert refused(**asked("guidance_scale")).endswith(
        "metric.primary: guidance_scale is what evaluation.guidance chose, of which no value is better; name the metric that chose it"
    )


def test_a_sweep_without_a_choice_has_the_version_that_it_had_before_there_was_one(load: Load) -> None:
    assert load(base={"preset": "nano", "evaluation": {}}).version == "742adcb51c06"
    assert load(**asked("held_out_loss")).version != "742adcb51c06"
