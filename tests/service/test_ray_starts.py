"""A Ray that starts too slowly for its own patience is started once more; any other fault is told at once. What it writes of a dead node
is kept off the terminal.
"""

import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sweeper.execution.ray_session import _init, without_noise

SLOW = "The current node timed out during startup. This could happen because some of the raylet failed to startup."
LOCAL = {"address": "local", "num_cpus": 2}


def failing(times: int, message: str) -> tuple[Callable[..., None], list[dict[str, Any]]]:
    calls: list[dict[str, Any]] = []

    def init(**how: Any) -> None:
        calls.append(how)
        if len(calls) <= times:
            raise RuntimeError(message)

    return init, calls


def test_a_slow_start_is_tried_once_more_and_said() -> None:
    said: list[str] = []
    init, calls = failing(1, SLOW)
    _init(init, LOCAL, said.append)
    assert [call["num_cpus"] for call in calls] == [2, 2]
    assert said == ["Ray did not start within half a minute (is this machine busy?); once more"]


@pytest.mark.parametrize(("how", "message", "calls"), [(LOCAL, SLOW, 2), (LOCAL, "no such folder", 1), ({"address": "head:6379"}, SLOW, 1)])
def test_what_fails_again_or_otherwise_is_an_error(how: dict[str, Any], message: str, calls: int) -> None:
    init, made = failing(2, message)
    with pytest.raises(RuntimeError, match=message[:20]):
        _init(init, how, lambda line: None)
    assert len(made) == calls


def test_ray_s_paragraph_on_a_dead_node_goes_to_the_log_without_colours(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = tmp_path / "ray.log"
    paragraph = "\x1b[36m(raylet)\x1b[0m The node with node id: 6e3f has been marked dead because of a missed heartbeat."
    with without_noise(log):
        for name in ("ray_listen_error_messages", "another"):
            said = "ours\n" if name == "another" else f"{paragraph}\n"
            thread = threading.Thread(target=lambda text: sys.stdout.write(text), args=(said,), name=name)
            thread.start()
            thread.join()
    sys.stdout.write("after\n")
    assert capsys.readouterr().out == "ours\nafter\n"
    assert log.read_text() == "(raylet) The node with node id: 6e3f has been marked dead because of a missed heartbeat.\n"
