"""How samples are drawn from a trained network: by a sampler of ours, or by a class of the user's."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from model.config.noise import DDPM_STEPS, ProcessConfig
from model.config.section import MOST_STEPS, Section, added_later
from model.config.user_classes import ensure_known, is_users, source_hash
from model.errors import ConfigError


@dataclass(frozen=True)
class SamplerInfo:
    """What is known of a sampler without loading torch; `model.sampling.samplers` holds the code of each name."""

    process: Literal["flow", "ddpm"] = "flow"
    """`process.kind` of the networks that it samples."""
    fixed_grid: bool = True
    """Whether it goes by `steps`; else by tolerances."""
    calls_per_step: int = 1
    """Network calls of a step, without guidance."""


SAMPLERS: Mapping[str, SamplerInfo] = {
    "euler": SamplerInfo(),
    "heun": SamplerInfo(calls_per_step=2),
    "dopri5": SamplerInfo(fixed_grid=False),
    "euler_maruyama": SamplerInfo(),
    "ancestral": SamplerInfo(process="ddpm"),
}
FLOW_SAMPLERS = tuple(name for name, info in SAMPLERS.items() if info.process == "flow")


class SamplerConfig(Section):
    """How samples are drawn: on a fixed grid of `steps`, or by tolerances."""

    kind: str = "euler"
    """The probability-flow ODE by `euler` (S network calls), `heun` (2S - 1) or adaptive `dopri5`; `euler_maruyama` (S): the SDE of SiT
    (2401.08740) with w(t) = 2t. `ancestral` (S): the respaced chain of ddpm (2102.09672), the only one of ours for `process.kind: ddpm`.
    `package.module.ClassName`: a subclass of `model.sampling.samplers.Sampler` of your own."""
    source_hash: str = Field(default="", json_schema_extra=added_later(""))
    """What names the file of a class of your own, with what it imports beside it: filled in at construction."""
    steps: int = Field(default=50, ge=2, le=MOST_STEPS)
    """S, steps of a sampler on a fixed grid; 250 is published for `euler_maruyama` and `ancestral`."""
    relative_tolerance: float = Field(default=1e-5, gt=0, json_schema_extra=added_later(1e-5))
    """Of `dopri5`, on the root mean square over a block of samples; SiT's script has 1e-3, at which two steps pass for a smooth flow."""
    absolute_tolerance: float = Field(default=1e-5, gt=0, json_schema_extra=added_later(1e-5))
    """Of `dopri5`, likewise; SiT's script has 1e-6."""

    @model_validator(mode="before")
    @classmethod
    def _name_the_source(cls, given: Any) -> Any:
        """A class goes by its code; a config that was written down with a hash keeps it, and drawing looks whether it still holds."""
        if not isinstance(given, dict) or not isinstance(kind := given.get("kind"), str):
            return given
        ensure_known("evaluation.sampler.kind", kind, tuple(SAMPLERS))
        if kind in SAMPLERS:
            return given | {"source_hash": ""} if given.get("source_hash") else given
        return given if given.get("source_hash") else given | {"source_hash": hash_of(kind)}

    @model_validator(mode="after")
    def _meant(self) -> Self:
        inert = ("relative_tolerance", "absolute_tolerance") if self.info.fixed_grid else ("steps",)
        for name in inert:
            if getattr(self, name) != type(self).model_fields[name].default:
                what = "a fixed grid" if name == "steps" else "dopri5"
                raise ConfigError(f"evaluation.sampler.{name} belongs to {what}, but kind is {self.kind}; leave it out")
        if self.kind == "ancestral" and self.steps > DDPM_STEPS:
            raise ConfigError(f"evaluation.sampler.steps: ddpm has {DDPM_STEPS} steps, not {self.steps}; ask for at most so many")
        return self

    @property
    def info(self) -> SamplerInfo:
        """A class of the user's counts as one network call a step on a fixed grid."""
        return SAMPLERS.get(self.kind, SamplerInfo())

    def ensure_samples(self, process: ProcessConfig) -> None:
        """Raises ConfigError when networks of the process are sampled otherwise; a class of the user's says so itself, when it draws."""
        if not is_users(self.kind) and (process.kind == "ddpm") != (self.info.process == "ddpm"):
            fitting = "ancestral" if process.kind == "ddpm" else f"{', '.join(FLOW_SAMPLERS[:-1])} or {FLOW_SAMPLERS[-1]}"
            raise ConfigError(
                f"evaluation.sampler.kind: {self.kind} does not sample process.kind: {process.kind}; set evaluation.sampler.kind: {fitting}"
            )


def hash_of(kind: str) -> str:
    """What names the file of a user's sampler; raises ConfigError where there is none."""
    return source_hash(kind, "evaluation.sampler.kind", tuple(SAMPLERS))
