"""Contrasts on a number of an analysis of trained weights."""

from collections.abc import Collection

from sweeper.analysis_scalar import AnalysisScalar
from sweeper.errors import nearest


def named_scalar(text: str, metrics: Collection[str]) -> str:
    """The number of an analysis that the text names, as it is always written. Raises ValueError for what is neither that nor a metric."""
    scalar = AnalysisScalar.named(text)
    if scalar is None:
        form = "; a number of an analysis is written like loss_grid.gain[t_own=0.7,t_other=0.1]" if "." in text else ""
        raise ValueError(f"there is no metric {text!r}{form or nearest(text, metrics)}")
    from model.analyse_trial import ANALYSES  # it loads numpy, which few sweep files need

    if scalar.analysis not in ANALYSES:
        raise ValueError(f"there is no analysis {scalar.analysis!r}{nearest(scalar.analysis, ANALYSES)}")
    return scalar.name
