"""Golden text of what a wrong field says: the place, the rule, the value, the nearest valid name."""

from typing import Any

import pytest
from small_sweep import Load, Refused

GAP = "give 'independent', {max: ...} or {fixed: ...}"
KINDS = "give a mapping with kind: digits, photographs, npz, folder, latents or images"


def test_a_message_begins_with_the_file(refused: Refused) -> None:
    fields = ("name", "base", "design", "seeds", "metric")
    assert refused("question: q\n") == "\n".join(["5 faults", *(f"{field}: this field is required; add it" for field in fields)])


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"sedes": 3}, "sedes: there is no field 'sedes'; did you mean \"seeds\"?"),
        (
            {"sedes": 3, "seeds": None},
            "2 faults\nsedes: there is no field 'sedes'; did you mean \"seeds\"?\nseeds: this field is required; add it",
        ),
        ({"question": None}, "question: this field is required; add it"),
        ({"question": ""}, "question: give at least 1 character, not ''"),
        ({"question": 3}, "question: give text in quotes, not 3"),
        ({"name": "a b"}, "name: give a name of letters, digits and _ . + = -, the first a letter or digit, not 'a b'"),
        ({"name": "../x"}, "name: give a name of letters, digits and _ . + = -, the first a letter or digit, not '../x'"),
        ({"base": "nano"}, "base: give `key: value` lines, not 'nano'"),
        (
            {"metric": {"primary": "heldout_loss", "direction": "lower"}},
            "metric: there is no metric 'heldout_loss'; did you mean \"held_out_loss\"?",
        ),
        (
            {"metric": {"primary": "class_accuracy", "direction": "lower"}},
            "metric: class_accuracy is better higher, not lower; set direction: higher",
        ),
        ({"metric": {"primary": "held_out_loss", "direction": "down"}}, "metric.direction: give 'lower' or 'higher', not 'down'"),
        ({"metric": {}}, "metric.primary: this field is required; add it"),
        ({"metric": "held_out_loss"}, "metric: give `key: value` lines, not 'held_out_loss'"),
        ({"resources": {"cpus": 0}}, "resources.cpus: give a number not below 0.001, not 0"),
        ({"resources": {"cpus": 5e-324}}, "resources.cpus: give a number not below 0.001, not 5e-324"),
        (
            {"resources": {"gpus": 5e-324}},
            "resources.gpus: gpus is 0, or 0.001 to 10,000 GPUs, not 4.94066e-324; ask for what the machine has",
        ),
        ({"resources": {"processes": 10**20}}, "resources.processes: give a number not above 10,000, not 100000000000000000000"),
        ({"resources": {"gpus": "all"}}, "resources.gpus: give a number or 'auto', not 'all'"),
        ({"resources": {"gpus": 1.5}}, "resources.gpus: gpus is a fraction of one GPU or a whole number, not 1.5"),
        ({"resources": {"gpu": 1}}, "resources.gpu: there is no field 'gpu'; did you mean \"gpus\"?"),
        ({"design": {"kind": "factoral", "factors": {}}}, "design.kind: there is no kind 'factoral'; did you mean \"factorial\"?"),
        (
            {"design": {"factors": {}}},
            "design: give a mapping with kind: factorial, fractional, one_at_a_time, leave_one_out, add_one_in, path, variants or search,"
            " not {'factors': {}}",
        ),
        ({"design": {"kind": "factorial", "factors": {}}}, "design.factors: give at least 1 entry, not {}"),
        (
            {"design": {"kind": "factorial", "variants": {}}},
            "2 faults\ndesign.variants: there is no field 'variants'; valid here: factors, where, unless, kind\n"
            "design.factors: this field is required; add it",
        ),
        (
            {"design": {"kind": "variants", "variants": {"a b": {}}}},
            "design.variants.a b: give a name of letters, digits and _ . + = -, the first a letter or digit, not 'a b'",
        ),
        (
            {"design": {"kind": "factorial", "factors": {"f": {"levels": {"a": "x"}}}}},
            "design.factors.f.levels.a: give `key: value` lines, not 'x'",
        ),
    ],
)
def test_fields_of_a_sweep(refused: Refused, changed: dict[str, Any], message: str) -> None:
    assert refused(**changed) == message


