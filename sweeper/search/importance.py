"""Which factors of a search matter, by Optuna's PED-ANOVA."""

from collections.abc import Sequence

from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances

from sweeper.metrics import MetricInfo
from sweeper.plan.proposals import Proposal
from sweeper.search.study import given, quiet
from sweeper.spec.search_design import SearchDesign

FEWEST = 8
"""Finished trials below which nothing is said."""


def importances(design: SearchDesign, objectives: Sequence[MetricInfo], proposals: Sequence[Proposal]) -> dict[str, float]:
    """Factor -> share of what the factors explain of the first objective; empty with too few finished trials.

    A factor is looked at over the trials that have it: where it changes nothing it was left out of what the study was told.
    Source: Watanabe et al., PED-ANOVA (IJCAI 2023).
    """
    finished = [proposal for proposal in proposals if proposal.values]
    shares: dict[str, float] = {}
    for name in design.space:
        having = [proposal for proposal in finished if name in proposal.chosen]
        if len(having) < FEWEST or len({proposal.chosen[name] for proposal in having}) < 2:
            continue
        study = given(design, objectives, having)
        target = None if len(objectives) == 1 else (lambda trial: float(trial.values[0]))
        with quiet():
            shares |= get_param_importances(study, evaluator=PedAnovaImportanceEvaluator(), params=[name], target=target, normalize=False)
    total = sum(shares.values())
    return {name: share / total for name, share in sorted(shares.items(), key=lambda pair: -pair[1])} if total > 0 else {}
