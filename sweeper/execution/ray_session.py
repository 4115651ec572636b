"""Ray for the length of a run: started here, or joined where RAY_ADDRESS says; every fault in one line, and none of its noise."""

import contextlib
import logging
import os
import re
import secrets
import signal
import sys
import tempfile
import threading
import warnings
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, TextIO, cast

from sweeper.execution.cluster import HERE, asks_for_token, wrong_token
from sweeper.execution.ray_folder import RayFailed, ray_folder
from sweeper.secret_variables import secrets_kept

QUIET = {
    "RAY_AIR_NEW_OUTPUT": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_DISABLE_SIGINT_HANDLER": "1",  # the queue decides what an interrupt means
    "TUNE_PRINT_ALL_TRIAL_ERRORS": "0",
    "TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S": "0",
    "RAY_TRAIN_ENABLE_V2_MIGRATION_WARNINGS": "0",
    "RAY_worker_niceness": "0",  # trials come before the processes of trackers
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}


PENDING = "TUNE_MAX_PENDING_TRIALS_PG"
"""Tune's variable: how many trials may wait for their worker at once."""
MOST_KEPT = 1_000_000
"""Bytes of what Ray writes while it starts."""
_COLOUR = re.compile("\x1b\\[[0-9;]*m")
_TOO_SLOW = "timed out during startup"
"""In Ray's message."""


@contextlib.contextmanager
def ray_session(
    *, cores: int, gpus: int, address: str | None, say: Callable[[str], None], log: Path, needed: Collection[str] = ()
) -> Iterator[None]:
    """Ray, started here or joined, and left at the end.

    Args:
        cores: That trials may take of this machine.
        gpus: That trials may take of it, so many as CUDA shows.
        address: Of a cluster to join, as RAY_ADDRESS has it; None starts Ray here.
        say: Tells the user what takes some seconds.
        log: A file to which is added what Ray writes of the cluster's faults meanwhile.
        needed: Secret variables that workers need, by name.

    Raises:
        RequestError: Ray cannot be started or joined, in one line; nothing was started.
    """
    os.environ.update({name: value for name, value in QUIET.items() if name not in os.environ})
    how: dict[str, Any] = {"address": address}
    with contextlib.ExitStack() as stack:
        if address is None:
            folder = stack.enter_context(ray_folder())
            how = {"address": "local", "num_cpus": cores, "num_gpus": gpus, "include_dashboard": False, "_temp_dir": str(folder)}
            # Tune starts one worker after another, 3 to 10 s each; on a Ray of our own there is room for all of them at once.
            if PENDING not in os.environ:
                os.environ[PENDING] = str(max(cores, gpus, 1))
                stack.callback(os.environ.pop, PENDING, None)  # a cluster that is joined next has its own limit
            _choose_token()
        say(f"joining Ray at {address}" if address else "starting Ray")
        import ray

        for noisy in ("ray", "ray.tune", "ray.air", "ray.train", "ray.data"):
            logging.getLogger(noisy).setLevel(logging.CRITICAL)
        stack.enter_context(contextlib.redirect_stdout(cast(TextIO, _WithoutRaysThread(sys.stdout, log))))
        stack.callback(ray.shutdown)
        with without_noise(log), _standard_error_kept() as written, _keeping_signal_handlers(), secrets_kept(needed=needed):
            try:
                _init(ray.init, how, say)
            except SystemExit:  # Ray's answer to SIGTERM while it starts
                raise KeyboardInterrupt from None
            except Exception as error:
                raise RayFailed(_why(error, written(), address, how.get("_temp_dir"))) from error
        yield


def _init(init: Callable[..., Any], how: Mapping[str, Any], say: Callable[[str], None]) -> None:
    """Ray gives its own start half a minute, which a busy machine may take: such a start is tried once more."""
    try:
        init(log_to_driver=False, logging_level=logging.CRITICAL, **how)
    except Exception as error:
        if how["address"] != "local" or _TOO_SLOW not in str(error):
            raise
        say("Ray did not start within half a minute (is this machine busy?); once more")
        init(log_to_driver=False, logging_level=logging.CRITICAL, **how)


def _why(error: Exception, written: str, address: str | None, folder: str | None) -> str:
    """In one line; the exception of a cluster that turns our token down does not say so, only what Ray has written."""
    first = (str(error).strip().splitlines() or [""])[0]
    said = f"{type(error).__name__}: {first}"
    if address is None:
        return f"Ray cannot be started on this machine ({said}); its logs in {folder} say more, until the next run"
    if asks_for_token(written + said):
        return wrong_token(address)
    if "Version mismatch" in said and len(found := re.findall(r"(?:Ray|Python): (\S+)", str(error))) == 4:
        ray, python, ray_here, python_here = found
        return (
            f"RAY_ADDRESS {address}: the cluster has Ray {ray} and Python {python}, this machine Ray {ray_here} and Python {python_here};"
            " install the same here, or start the cluster with these"
        )
    return f"RAY_ADDRESS {address} cannot be joined ({said}); {HERE}"


def _choose_token() -> None:
    """A Ray that is started here asks for a token, by default, which keeps other users of the machine out. Here it is one of this
    process: Ray's own would stay in the user's home, for everybody to read who may look in there.
    """
    if not {"RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"} & os.environ.keys():
        os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(32)


@contextlib.contextmanager
def _keeping_signal_handlers() -> Iterator[None]:
    """Ray takes SIGTERM for itself, prints a stack and exits; what a signal means is the queue's to decide.

    What Ray starts here inherits that SIGHUP, SIGUSR1 and SIGUSR2 are blocked: a terminal that is closed, or Slurm's warning of a job's
    end, sends them to all processes, and those are to live until the trials have checkpointed.
    """
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        if threading.current_thread() is threading.main_thread():
            for number, handler in before.items():
                signal.signal(number, handler)


@contextlib.contextmanager
def _standard_error_kept() -> Iterator[Callable[[], str]]:
    """What anybody in this process writes to standard error, below Python too, is kept for whoever asks, and not shown."""
    with tempfile.TemporaryFile() as kept:
        sys.stderr.flush()
        shown = os.dup(2)
        os.dup2(kept.fileno(), 2)
        try:
            yield lambda: os.pread(kept.fileno(), MOST_KEPT, 0).decode(errors="replace")
        finally:
            os.dup2(shown, 2)
            os.close(shown)


class _WithoutRaysThread:
    """Standard output, but for what Ray's thread of cluster errors prints: paragraphs on a dead worker or node, whom we report in a line.

    They are kept in a file, without their colours.
    """

    def __init__(self, under: TextIO, log: Path) -> None:
        self._under, self._log = under, log

    def write(self, text: str) -> int:
        if threading.current_thread().name != "ray_listen_error_messages":
            return self._under.write(text)
        with contextlib.suppress(OSError), self._log.open("a", encoding="utf-8", errors="replace") as log:
            log.write(_COLOUR.sub("", text))
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._under, name)


@contextlib.contextmanager
def without_noise(log: Path) -> Iterator[None]:
    """Ray's own warnings, and what it writes of the cluster's faults, stay off the terminal; what failed is reported by us.

    `log`: a file to which the latter is added.
    """
    with warnings.catch_warnings(), contextlib.redirect_stdout(cast(TextIO, _WithoutRaysThread(sys.stdout, log))):
        warnings.simplefilter("ignore")
        yield
