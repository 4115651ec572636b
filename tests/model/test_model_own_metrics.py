"""Metrics of the user's own: what they are shown, by hand; what their code names; and what is refused, in one line."""

import inspect
import json
from pathlib import Path
from typing import Any

import edge_strength
import odd_metrics
import pytest
import torch
from pydantic import ValidationError
from safetensors.torch import load, save
from test_model_evaluation_blocks import nothing
from tiny_trials import network_of, tiny
from trial_reports import run

from model.config import TrainConfig, modules_also_in, named_classes
from model.config.evaluation import EvaluationConfig
from model.config.section import first_fault
from model.data.dataset import DataSet
from model.errors import ConfigError, DataError, MetricError
from model.evaluation.evaluate import Evaluation, evaluate
from model.evaluation.evaluation_classifier import EvaluationClassifier
from model.evaluation.own_metrics import OwnMetrics, load_metrics, with_real_images
from model.evaluation.reference import classifier_reference
from model.patches import unpatchify
from model.presets import config_from
from model.sampling.generate import generate
from model.train_trial import check, preflight

EDGES = {"name": "edge_strength", "kind": "edge_strength.EdgeStrength", "direction": "higher"}


def odd(kind: str, **more: Any) -> dict[str, Any]:
    return {"name": "odd", "kind": f"odd_metrics.{kind}", "direction": "lower"} | more


def asked(*metrics: dict[str, Any], **more: Any) -> TrainConfig:
    return tiny(evaluation={"samples": 20, "own_metrics": list(metrics)} | more)


@pytest.fixture
def measure(digits: DataSet, classifier: EvaluationClassifier, tmp_path: Path) -> Any:
    def found(config: TrainConfig) -> Evaluation:
        own = with_real_images(load_metrics(config.evaluation), config, digits, classifier, None, nothing)
        reference = classifier_reference(config.evaluation, digits, classifier)
        picture = tmp_path / "grid.png"
        return evaluate(config, network_of(config), digits, classifier, picture, nothing, step=0, reference=reference, own_metrics=own)

    return found


def edges(images: torch.Tensor) -> float:
    return (images[:, :, 1:] - images[:, :, :-1]).abs().mean().item() + (images[..., 1:] - images[..., :-1]).abs().mean().item()


def test_its_number_by_hand_and_no_other_number_changes(measure: Any, digits: DataSet) -> None:
    config = asked(EDGES)
    ((tokens, _),) = generate(network_of(config), config.evaluation, shape=(16, 4), dtype=torch.float64, tick=nothing, channels=1)
    drawn, real = (unpatchify(part.float(), 2, 1).clamp(-1, 1) for part in (tokens, digits.held_out.tokens))
    found = measure(config)
    assert found.metrics.pop("edge_strength") == pytest.approx(edges(drawn) / edges(real), rel=1e-5)
    assert found == measure(asked())


def test_it_is_shown_samples_and_real_images_with_labels_and_features(
    measure: Any, digits: DataSet, classifier: EvaluationClassifier
) -> None:
    odd_metrics.SEEN.clear()
    found = measure(asked(odd("SeesAll"), seed=3, more_seeds=[5]))
    assert found.metrics["odd"] == 4.0
    assert found.details["by_generation_seed"]["odd"] == {"3": 3.0, "5": 5.0}
    first, second = odd_metrics.SEEN
    assert (first.seed, second.seed) == (3, 5)
    assert first.samples.measured.shape == (20, 1, 8, 8)
    assert torch.equal(first.samples.labels, torch.arange(20) % 10)
    assert first.samples.features.shape == (20, 64)
    assert not torch.equal(first.samples.measured, second.samples.measured)
    for images, part, count in ((first.reference, digits.reference_images, 20), (first.held_out, digits.held_out, 359)):
        assert torch.equal(images.measured, unpatchify(part.tokens[:count].float(), 2, 1))
        assert torch.equal(images.labels, part.labels[:count])
        assert torch.equal(images.features, classifier.classify(part.tokens[:count])[0].double())


