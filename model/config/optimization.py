"""How the weights move."""

from pydantic import Field

from model.config.section import Section


class OptimizerConfig(Section):
    """AdamW at a constant learning rate with clipped gradients; the defaults are those of SiT and 2607.02508."""

    learning_rate: float = Field(default=1e-4, gt=0)
    """Constant over training."""
    betas: tuple[float, float] = (0.9, 0.999)
    """Decay of the first and second moment."""
    weight_decay: float = Field(default=0.0, ge=0)
    """Decoupled weight decay."""
    epsilon: float = Field(default=1e-8, gt=0)
    """Added to the denominator."""
    clip: float = Field(default=1.0, gt=0)
    """Largest global gradient norm."""
