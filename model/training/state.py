"""All that changes while a trial trains, in one object; that object is the checkpoint."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from model.alignment.encoders import EncodedPictures, encoded_pictures, encoded_training_set
from model.alignment.features import head_of
from model.alignment.stored_features import StoredFeatures
from model.alignment.targets import AverageTarget, EncodedImages, Target
from model.alignment.teacher import moving_average_of
from model.backbone.transformer import DiffusionTransformer
from model.config import TrainConfig
from model.config.alignment import AlignmentConfig
from model.config.encoder import EncoderConfig
from model.data.dataset import DataSet
from model.data.examples import Examples
from model.errors import DataError, Diverged
from model.noise.process import process_of
from model.objective import Objective
from model.training.optimizer import adamw
from model.training.spikes import LossSpikes
from model.transfer import device_name

Bookkeeping = dict[str, float]
TERMS = ("generation loss", "alignment loss", "gradient norm")


@dataclass
class TrainingState:
    """Networks, optimizer, step and running sums of one trial."""

    objective: Objective
    """Student, head, moving average and target; `trained` is what runs it."""
    optimizer: torch.optim.AdamW
    parameters: list[tuple[str, nn.Parameter]]
    """Every trained parameter by name, in a fixed order."""
    trained: nn.Module
    """The objective, or what it became to run compiled or in several processes."""
    trouble: Tensor
    """(4,) float64: the first step that was not finite, or -1, and its generation loss, alignment loss and gradient norm."""
    step: int = 0
    """Optimizer steps done."""
    seconds: float = 0.0
    """Wall clock spent in the steps that are timed, over all attempts."""
    timed: int = 0
    """Steps that are: all but the first of each attempt, which also compiles and warms up."""
    warm: bool = False
    """This attempt has done a step."""
    sums: dict[str, Tensor] = field(default_factory=dict)
    """Running sums of the curve metrics since the last point, float64 scalars."""
    summed: int = 0
    """Steps in the running sums."""
    evaluation_due: bool = False
    """The evaluation due at this step is still to do; a trial that stops in the middle of it does it first when resumed."""
    spikes: LossSpikes = field(default_factory=lambda: LossSpikes(torch.device("cpu")))
    trained_on: str | None = None
    """What `features` said of a training that is done: they may be gone by then."""
    last_point: Bookkeeping = field(default_factory=dict)
    """The newest point of the training curves."""

    @property
    def downloaded(self) -> str:
        """Name and content of an encoder's weights that no config names; '' where there are none."""
        target = self.objective.target
        return target.downloaded if isinstance(target, EncodedImages | EncodedPictures | StoredFeatures) else ""

    @property
    def device(self) -> str:
        """The model of what trains."""
        return device_name(self.trouble.device)

    @property
    def features(self) -> str:
        """How the features that are read differ from those that the device would compute; '' where they do not, or none are read."""
        if self.trained_on is not None:
            return self.trained_on
        target = self.objective.target
        return (target.made_otherwise(self.device) or "") if isinstance(target, StoredFeatures) else ""

    def ensure_unchanged(self) -> None:
        """Raises DataError when the features that are read while training were written to since they were opened."""
        if isinstance(self.objective.target, StoredFeatures):
            self.objective.target.file.ensure_unchanged()

    def watch(self, measured: Mapping[str, Tensor]) -> None:
        """Takes note of values that are not finite, and has the optimizer leave the weights then; without waiting for the device."""
        terms = [measured["generation_loss"], measured.get("align_loss", torch.zeros_like(measured["train_loss"])), measured["grad_norm"]]
        now = torch.stack([torch.full_like(terms[0], self.step), *terms])
        bad = ~now.isfinite().all()
        self.trouble = torch.where(bad & (self.trouble[0] < 0), now, self.trouble)
        self.optimizer.found_inf = bad.float()  # type: ignore[attr-defined]  # read by the fused step

    def means(self) -> Bookkeeping:
        """Means since the last point of the curves; at such a point, the point: a function of the step, however it was reached."""
        return {name: (total / self.summed).item() for name, total in self.sums.items()} if self.summed else self.last_point

    def ensure_finite(self) -> None:
        """Raises Diverged when anything of any step so far was not finite; waits for the device."""
        step, *values = self.trouble.tolist()
        if step >= 0:
            term, value = next(pair for pair in zip(TERMS, values, strict=True) if not math.isfinite(pair[1]))
            raise Diverged(int(step), term, value)

    def tensors(self) -> dict[str, Tensor]:
        """Every tensor of the state by name; the same storage, so loading copies into them."""
        named = {f"train/{name}": parameter.data for name, parameter in self.parameters}
        named |= {f"average/{name}": p.data for name, p in self.objective.average.named_parameters()}
        for name, parameter in self.parameters:
            moments = self.optimizer.state[parameter]
            named |= {f"moments/{name}/{key}": moments[key] for key in ("exp_avg", "exp_avg_sq", "step")}
        named |= {f"sums/{name}": value for name, value in self.sums.items()}
        return named | {f"spikes/{name}": value for name, value in self.spikes.tensors().items()}


