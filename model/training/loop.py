"""The cadence of a trial: when to log, checkpoint, evaluate, and say that it is alive."""

import hashlib
import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from model.autoencoder import LatentDecoder, load_decoder
from model.config import LatentsData, Precision, TrainConfig
from model.config.encoded_data import read_encoded
from model.data.dataset import DataSet, load
from model.data.facts_file import write_facts
from model.data.images import classes_in_words
from model.errors import DataError, Diverged
from model.evaluation.evaluate import draw, evaluate, take_part
from model.evaluation.evaluation_classifier import EvaluationClassifier, load_or_train_classifier
from model.evaluation.extractors import load_extractor
from model.evaluation.held_out import HELD_OUT_NAMES, held_out_losses
from model.evaluation.measured_samples import Instruments, Stopwatch
from model.evaluation.own_classifier import OwnClassifier, open_own_classifier
from model.evaluation.own_metrics import OwnMetrics, load_metrics, with_real_images
from model.evaluation.reference import classifier_reference, load_or_make_reference
from model.reports import DistributedContext, Report, TrialReport, TrialResult
from model.training import checkpoint, memory
from model.training.attention_logits import largest_attention_logit
from model.training.compilation import compile_where_it_pays
from model.training.evaluation_blocks import EvaluationBlocks
from model.training.named_content import ensure_as_named
from model.training.own_folder import claim
from model.training.process_group import ProcessGroup
from model.training.state import TrainingState, initial_state
from model.training.step import DTYPES, autocast, train_step
from model.transfer import device_name
from model.trial_files import samples_path

ALIVE_SECONDS = 5.0
"""Longest silence of a healthy trial between steps."""


class _Stop(BaseException):
    """A report asked the trial to stop. No `except Exception` of a user's metric, which is ticking, may take it."""