@pytest.mark.parametrize(
    ("base", "message"),
    [
        ({"stepz": 5}, "base.stepz: there is no field 'stepz'; did you mean \"steps\"?"),
        ({"alignment": {"wieght": 1}}, "base.alignment.wieght: there is no field 'wieght'; did you mean \"weight\"?"),
        ({"steps": "many"}, "base.steps: give a whole number, not 'many'"),
        ({"steps": 2.5}, "base.steps: give a whole number, not 2.5"),
        ({"steps": 0}, "base.steps: give a number not below 1, not 0"),
        ({"steps": 2**31}, "base.steps: give a number not above 2,147,483,647, not 2147483648"),
        (
            {"partition": {"ratio": [1e308, 1e308]}},
            "base.partition.ratio: a ratio list holds shares from 1e-09 to 1e+09, not [1e+308, 1e+308]; they need not add up to 1",
        ),
        ({"steps": None}, "base.steps: give a whole number, not null"),
        ({"steps": [True]}, "base.steps: give a whole number, not [True]"),
        ({"ema_decay": 1}, "base.ema_decay: give a number less than 1, not 1"),
        ({"ema_decay": float("nan")}, "base.ema_decay: give a finite number, not nan"),
        ({"optimizer": 5}, "base.optimizer: give `key: value` lines, not 5"),
        ({"optimizer": {"betas": [0.9]}}, "base.optimizer.betas.1: this field is required; add it"),
        ({"alignment": {"teacher": {"separated": "maybe"}}}, "base.alignment.teacher.separated: give true or false, not 'maybe'"),
        ({"timesteps": {"gap": "indep"}}, f"base.timesteps.gap: {GAP}, not 'indep'"),
        ({"timesteps": {"gap": {"fixd": 0.1}}}, "base.timesteps.gap.fixd: there is no field 'fixd'; did you mean \"fixed\"?"),
        ({"timesteps": {"gap": {"fixed": 2}}}, "base.timesteps.gap.fixed: give a number not above 1, not 2"),
        ({"timesteps": {"gap": {"fixed": "x"}}}, "base.timesteps.gap.fixed: give a number, not 'x'"),
        ({"timesteps": {"gap": {"fixed": 0.1, "max": 0.2}}}, f"base.timesteps.gap: {GAP}, not {{'fixed': 0.1, 'max': 0.2}}"),
        ({"partition": {"ratio": "half"}}, "base.partition.ratio: give a number or a list in [ ], not 'half'"),
        ({"partition": {"ratio": [0.5, "x"]}}, "base.partition.ratio.1: give a number, not 'x'"),
        ({"data": "digits"}, f"base.data: {KINDS}, not 'digits'"),
        ({"data": {"path": "x"}}, f"base.data: {KINDS}, not {{'path': 'x'}}"),
        ({"data": {"kind": "digts"}}, "base.data.kind: there is no kind 'digts'; did you mean \"digits\"?"),
        ({"data": {"kind": "npz"}}, "base.data.path: this field is required; add it"),
        ({"data": {"kind": "npz", "path": 3}}, "base.data.path: give a path, not 3"),
        (
            {"data": {"kind": "npz", "path": "~of-no-name/x"}},
            "base.data.path: ~of-no-name/x begins with a user who has no home here; write the whole path",
        ),
        (
            {"evaluation": {"extractor": {"kind": "inception", "weights": "~of-no-name/x"}}},
            "base.evaluation.extractor: evaluation.extractor.weights: ~of-no-name/x begins with a user who has no home here;"
            " write the whole path",
        ),
        (
            {"data": {"kind": "npz", "path": "a", "resolution": 8}},
            "base.data.resolution: there is no field 'resolution'; valid here: train_images, kind, path, range, held_out_fraction",
        ),
        ({"preset": "nanno"}, "base.preset: there is no preset 'nanno'; did you mean \"nano\"?"),
        (
            {"preset": 3},
            "base: there is no preset 3; choose one of nano, S/2, S/4, S/8, B/2, B/4, B/8, L/2, L/4, L/8, XL/2, XL/4, XL/8",
        ),
        ({"seed": 3}, "base.seed: a sweep sets the seed of each trial; remove it and list `seeds`"),
    ],
)
def test_fields_of_the_base(refused: Refused, base: dict[str, Any], message: str) -> None:
    assert refused(base={"preset": "nano"} | base) == message


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"attention.seperation": "none"}, "attention.seperation: there is no field 'seperation'; did you mean \"separation\"?"),
        ({"timestep.kind": "dual"}, "timestep: there is no field 'timestep'; did you mean \"timesteps\"?"),
        ({"batch_size.kind": 3}, "batch_size is 64, which has no field 'kind'; shorten the path"),
        ({"timesteps..kind": "dual"}, "'timesteps..kind' is no dotted path; write names joined by single dots"),
        ({"timesteps.kind": "triple"}, "timesteps.kind: give 'single', 'dual' or 'per_token', not 'triple'"),
        (
            {"alignment.teacher.separated": True},
            "alignment.teacher.separated needs a separated student; set attention.separation: full or alignment.teacher.separated: false",
        ),
        (
            {"timesteps.gap": {"fixed": 0.1}},
            "timesteps: timesteps.gap needs two noise levels; set timesteps.kind: dual or leave gap: independent",
        ),
        ({"backbone.heads": 5}, "backbone: heads must divide width, but 48 / 5 is not whole; change one of them"),
        ({"alignment.teacher.layer": 9}, "alignment.teacher.layer is 9, but backbone.layers is 3; choose a layer from 1 to 3"),
    ],
)
def test_a_variant_is_named_where_a_level_is_wrong(refused: Refused, fields: dict[str, Any], message: str) -> None:
    design = {"kind": "variants", "variants": {"plain": {}, "wrong": fields}}
    assert refused(design=design) == f"variant wrong: {message}"


