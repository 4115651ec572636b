"""How noise levels are laid over an image: the path, the token partition and the timesteps of its groups.

Convention everywhere: t is the noise level, t = 0 is data, t = 1 is noise.
"""

import math
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from model.config.section import Section, added_later
from model.config.user_classes import ensure_known
from model.errors import ConfigError

ASSIGNMENTS = ("random", "block", "checkerboard", "rows", "learned", "bernoulli")
"""Assignments by name; any other is the dotted path of a class of the user's."""
DDPM_STEPS = 1000
"""Of the diffusion that `process.kind: ddpm` trains; t is one of 0..999."""
LARGEST_SHARE_ERROR = 0.05
"""Of the images that a batch can leave whole, from the probability that was asked for."""


SMALLEST_SHARE, LARGEST_SHARE = 1e-9, 1e9
"""In a list of shares, before they are normalised."""


class ProcessConfig(Section):
    """How data becomes noise, and what the network predicts."""

    kind: Literal["flow", "ddpm"] = Field(default="flow", json_schema_extra=added_later("flow"))
    """`flow` (SiT, 2401.08740): t in [0, 1], velocity. `ddpm` (DiT, 2212.09748): 1000 steps of linear beta, noise and a learned variance,
    loss = squared error + variational bound."""
    path: Literal["linear", "cosine"] = Field(default="linear", json_schema_extra=added_later("linear"))
    """x_t = a x0 + s e. `linear`: a = 1 - t, s = t. `cosine`: a = cos(pi t / 2), s = sin(pi t / 2) (2401.08740, the GVP path).
    Only `flow` has one."""

    @model_validator(mode="after")
    def _ddpm_has_its_own_path(self) -> Self:
        if self.kind == "ddpm" and self.path != "linear":
            raise ConfigError(f"process.path: {self.path} is a path of flow, and process.kind is ddpm; leave process.path out")
        return self


class ScoreConfig(Section):
    """What the moving average says of a token, by which `assignment: learned` puts an image's tokens in order (`model.learned_order`)."""

    by: Literal["loss", "saliency"] = "loss"
    """`loss`: the average's squared error on the token. `saliency`: how far the token's features after `alignment.teacher.layer` point away
    from the image's mean feature."""
    first: Literal["largest", "smallest"] = "largest"
    """Which end of the scores makes group 0."""


class PartitionConfig(Section):
    """Which tokens share a noise level, a *group* (2607.02508, section 3)."""

    ratio: float | tuple[float, ...] = 0.25
    """Share of group 0 in (0, 1), or the shares of all groups (normalised); [1.0] is no partition."""
    assignment: str = "random"
    """Which tokens come first before the order is cut at the exact group sizes: `random` (a uniform permutation), `block` (group 0 is a
    rectangle), `checkerboard`, `rows`, `learned` (by `score`, ours), or `package.module.ClassName` of your own class, looked for
    beside the sweep file, in the current folder and on PYTHONPATH. `bernoulli` (2603.06507) draws every token's group by itself, so group
    sizes vary."""
    score: ScoreConfig | None = Field(default=None, json_schema_extra=added_later(None))
    """Of `assignment: learned` alone, which goes by {by: loss, first: largest} where it is left out."""
    full_image_probability: float = Field(default=0.0, ge=0, le=1, json_schema_extra=added_later(0.0))
    """Share of the images of a batch that are left whole: one noise level, one teacher interval, full attention (2607.02508)."""

    @field_validator("ratio")
    @classmethod
    def _shares(cls, ratio: float | tuple[float, ...]) -> float | tuple[float, ...]:
        if isinstance(ratio, float):
            if not 0 < ratio < 1:
                raise ConfigError(f"a scalar ratio is the share of group 0 and lies between 0 and 1, not {ratio}; [1.0] is no partition")
        elif not ratio or not all(share > 0 for share in ratio):
            raise ConfigError(f"a ratio list holds one positive share per group, not {list(ratio)}")
        elif max(ratio) > LARGEST_SHARE or min(ratio) < SMALLEST_SHARE:
            raise ConfigError(
                f"a ratio list holds shares from {SMALLEST_SHARE:g} to {LARGEST_SHARE:g}, not {list(ratio)}; they need not add up to 1"
            )
        return ratio

    @field_validator("assignment")
    @classmethod
    def _known(cls, assignment: str) -> str:
        ensure_known("partition.assignment", assignment, ASSIGNMENTS)
        return assignment

    @model_validator(mode="before")
    @classmethod
    def _learned_has_a_score(cls, given: Any) -> Any:
        """Written out or left out, the default score is one config, and one name of a trial."""
        learned = isinstance(given, dict) and given.get("assignment") == "learned" and given.get("score") is None
        return given | {"score": {}} if learned else given

    @model_validator(mode="after")
    def _score_is_of_learned(self) -> Self:
        if self.score is not None and self.assignment != "learned":
            raise ConfigError(
                f"partition.score orders the tokens of partition.assignment: learned, not of {self.assignment};"
                " set partition.assignment: learned or leave partition.score out"
            )
        return self

    @property
    def exact(self) -> bool:
        """Whether group sizes are the same in every image."""
        return self.assignment != "bernoulli"

    def whole_images(self, images: int) -> int:
        """How many of `images` are left whole; raises ConfigError when their share would be far from the probability."""
        wanted = self.full_image_probability
        whole = round(wanted * images)
        if abs(whole / images - wanted) > LARGEST_SHARE_ERROR:
            raise ConfigError(
                f"partition.full_image_probability {wanted} of {images} images is {whole}, a share of {whole / images:.3g};"
                f" use a larger batch_size, or a probability within {LARGEST_SHARE_ERROR} of a share it can have"
            )
        return whole

    @property
    def shares(self) -> tuple[float, ...]:
        """The normalised share of every group."""
        given = (self.ratio, 1 - self.ratio) if isinstance(self.ratio, float) else self.ratio
        return tuple(share / math.fsum(given) for share in given)

    def counts(self, tokens: int) -> tuple[int, ...]:
        """Tokens of each group, exact: floors first, leftovers to the largest fractional parts, ties to the lower group.

        Raises ConfigError when a group would be empty.
        """
        if tokens < len(self.shares):
            raise ConfigError(f"{tokens} tokens cannot be shared by {len(self.shares)} groups; use a smaller backbone.patch")
        # Rounding to 1e-9 first: .35 * 20 is 7 for the user, whatever its binary digits say.
        quotas = [round(share * tokens, 9) for share in self.shares]
        counts = [math.floor(quota) for quota in quotas]
        by_fraction = sorted(range(len(quotas)), key=lambda group: (counts[group] - quotas[group], group))
        for group in by_fraction[: tokens - sum(counts)]:
            counts[group] += 1
        if not all(counts):
            raise ConfigError(f"partition.ratio {self.ratio} leaves a group without tokens ({counts} of {tokens}); use a larger share")
        return tuple(counts)