class _Trial:
    """One attempt at one trial, from its first step here to its last."""

    def __init__(
        self,
        config: TrainConfig,
        folder: Path,
        report: Report,
        state: TrainingState,
        data: DataSet,
        classifier: EvaluationClassifier,
        together: ProcessGroup,
    ) -> None:
        self.config, self.folder, self.state, self.data, self.classifier, self.together = config, folder, state, data, classifier, together
        self._report, self._heard = report, time.monotonic()
        self.earlier: Sequence[Path] = ()
        self.conditions: Mapping[str, Any] = {}
        self.precision: Precision = "fp32"
        self.identity = ""
        self.reference = classifier_reference(config.evaluation, data, classifier)
        self.own: OwnClassifier | None = None
        self.decoder: LatentDecoder | None = None
        self.own_metrics = OwnMetrics()
        self.ours: Callable[[], bool] = checkpoint.nobody_else
        self._saved = 0
        self._stop = False
        self._timed = (state.timed, state.seconds)

    def say(self, report: TrialReport) -> None:
        """Raises Diverged for a metric that is no number: losses are looked at before the weights move, what is measured after is not."""
        for name, value in report.metrics.items():
            if not math.isfinite(value):
                raise Diverged(report.step, name, value)
        self._heard = time.monotonic()
        if self.together.first:
            self._stop = not self._report(report) or self._stop

    def tick(self) -> None:
        """Between two blocks of samples: says 'alive' when nothing was said for a while; alone, stops when asked to."""
        if time.monotonic() - self._heard > ALIVE_SECONDS:
            self.say(TrialReport("alive", self.state.step))
        if self._stop and self.together.world.size == 1:
            raise _Stop

    def _between_steps(self) -> None:
        """As `tick`, for all processes at the same step."""
        self.tick()
        if self.together.any(self._stop):
            raise _Stop

    def run(self) -> None:
        """Trains and evaluates; asked to stop, it writes a checkpoint first."""
        self._saved = self.state.step
        try:
            self._between_steps()
            if self.state.evaluation_due:
                self._evaluate()
            self._train()
            if self.together.first:
                checkpoint.save_average(self.state, self.folder, self.identity, self.ours)
            self._evaluate()
        except _Stop:
            if self._saved < self.state.step:
                self._save()
            raise

    def _train(self) -> None:
        config, state = self.config, self.state
        while state.step < config.steps:
            train_step(config, state, self.data.train, self.precision, self.together.world)
            last = state.step == config.steps
            if config.samples_every and not last and state.step % config.samples_every == 0:
                self._picture()  # before the points of this step, which bring it to MLflow
            if last or state.step % config.log_every == 0:
                self._point()
            if config.held_out_every and not last and state.step % config.held_out_every == 0:
                self._held_out_point()
            every = config.evaluation.every
            state.evaluation_due = every is not None and not last and state.step % every == 0
            # A user's metric may fail, and what was trained up to it is not lost with it.
            may_fail = state.evaluation_due and bool(config.evaluation.own_metrics)
            if last or may_fail or state.step % config.checkpoint_every == 0:
                self._save()
            self._between_steps()
            if state.evaluation_due:
                self._evaluate()

    def _save(self) -> None:
        self.data.ensure_unchanged()
        self.state.ensure_unchanged()
        self.state.ensure_finite()
        if self.together.first:
            checkpoint.save(self.state, self.folder, self.identity, self.ours)
        self._saved = self.state.step
        self.say(TrialReport("checkpoint", self.state.step))

    def _point(self) -> None:
        state = self.state
        waited = time.perf_counter()  # a GPU may be steps behind the host, and its time counts
        state.ensure_finite()
        means = self.state.means() | {"loss_spikes": state.spikes.count.item()}
        state.seconds += time.perf_counter() - waited
        if state.step % self.config.log_every == 0:  # a point at the very end leaves the sums to a longer run
            state.last_point = means
            for total in state.sums.values():
                total.zero_()
            state.summed = 0
        if self.together.first:
            means["attention_logit_max"] = largest_attention_logit(state.objective, self.data.train, state.step, self.precision)
        self.say(TrialReport("points", state.step, means | self._speed() | self._step_time()))

    def _held_out_point(self) -> None:
        if self.together.first:
            average, process = self.state.objective.average, self.state.objective.process
            with autocast(self.precision, self.data.train.labels.device):
                losses = held_out_losses(average, self.data.held_out, self.config.evaluation, process, self.tick)
            self.say(TrialReport("points", self.state.step, {HELD_OUT_NAMES[process.predicts]: losses.loss, **losses.by_level}))
        self.together.wait()

    def _picture(self) -> None:
        if self.together.first:
            with autocast(self.precision, self.data.train.labels.device):
                picture = samples_path(self.folder, self.state.step)
                draw(self.config, self.state.objective.average, self.data, picture, self.tick, self.decoder)
        self.together.wait()

    def _evaluate(self) -> None:
        """All processes draw and measure samples; the first has the metrics and tells them."""
        state, data = self.state, self.data
        data.ensure_unchanged()
        state.ensure_unchanged()
        state.ensure_finite()
        average, step = state.objective.average, state.step
        blocks = EvaluationBlocks(
            self.together, self.folder, self.earlier, self.ours, self._between_steps, step=step, named=self._evaluated_as(), weights=average
        )
        looking = Stopwatch()
        with autocast(self.precision, data.train.labels.device):
            if self.together.first:
                evaluation = evaluate(
                    self.config,
                    average,
                    data,
                    self.classifier,
                    samples_path(self.folder, step),
                    self.tick,
                    step=step,
                    reference=self.reference,
                    own=self.own,
                    decoder=self.decoder,
                    own_metrics=self.own_metrics,
                    blocks=blocks,
                    looking=looking,
                )
            else:
                instruments = Instruments(self.classifier, self.reference, self.own, self.decoder, self.own_metrics)
                take_part(self.config, average, data, instruments, self.tick, step=step, blocks=blocks)
        if self.together.first:
            training = {name: mean for name, mean in state.means().items() if name in ("train_loss", "align_loss")}
            metrics = evaluation.metrics | training | self._speed()
            self.say(TrialReport("points", step, dict(evaluation.by_level)))
            self.say(TrialReport("evaluation", step, metrics, evaluation.details | self._looked(looking)))
            blocks.forget()
        state.evaluation_due = False
        self.together.wait()  # here, not in the next step: the processes' own groups have no patience for what the first does alone

    def _looked(self, looking: Stopwatch) -> dict[str, Any]:
        """What it took to decode samples and show them to networks, for plans; nothing where there are no such networks."""
        resolution = round(self.data.reference_images.tokens.shape[1] ** 0.5) * self.config.backbone.patch
        by, seconds = self.config.looked_at_by(self.data.channels, resolution), looking.seconds_per_sample
        return {"looking": {"by": by, "seconds_per_sample": seconds}} if by and seconds is not None else {}

    def _evaluated_as(self) -> dict[str, Any]:
        """What samples and their features follow from, besides the weights: how they are drawn and measured, and on what."""
        conditions = {name: value for name, value in self.conditions.items() if name not in ("world_size", "micro_batch")}
        return {"trial": self.identity, "evaluation": self.config.evaluation.model_dump(mode="json"), "conditions": conditions}

    def _step_time(self) -> dict[str, float]:
        """Mean seconds of a step since this was last asked."""
        (steps, seconds), self._timed = self._timed, (self.state.timed, self.state.seconds)
        return {"step_seconds": (self.state.seconds - seconds) / (self.state.timed - steps)} if self.state.timed > steps else {}

    def _speed(self) -> dict[str, float]:
        peak = memory.peak_mib(self.data.train.labels.device)
        return {"steps_per_second": self.state.timed / max(self.state.seconds, 1e-9), "peak_memory_mib": peak}