def test_a_metric_that_nobody_measures_is_refused(refused: Refused, load: Load) -> None:
    recall = {"primary": "recall", "direction": "higher"}
    message = "metric.primary: recall is measured only where it is asked for, and variant single/none does not ask"
    assert refused(metric=recall) == f"{message}; set base.evaluation.extra_metrics: [recall]"
    asked = {"preset": "nano", "evaluation": {"extra_metrics": ["precision", "recall"]}}
    assert load(metric=recall, base=asked).spec.metric.primary == "recall"
    gap = {"primary": "overfitting_noise_gap", "direction": "lower"}
    said = "metric.primary: overfitting_noise_gap is measured only where it is asked for, and variant single/none does not ask"
    assert refused(metric=gap) == f"{said}; set base.evaluation.extra_metrics: [overfitting_gap]"


def test_a_distance_besides_is_asked_for_by_its_short_name(refused: Refused, load: Load) -> None:
    kid = {"primary": "kid_digits", "direction": "lower"}
    message = "metric.primary: kid_digits is measured only where it is asked for, and variant single/none does not ask"
    assert refused(metric=kid) == f"{message}; set base.evaluation.extra_metrics: [kid]"
    asked = {"preset": "nano", "evaluation": {"extra_metrics": ["kid", "fd_infinity"]}}
    assert load(metric=kid, base=asked).spec.metric.primary == "kid_digits"
    assert load(metric=kid | {"primary": "fd_infinity_digits"}, base=asked).spec.metric.primary == "fd_infinity_digits"
    made = "its data and evaluation.extractor make fd_digits and fd_infinity_digits and kid_digits; choose that, or another"
    for inceptions in ("kid", "fid_infinity"):
        assert made in refused(metric=kid | {"primary": inceptions}, base=asked)
    clip = {"extractor": {"kind": "clip"}}
    cmmd = kid | {"primary": "cmmd"}
    said = refused(metric=cmmd, base={"preset": "nano", "evaluation": clip})
    assert said == f"{message.replace('kid_digits', 'cmmd')}; set base.evaluation.extra_metrics: [cmmd]"
    assert load(metric=cmmd, base={"preset": "nano", "evaluation": clip | {"extra_metrics": ["cmmd"]}}).spec.metric.primary == "cmmd"
    assert "cmmd is in CLIP's embeddings, but evaluation.extractor.kind is classifier; set evaluation.extractor.kind: clip" in refused(
        base={"preset": "nano", "evaluation": {"extra_metrics": ["cmmd"]}}
    )