def test_real_images_are_measured_once(measure: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = list[int]()

    def counted(self: odd_metrics.SeesAll, images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        shown.append(len(images))
        return images

    monkeypatch.setattr(odd_metrics.SeesAll, "measure", counted)
    monkeypatch.setattr(odd_metrics.SeesAll, "value", lambda self, all_of_it: all_of_it.held_out.measured.mean().item())
    measure(asked(odd("SeesAll"), seed=3, more_seeds=[5]))
    assert (shown.count(20), sum(shown)) == (2, 2 * 20 + 359), "samples of both seeds, and held-out images"


def test_what_one_changes_in_place_is_its_own(measure: Any, digits: DataSet) -> None:
    """Neither the others, nor the samples of the next seed, nor the data, nor any number that is built in."""
    before = [part.clone() for part in (digits.held_out.tokens, digits.held_out.labels, digits.reference_images.labels)]
    seeds = {"seed": 3, "more_seeds": [5]}
    alone, beside = (measure(asked(*more, odd("FeaturesAlone"), EDGES, **seeds)) for more in ([], [odd("InPlace") | {"name": "a"}]))
    assert beside.metrics.pop("a") == 1.0
    assert beside.metrics == alone.metrics
    after = (digits.held_out.tokens, digits.held_out.labels, digits.reference_images.labels)
    assert all(torch.equal(one, other) for one, other in zip(before, after, strict=True))


def test_one_may_be_of_features_alone(measure: Any) -> None:
    assert measure(asked(odd("FeaturesAlone"))).metrics["odd"] > 0


def test_guidance_can_be_chosen_by_it(measure: Any) -> None:
    scales = {"guidance": {"best_of": [1, 4], "seed": 7, "by": "edge_strength"}}
    best = {way: measure(asked(EDGES | {"direction": way}, **scales)).details["guidance"] for way in ("higher", "lower")}
    values = best["higher"]["values"]
    assert values == best["lower"]["values"]
    assert {way: f"{one['chosen']:g}" for way, one in best.items()} == {
        "higher": max(values, key=values.get),
        "lower": min(values, key=values.get),
    }


def test_a_trial_reports_it(tmp_path: Path, cache: Path) -> None:
    config = asked(EDGES).model_copy(update={"steps": 1})
    (_, metrics), *_ = run(config, tmp_path, cache).of("evaluation")
    assert metrics["edge_strength"] > 0


def test_its_code_names_the_result_and_not_the_training() -> None:
    plain, own = asked(), asked(EDGES)
    assert plain.evaluation_identity(content_hash="d") != own.evaluation_identity(content_hash="d")
    assert plain.training_identity(content_hash="d", precision="fp32") == own.training_identity(content_hash="d", precision="fp32")
    assert "own_metrics" not in json.dumps(plain.evaluation_identity(content_hash="d")), "older results keep their names"
    assert named_classes(own.model_dump(mode="json")) == (EDGES["kind"],)
    identity = own.evaluation_identity(content_hash="d")
    assert identity["own_metrics"] == (EDGES | {"source_hash": own.evaluation.own_metrics[0].source_hash},)
    printed = asked(EDGES | {"label": "edges", "decimals": 1})
    assert printed.evaluation_identity(content_hash="d") == identity, "how it is printed does not name it"
    positive = asked(EDGES | {"positive": True})
    assert positive.evaluation_identity(content_hash="d") != identity, "values of 0 that were measured without it are no results with it"
    both = [asked(*pair) for pair in ((EDGES, odd("Text")), (odd("Text"), EDGES))]
    assert both[0] == both[1], "their order does not"


def test_code_that_was_replaced_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "replaced_metric.py"
    file.write_text("from edge_strength import EdgeStrength\n\nclass Own(EdgeStrength):\n    pass\n")
    with modules_also_in([tmp_path]):
        config = asked(EDGES | {"kind": "replaced_metric.Own"}).evaluation
        assert load_metrics(config)
        file.write_text(f"{file.read_text()}# of another day\n")
        with pytest.raises(DataError, match=r"evaluation.own_metrics replaced_metric.Own, or of what it imports, was replaced"):
            load_metrics(config)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("Missing", "evaluation.own_metrics odd_metrics.Missing: module 'odd_metrics' has no attribute 'Missing'; check the name"),
        ("NoMetric", "odd_metrics.NoMetric is no subclass of model.evaluation.own_metrics.Metric; make it one"),
        ("NoValue", "odd_metrics.NoValue cannot be made without arguments: TypeError"),
    ],
)
def test_what_is_no_metric_is_refused_in_one_line(kind: str, message: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load_metrics(asked(odd(kind)).evaluation)
    assert (message in str(refused.value), "\n" in str(refused.value)) == (True, False), refused.value


@pytest.mark.parametrize(
    ("metric", "message"),
    [
        (odd("Raises"), "evaluation.own_metrics: odd (odd_metrics.Raises): value raised KeyError: 'no such\\nkey'; fix odd_metrics.Raises"),
        (odd("NotFinite"), "odd (odd_metrics.NotFinite): value gave nan; return a finite number"),
        (odd("Text"), "odd (odd_metrics.Text): value gave str and no number; return a float"),
        (odd("Negative", positive=True), "value gave -0.5, and positive is true; return a number above 0, or leave it out"),
        (odd("OneRow"), "measure gave a tensor of shape (1, 1, 8, 8) for 20 images; return a tensor with a row for each"),
        (odd("Complex"), "measure gave a tensor that is complex64, which is not kept; return a dense one of real numbers"),
        (odd("Sparse"), "measure gave a tensor that is sparse_coo, which is not kept; return a dense one of real numbers"),
        (odd("ByBlock"), "measure gave rows of shape (32,) in one block and (7,) in another; return one shape"),
    ],
    ids=lambda given: given["kind"] if isinstance(given, dict) else "",
)
def test_one_that_goes_wrong_says_so_in_one_line(measure: Any, metric: dict[str, Any], message: str) -> None:
    """And no fault of the config is what it is taken for, which a later run would not try again."""
    with pytest.raises(MetricError) as failed:
        measure(asked(metric))
    assert (message in str(failed.value), "\n" in str(failed.value)) == (True, False), failed.value


def test_rows_of_samples_have_one_shape_in_all_blocks(measure: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("model.sampling.generate.BLOCK", 8)
    with pytest.raises(MetricError, match=r"measure gave rows of shape \(8,\) in one block and \(4,\) in another; return one shape"):
        measure(asked(odd("ByBlock")))


def test_what_two_metrics_keep_in_the_same_memory_goes_into_one_file() -> None:
    both = OwnMetrics(load_metrics(asked(odd("SameMemory"), odd("SameMemory") | {"name": "again"}).evaluation))
    kept = load(save(both.measure(torch.zeros(3, 1, 8, 8), torch.arange(3))))
    assert sorted(kept) == ["labels", "own_metric_again", "own_metric_odd"]
    assert all(torch.equal(kept[name], odd_metrics.ROWS[:3]) for name in ("own_metric_again", "own_metric_odd"))


def test_want_of_memory_stays_what_it_is(measure: Any) -> None:
    with pytest.raises(RuntimeError, match="allocate memory"):
        measure(asked(odd("TooLarge")))


def test_what_was_trained_is_kept_where_one_fails_on_the_way(tmp_path: Path, cache: Path) -> None:
    """The evaluation is at no multiple of `checkpoint_every`; the next attempt makes up for it before it trains on."""
    cadence: dict[str, Any] = {"steps": 3, "checkpoint_every": 100}
    failing, mended = (asked(metric, every=2).model_copy(update=cadence) for metric in (odd("Raises"), EDGES))
    with pytest.raises(MetricError, match="value raised KeyError"):
        run(failing, tmp_path / "attempt-1", cache)
    again = run(mended, tmp_path / "attempt-2", cache, resume_from=[tmp_path / "attempt-1"])
    assert again.started().step == 2
    assert [step for step, _ in again.of("evaluation")] == [2, 3]


@pytest.mark.parametrize(
    ("metrics", "message"),
    [
        ([EDGES | {"kind": "no_such.Thing"}], "evaluation.own_metrics no_such.Thing: there is no module no_such with a source file"),
        ([EDGES | {"kind": "Thing"}], "evaluation.own_metrics: kind is package.module.ClassName, a class of your own, not 'Thing'"),
        ([EDGES | {"name": "fid"}], "own_metrics.0.name: the name fid is taken by a metric that is built in; give yours another name"),
        ([EDGES | {"name": "fd_mine"}], "the name fd_mine is taken"),
        ([EDGES | {"name": "My Metric"}], "own_metrics.0.name: give a name of lower-case letters, digits and _"),
        ([EDGES | {"label": "two\nlines"}], "own_metrics.0.label: give a label of characters that can be seen, in one line, not 'two\\n"),
        ([{"name": "odd", "kind": "odd_metrics.Text"}], "own_metrics.0.direction: Field required"),
        ([EDGES, EDGES], "evaluation.own_metrics has two of the name edge_strength; give each a name of its own"),
    ],
    ids=str,
)  # fmt: skip
def test_a_config_that_means_nothing_is_refused(metrics: list[dict[str, Any]], message: str) -> None:
    with pytest.raises(ValidationError) as refused:
        EvaluationConfig.model_validate({"own_metrics": metrics})
    assert message in first_fault(refused.value)


def test_one_that_fails_at_images_is_found_before_a_sweep_starts() -> None:
    config = config_from({"preset": "nano", "evaluation": {"own_metrics": [odd("OneRow")]}})
    with pytest.raises(MetricError, match=r"measure gave a tensor of shape \(1, 1, 8, 8\) for 2 images"):
        preflight(config, check(config))


def test_the_documentation_shows_this_one() -> None:
    page = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text(encoding="utf-8")
    assert inspect.getsource(edge_strength) in page