def run(
    config: TrainConfig,
    folder: Path,
    report: Report,
    *,
    cache: Path,
    resume_from: Sequence[Path],
    recorded: Mapping[Path, int],
    named: Mapping[str, str],
    device: str,
    threads: int,
    world: DistributedContext,
    ours: Callable[[], bool],
) -> TrialResult:
    """See `model.train_trial.train_trial`."""
    config.micro_batch(world.size)  # before anything is loaded
    torch.set_num_threads(threads)
    place = torch.device(device)
    memory.keep_freed()
    memory.reset(place)
    precision = config.resolved_precision(gpu=place.type == "cuda")
    folder.mkdir(parents=True, exist_ok=True)
    data = load(config.data, config.backbone.patch, place, DTYPES[precision], cache)
    ensure_as_named(config, named, data.content_hash)
    names = config.training_identity(content_hash=data.content_hash, precision=precision)
    identity = _hash(names)
    if folder in resume_from and world.rank == 0:
        claim(folder, identity, names)
    classifier = load_or_train_classifier(data, config.backbone.patch, cache)
    extractor = load_extractor(config.evaluation.extractor, place)
    own = open_own_classifier(config.evaluation.classifier, data, config.backbone.patch, place)
    decoder = _decoder(config, place)
    own_metrics = load_metrics(config.evaluation)
    state = initial_state(config, data, place, DTYPES[precision])
    passed_over = checkpoint.resume(state, resume_from, identity, at_most=config.steps, recorded=recorded)
    together = ProcessGroup(world)
    compilation = compile_where_it_pays(config, state.objective, place, world.size)
    state.trained = together.shared(state.trained, place)
    trial = _Trial(config, folder, report, state, data, classifier, together)
    trial.precision, trial.identity, trial.ours, trial.decoder, trial.earlier = precision, identity, ours, decoder, resume_from
    parts = [classifier.name, *([extractor.name] if extractor else []), *([f"classes by {own.extractor.name}"] if own else [])]
    parts += [f"decoded by {decoder.autoencoder.name}"] if decoder else []
    parts += [f"against {config.evaluation.reference_hash}"] if config.evaluation.reference_hash else []
    evaluator = "+".join(parts)
    if world.rank == 0:
        write_facts(data.facts(config.backbone.patch), folder)
    key = comparability(place, precision, threads, world, config, evaluator) | ({"encoder": state.downloaded} if state.downloaded else {})
    key |= {"features": state.features} if state.features else {}
    trial.conditions = key
    try:
        details = {"comparability": key, "checkpoints_passed_over": passed_over, "classes": classes_in_words(data.class_names)}
        details["compiled"] = f"{'yes' if compilation.compiled else 'no'}: {compilation.why}"
        trial.say(TrialReport("started", state.step, details=details))
        if extractor is not None:  # may take minutes, so the trial has said that it lives
            trial.reference = load_or_make_reference(config.evaluation, data, config.backbone.patch, extractor, cache, trial.tick)
        trial.own_metrics = with_real_images(own_metrics, config, data, classifier, extractor, trial.tick)
        if own is not None:
            trial.own = own.measured(data, cache, trial.tick)
        trial.run()
    except _Stop:
        return TrialResult(state.step, stopped=True)
    return TrialResult(state.step, stopped=False)


def _decoder(config: TrainConfig, device: torch.device) -> LatentDecoder | None:
    """What makes pictures of a trial's samples; None where they are pictures, or where nothing decodes them."""
    data, autoencoder = config.data, config.evaluation.autoencoder
    if autoencoder is None or not isinstance(data, LatentsData):
        return None
    decoder = load_decoder(autoencoder, data.channels, device, data.scale, data.shift)
    encoded = read_encoded(data.path)
    if encoded is not None and encoded.autoencoder.weights_hash != decoder.autoencoder.name:
        raise DataError(
            f"{data.path} was encoded with {encoded.autoencoder.weights} ({encoded.autoencoder.weights_hash}), but evaluation.autoencoder"
            f" is {autoencoder.weights} ({decoder.autoencoder.name}); decode with the autoencoder that encoded"
        )
    return decoder


def comparability(
    device: torch.device, precision: Precision, threads: int, world: DistributedContext, config: TrainConfig, evaluator: str
) -> dict[str, Any]:
    """What must agree for two results to stand in one table."""
    return {
        "device": device_name(device),
        "torch": torch.__version__.split("+")[0],
        "precision": precision,
        "world_size": world.size,
        "micro_batch": config.micro_batch(world.size),
        "threads": threads if device.type == "cpu" else None,
        "evaluator": evaluator,
    }


def _hash(payload: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(payload, sort_keys=True).encode()).hexdigest()
