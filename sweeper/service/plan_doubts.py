"""What the contrasts of a planned sweep will not show, known before anything runs."""

from sweeper.report.folded import compares_with_itself
from sweeper.service.plan_sweep import PlannedSweep
from sweeper.spec.comparisons import caveats
from sweeper.spec.designs import contrast_weights


def doubts(planned: PlannedSweep) -> dict[str, tuple[str, ...]]:
    """Contrast name -> a sentence for each reason; every contrast is there."""
    spec, variants = planned.sweep.spec, [variant for variant, _ in planned.sweep.configs]
    firsts: dict[tuple[str, int, str], str] = {}
    folded = {}
    for trial in planned.trials[: len(variants)]:  # one seed is as good as another
        folded[trial.variant] = firsts.setdefault((trial.fingerprint, trial.steps, trial.evaluation_fingerprint), trial.variant)
    found = {}
    for contrast in spec.contrasts:
        itself = compares_with_itself(contrast_weights(contrast, variants), folded)
        found[contrast.name] = (*caveats(contrast, spec, variants), *([itself] if itself else []))
    return found
