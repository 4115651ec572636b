"""Floating-point operations that training and evaluation need, and what devices reach: for estimates where nothing was measured.

Counted are the products of matrices, a multiplication and an addition as two, three times the forward pass for what is trained and once
for the teacher as far as it runs; not counted is what a trainer might do twice. T tokens, D width, R conditioning rows.
"""

from model.config import TrainConfig
from model.train_trial import DataFacts

PEAKS = {("H200", "bf16"): 989e12, ("H100", "bf16"): 989e12, ("A100", "bf16"): 312e12}
"""Dense tensor-core peaks of the makers' data sheets, operations per second."""
GPU_SHARE = 0.3
"""Of its peak that a GPU is taken to reach."""
USUAL_GPU = ("H100", "bf16")
"""Stands in for a GPU that is not known."""
CPU_THREAD = 25e9
"""Operations per second of one thread: between 20e9 for a nano model and 70e9 for an S/2 on an AMD EPYC, float32."""


def step_flops(config: TrainConfig, tokens: int, patch_values: int) -> float:
    """Of one optimizer step of a whole batch."""
    d = config.backbone.width
    aligned, teacher = config.alignment, config.alignment.teacher
    rows = {"single": 1, "dual": len(config.partition.shares), "per_token": tokens}[config.timesteps.kind]
    trained = _forward(config, tokens, patch_values, rows, separated=config.attention.separation in ("full", "shuffled"))
    if aligned.kind == "self" and aligned.head:
        trained += 2 * tokens * (4 * d * d)
    taught = teacher.layer * _block(config, tokens, rows, separated=teacher.separated) if aligned.kind == "self" else 0
    return config.batch_size * (3 * trained + taught)


def evaluation_flops(config: TrainConfig, facts: DataFacts) -> float:
    """Of one evaluation: samples and held-out loss; networks that decode samples and look at them are timed, not counted."""
    patch, asked = config.backbone.patch, config.evaluation
    tokens, patch_values = (facts.resolution // patch) ** 2, facts.channels * patch**2
    passes = asked.sampler.steps * asked.sampler.info.calls_per_step
    scales = asked.guidance.best_of or (asked.guidance.scale,)
    choosing = passes * sum(2 if scale > 1 else 1 for scale in asked.guidance.best_of)
    calls = passes * (2 if max(scales) > 1 else 1)  # which scale is chosen is not known before
    losses = 2 if "overfitting_gap" in asked.extra_metrics else 1
    images = (asked.samples * calls + losses * facts.held_out * asked.held_out_levels) * len(asked.generation_seeds)
    images += asked.samples * choosing
    return images * _forward(config, tokens, patch_values, 1, separated=False)


def reached(device: str | None, precision: str, *, threads: int, gpus: float) -> tuple[float, str]:
    """(operations per second that a trial is taken to reach, what was assumed)."""
    if not gpus:
        return CPU_THREAD * threads, f"{CPU_THREAD / 1e9:g} GFLOP/s per thread"
    for (model, kind), peak in PEAKS.items():
        if device is not None and model in device and kind == precision:
            return peak * GPU_SHARE * gpus, f"{GPU_SHARE:.0%} of the {peak / 1e12:g} TFLOP/s of an {model}"
    peak = PEAKS[USUAL_GPU]
    return peak * GPU_SHARE * gpus, f"{GPU_SHARE:.0%} of the {peak / 1e12:g} TFLOP/s of an {USUAL_GPU[0]}, which stands in for this GPU"


def _forward(config: TrainConfig, tokens: int, patch_values: int, rows: int, *, separated: bool) -> float:
    d = config.backbone.width
    ends = 2 * (2 * tokens * patch_values * d + rows * (256 * d + d * d + 2 * d * d))
    return config.backbone.layers * _block(config, tokens, rows, separated=separated) + ends


def _block(config: TrainConfig, tokens: int, rows: int, *, separated: bool) -> float:
    d = config.backbone.width
    part = config.partition  # tokens that are put in groups one by one have no exact counts
    counts = part.counts(tokens) if separated and part.exact else [share * tokens for share in part.shares]
    pairs = sum(count**2 for count in counts) if separated else tokens**2
    return 2 * (tokens * 12 * d * d + rows * 6 * d * d + 2 * pairs * d)