def test_a_metric_is_measured_in_the_features_it_is_named_by(refused: Refused, load: Load) -> None:
    def wrap(primary: str, direction: str, **extractor: Any) -> dict[str, Any]:
        return {"metric": {"primary": primary, "direction": direction}, "base": {"preset": "nano", "evaluation": {"extractor": extractor}}}

    vit = {"kind": "timm", "name": "vit_small_patch16_224.augreg_in1k"}
    for primary, direction, extractor in (
        ("fd_digits", "lower", {"kind": "classifier"}),
        ("fd_vit_small_patch16_224.augreg_in1k", "lower", vit),
        ("fid", "lower", {"kind": "inception"}),
        ("inception_score", "higher", {"kind": "inception"}),
        ("fd_dinov2", "lower", {"kind": "dinov2"}),
    ):
        assert load(**wrap(primary, direction, **extractor)).spec.metric.primary == primary
    made = "metric.primary: {} is not measured in variant single/none: its data and evaluation.extractor make {}; choose that, or another"
    for primary, direction, extractor, names in (
        ("fid", "lower", {"kind": "classifier"}, "fd_digits"),
        ("fd_classifier", "lower", {"kind": "classifier"}, "fd_digits"),
        ("fd_vit_small", "lower", vit, "fd_vit_small_patch16_224.augreg_in1k"),
        ("inception_score", "higher", vit, "fd_vit_small_patch16_224.augreg_in1k"),
        ("fd_digits", "lower", {"kind": "inception"}, "fid and inception_score"),
        ("fd_dinov2", "lower", {"kind": "dinov2", "weights": "none"}, "fd_dinov2_random"),
        ("cmmd", "lower", {"kind": "dinov2"}, "fd_dinov2"),
    ):
        assert refused(**wrap(primary, direction, **extractor)) == made.format(primary, names) + " base.evaluation.extractor"
    assert refused(**wrap("fid", "higher", kind="inception")) == "metric: fid is better lower, not higher; set direction: lower"


@pytest.mark.parametrize(
    ("extractor", "message"),
    [
        ({"kind": "tim"}, "base.evaluation.extractor.kind: there is no kind 'tim'; did you mean \"timm\"?"),
        ("timm", "base.evaluation.extractor: give a mapping with kind: classifier, timm, dinov2, clip or inception, not 'timm'"),
        ({"kind": "timm"}, "base.evaluation.extractor.name: this field is required; add it"),
        (
            {"kind": "timm", "name": "a/b"},
            "base.evaluation.extractor.name: give a name of letters, digits and _ . + = -, the first a letter or digit, not 'a/b'",
        ),
        (
            {"kind": "inception", "name": "x"},
            "base.evaluation.extractor.name: there is no field 'name'; valid here: weights, weights_hash, kind",
        ),
        (
            {"kind": "inception", "weights": "/nowhere/a.pth"},
            "base.evaluation.extractor: evaluation.extractor.weights: /nowhere/a.pth cannot be read (No such file or directory); give hub,"
            " or a file of weights",
        ),
    ],
)
def test_an_extractor_that_means_nothing(refused: Refused, extractor: Any, message: str) -> None:
    assert refused(base={"preset": "nano", "evaluation": {"extractor": extractor}}) == message


def test_a_contrast_is_on_a_metric_that_is_measured_and_has_a_logarithm(refused: Refused, load: Load) -> None:
    claim = {"name": "gap", "of": "dual/none", "to": "single/none", "kind": "equivalent", "alpha": 0.05, "margin": 0.01}
    gap = claim | {"metric": "overfitting_gap"}
    said = (
        "contrasts: 'gap' has a metric of its own: overfitting_gap is measured only where it is asked for, and variant single/none does not"
    )
    assert refused(contrasts=[gap]) == f"{said} ask; set base.evaluation.extra_metrics: [overfitting_gap]"
    asked = {"preset": "nano", "evaluation": {"extra_metrics": ["overfitting_gap", "kid"]}}
    assert load(contrasts=[gap], base=asked).spec.contrasts[0].metric == "overfitting_gap"
    said = "may be 0 or below, where a percentage means nothing; give the margin in units of the metric"
    for metric in ("overfitting_gap", "kid_digits"):
        share = claim | {"metric": metric, "margin": "2%"}
        assert refused(contrasts=[share], base=asked) == f"contrasts: 'gap' has margin 2%, and {metric} {said}"


def test_a_contrast_asks_nothing_of_variants_that_it_does_not_read(load: Load) -> None:
    """Data sets as levels: each has its own distance."""
    levels = {"digits": {"data": {"kind": "digits"}}, "mine": {"data": {"kind": "npz", "path": "mine.npz"}}}
    rates = {"slow": {"optimizer.learning_rate": 0.001}, "fast": {"optimizer.learning_rate": 0.002}}
    design = {"kind": "factorial", "factors": {"data": {"levels": levels}, "rate": {"levels": rates}}}
    contrast = {"name": "rate", "of": "digits/fast", "to": "digits/slow", "metric": "fd_digits"}
    assert load(design=design, contrasts=[contrast], baseline=None).spec.contrasts[0].metric == "fd_digits"