def target_of(config: TrainConfig, average: DiffusionTransformer, data: DataSet) -> tuple[Target | None, int]:
    """What the config aligns features with, and its width."""
    match config.alignment:
        case AlignmentConfig(kind="self", teacher=teacher):
            return AverageTarget(average, teacher), config.backbone.width
        case AlignmentConfig(kind="external", encoder=EncoderConfig() as encoder):
            if data.pictures is not None and data.pictures.train is not None:
                target = encoded_pictures(encoder, data.pictures.train, data.held_out.tokens.shape[1])
                return target, target.width
            if not isinstance(data.train, Examples):
                raise DataError(
                    "alignment.kind: external shows an encoder the pictures that latents are of, and images.npy with them does not lie"
                    " beside the latents; encode the data set with its pictures: sweeper data encode"
                )
            encoded, downloaded = encoded_training_set(encoder, data.train.tokens, config.backbone.patch, data.channels)
            return EncodedImages(encoded, downloaded), encoded.shape[-1]
    return None, config.backbone.width


def no_sums(config: TrainConfig, device: torch.device) -> dict[str, Tensor]:
    """What the training curves of a config show, at zero."""
    names = ["train_loss", "generation_loss", "grad_norm"] + (["align_loss"] if config.alignment.kind != "none" else [])
    names += ["realised_gap"] if config.timesteps.kind == "dual" else []
    names += ["whole_image_share"] if config.mixes_whole_images else []
    return {name: torch.zeros((), dtype=torch.float64, device=device) for name in names}


def initial_state(config: TrainConfig, data: DataSet, device: torch.device, dtype: torch.dtype) -> TrainingState:
    """The state before the first step: a function of the config alone."""
    _, tokens, patch_values = data.held_out.tokens.shape
    student = DiffusionTransformer(
        config.backbone,
        tokens=tokens,
        patch_values=patch_values,
        classes=data.classes,
        seed=config.seed,
        outputs=process_of(config.process).outputs,
    ).to(device, dtype)
    average = moving_average_of(student)
    assert isinstance(average, DiffusionTransformer)
    target, target_width = target_of(config, average, data)
    head = head_of(config.alignment, config.backbone.width, target_width, config.seed).to(device, dtype)
    trained = [(f"student/{name}", p) for name, p in student.named_parameters()]
    if target is not None:
        trained += [(f"head/{name}", p) for name, p in head.named_parameters()]
    optimizer = adamw([parameter for _, parameter in trained], config.optimizer)
    for _, parameter in trained:  # present from the start, so that a checkpoint of step 0 is like any other
        optimizer.state[parameter] = {
            "step": torch.zeros((), dtype=torch.float32, device=device),
            "exp_avg": torch.zeros_like(parameter),
            "exp_avg_sq": torch.zeros_like(parameter),
        }
    objective = Objective(config, student, head, average, target)
    trouble = torch.tensor([-1.0, 0, 0, 0], dtype=torch.float64, device=device)
    return TrainingState(objective, optimizer, trained, objective, trouble, sums=no_sums(config, device), spikes=LossSpikes(device))
