"""What nobody means to write: values, names, and changes to a sweep."""

import copy
from collections.abc import Callable
from typing import Any

from sweeper.spec.yaml_text import UNPRINTABLE

HOSTILE = {
    "sql": "'; DROP TABLE trial; --",
    "html": "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "latex": r"\input{/etc/passwd} $\frac{1}{0}$ 100% & #1 _x^2 ~ \\",
    "formula": '=HYPERLINK("http://evil.example","x")',
    "command": "@SUM(1+1)*cmd|' /C calc'!A0",
    "path": "../../../../etc/passwd",
    "terminal": "\x1b[2J\x1b]0;owned\x07\x1b[31mred\x9b31m",
    "nul": "before\x00after",
    "right-to-left": "\u202efdp.exe\u2066\u200f",
    "surrogate": "half \ud800 pair",
    "lines": "first\nsecond\r\nthird\u2028fourth\x85fifth",
    "markup": "[bold red]not markup[/] [/nothing] {braces} %s {0}",
    "markdown": "| cell | `code` [link](javascript:alert(1)) **bold**",
    "combining": "Z\u0351\u036b\u0343\u036a\u0302\u0342" * 10,
    "long": "x" * 5_000,
    "blank": " \t ",
    "empty": "",
}
"""Text that some program down the road would take for something else than text."""

WORDS = [
    *(text for text in HOSTILE.values() if not UNPRINTABLE.search(text)),
    *("fractional", "one_at_a_time", "leave_one_out", "path", "superiority", "equivalence"),
    "kind",
    "none",
    "full",
    "dual",
    "single",
    "npz",
    "nano",
    "base.steps",
    ".",
    "a..b",
    "partition.ratio",
    "seed",
    "<<",
]
"""A mapping that was read holds no other text: `parse_yaml` refuses it, as the tests of names see."""

NUMBERS = [0, -1, 1, 2, 3, 7, 10**9, 10**400, -(10**30), 2**63, 2**63 - 1, 2**31, 0.5, 1.5, -0.0, 1e308, 5e-324, 1e-17, 1e160, 10**20]
ODD: list[Any] = [
    *(None, True, False, float("inf"), float("-inf"), float("nan")),
    *NUMBERS,
    *WORDS,
    *(
        [],
        {},
        [[]],
        [{}],
        {"": None},
        [None],
        [[1, 2], [3]],
        {"kind": []},
        {"kind": {"kind": 1}},
        {"kind": "none"},
        {"kind": "dual", "gap": 1},
    ),
    *(
        {"path": "a.b", "levels": [1]},
        {"path": 1},
        {"levels": {}},
        {"levels": {"a/b": {}}},
        {"levels": {"a": {"": 1}}},
        {"levels": list(range(200))},
    ),
    *({"base.steps": 1}, {"steps": -1}, {"a.b.c": [{"d": 1}]}, ["single", "dual", "dual"], [0.25, 0.75], [1e308, 1e308], [[0.1], 0.2]),
    *({1: 2}, {None: 3}, {True: {}}, {1.5: []}, [b"bytes"], 10**300 * [1][0], ["x" * 300] * 3, {f"key{i}": i for i in range(300)}),
]
"""Values of every kind, each of which is wrong nearly everywhere."""


def places(tree: Any) -> list[tuple[Any, Any]]:
    """(container, key or index) of everything in a tree."""
    keys = list(tree) if isinstance(tree, dict) else range(len(tree)) if isinstance(tree, list) else []
    return [place for key in keys for place in ((tree, key), *places(tree[key]))]


def _replace(container: Any, key: Any, value: Any) -> None:
    container[key] = value


def _drop(container: Any, key: Any, value: Any) -> None:
    del container[key]


def _insert(container: Any, key: Any, value: Any) -> None:
    if isinstance(container, dict):
        container[value if isinstance(value, str) else "kind"] = copy.deepcopy(container[key])
    else:
        container.insert(key, value)


def _rename(container: Any, key: Any, value: Any) -> None:
    if isinstance(container, dict):
        container[value if isinstance(value, str) else str(value)] = container.pop(key)


def _nest(container: Any, key: Any, value: Any) -> None:
    name = value if isinstance(value, str) else "kind"
    container[key] = [container[key]] if value is None else {name: container[key]}


def _deepen(container: Any, key: Any, value: Any) -> None:
    for _ in range(40):
        container[key] = [container[key]] if value is None else {"kind": container[key]}


def _repeat(container: Any, key: Any, value: Any) -> None:
    if isinstance(container, list):
        container.append(copy.deepcopy(container[key]))
    else:
        container[key] = [container[key]] * 3


CHANGES: list[Callable[[Any, Any, Any], None]] = [_replace, _replace, _replace, _drop, _insert, _rename, _nest, _deepen, _repeat]


def change(tree: Any, where: int, how: int, what: int) -> None:
    """One change at the `where`-th place of a tree, counted around."""
    found = places(tree)
    if found:
        CHANGES[how % len(CHANGES)](*found[where % len(found)], copy.deepcopy(ODD[what % len(ODD)]))