class MaxGap(Section):
    """Noise levels of the groups at most this far apart, in quantiles."""

    max: float = Field(ge=0, le=1)
    """Bound on |u_g - u_0|."""


class FixedGap(Section):
    """Noise levels of the groups exactly this far apart, in quantiles, but near the ends where they fold."""

    fixed: float = Field(ge=0, le=1)
    """|u_g - u_0|."""


class LogitNormal(Section):
    """logit(t) is normal, as in Stable Diffusion 3 (2403.03206)."""

    kind: Literal["logit_normal"] = "logit_normal"
    mean: float = 0.0
    """Of logit(t); above 0 is noisier."""
    std: float = Field(default=1.0, gt=0)
    """Of logit(t)."""


class TimestepsConfig(Section):
    """How many noise levels an image has, how far apart they are, and their law."""

    kind: Literal["single", "dual", "per_token"] = "single"
    """`single`: one t per image. `dual`: one t per group, not ordered (2603.06507, equation 4). `per_token`: one per token
    (2407.01392)."""
    gap: Literal["independent"] | MaxGap | FixedGap = "independent"
    """`independent` | `{max: g}` | `{fixed: g}`, on the quantile u of t, 0 <= g <= 1 (ours); only `dual` has one."""
    ordering: Literal["none", "masked_is_noisier"] = Field(default="none", json_schema_extra=added_later("none"))
    """`masked_is_noisier`: an image's noise levels are sorted, so that group 0 takes the largest (2607.02508, equation 5); only `dual`."""
    distribution: Literal["uniform"] | LogitNormal = Field(default="uniform", json_schema_extra=added_later("uniform"))
    """Law of every noise level: `uniform` | `{kind: logit_normal, mean: m, std: s}`."""
    shift: float = Field(default=1.0, gt=0, json_schema_extra=added_later(1.0))
    """t becomes shift * t / (1 + (shift - 1) t): above 1 is noisier, 1 is none (2403.03206)."""

    @model_validator(mode="after")
    def _gap_needs_groups(self) -> Self:
        if self.kind == "dual":
            return self
        if self.gap != "independent":
            raise ConfigError("timesteps.gap needs two noise levels; set timesteps.kind: dual or leave gap: independent")
        if self.ordering != "none":
            raise ConfigError(
                f"timesteps.ordering orders the noise levels of groups, which timesteps.kind: {self.kind} has not;"
                " set timesteps.kind: dual or timesteps.ordering: none"
            )
        return self
