"""The analyses that a sweep asks for in `evaluation.analyses`, after its trials have ended."""

from collections.abc import Callable, Sequence

from model.config import modules_also_in
from sweeper.errors import RequestError
from sweeper.service.plan_sweep import PlannedSweep
from sweeper.settings import Settings


def analyse_after(planned: PlannedSweep, names: Sequence[str], settings: Settings, say: Callable[[str], None]) -> None:
    """Of all finished trials, what the store lacks. What cannot be done, or fails, is said: the trials are finished all the same."""
    from model.analyse_trial import AnalysisMachine  # it loads numpy, which a run that analyses nothing does without
    from sweeper.service.analyse import AnalysisRequest, analyse_sweep

    sweep = planned.sweep
    machine = AnalysisMachine("cuda" if planned.allotment.gpus else "cpu", max(1, int(planned.allotment.cpus)))
    try:
        with modules_also_in(planned.user_code):
            done = analyse_sweep(AnalysisRequest(sweep.spec.name, tuple(names), sweep.profile), machine, settings, say)
    except RequestError as error:
        say(f"analyses: {error}; `sweeper analyse {sweep.spec.name}` goes on with them")
        return
    except Exception as error:  # whatever it is, it is no fault of the run, which has its results
        why = next(iter(str(error).splitlines()), "")
        again = f"sweeper --debug analyse {sweep.spec.name}"
        say(f"analyses: they failed, in a way that sweeper does not know ({type(error).__name__}: {why}); `{again}` says where")
        return
    say(f"analyses: {done.computed} computed, {done.there} here already")
    if done.left_out:
        say(f"analyses: {len(done.left_out)} trials left out, since their moving averages are not here")
