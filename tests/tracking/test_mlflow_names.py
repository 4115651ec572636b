"""Names and values as MLflow takes them, and its exceptions as we read them."""

import errno
import re

import pytest

from sweeper.tracking import mlflow_names
from sweeper.tracking.failures import Doubtful, TrackingAway, headline, translated, without_credentials


@pytest.mark.parametrize(
    ("name", "spelled"),
    [
        ("held_out_loss", "held_out_loss"),
        ("eval/fd digits-2.0", "eval/fd digits-2.0"),
        ("a:b", "a_b"),
        ("loss é", "loss é"),
        ("", "_"),
        (".", "_"),
        ("..", "_"),
        ("../x", "__x"),
        ("/x", "_x"),
        ("a//b", "a__b"),
        ("a/../b", "a_.._b"),
        ("a/", "a_"),
        ("x\n", "x_"),
        ("k" * 300, "k" * 250),
    ],
)
def test_keys(name: str, spelled: str) -> None:
    assert mlflow_names.key(name) == spelled


@pytest.mark.parametrize("name", ["..a/..", "x/.", "./x", "\0", "\ud800", "a\\b", "'\"`", "k" * 249 + "/z"])
def test_mlflow_takes_every_key(name: str) -> None:
    import posixpath

    spelled = mlflow_names.key(name)
    assert re.fullmatch(r"[/\w.\- ]{1,250}", spelled)
    assert posixpath.normpath(spelled) == spelled
    assert not spelled.startswith(("..", "/"))


def test_text_is_mended_and_cut() -> None:
    assert mlflow_names.text("a\0b\ud800c", 10) == "a�b?c"
    assert mlflow_names.text("abcdef", 4) == "abc…"
    assert mlflow_names.text({"a": [1, None]}, 99) == '{"a": [1, null]}'
    assert mlflow_names.text(True, 9) == "true"


def test_a_sweep_keeps_its_name_where_it_can() -> None:
    assert mlflow_names.experiment_name("noise aug/v2 é") == "noise aug/v2 é"
    hashed = [mlflow_names.experiment_name(name) for name in ("", " ", "Default", "x\n", "x\0", "y" * 900, "y" * 901)]
    assert len(set(hashed)) == len(hashed)
    for name in hashed:
        assert re.search(r" \[[0-9a-f]{8}\]$", name)
        assert len(name) < 450


def test_folders_are_safe_and_differ() -> None:
    names = ["../../etc", "a/b", "a-b", "", "." * 90]
    folders = [mlflow_names.folder_name(name) for name in names]
    assert len(set(folders)) == len(names)
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{9,80}", folder) for folder in folders)


def test_a_config_is_flattened_by_dotted_paths() -> None:
    config = {"a": {"b": {"c": 1.5}, "empty": {}}, "list": [{"x": 1}], "none": None, "text": "t", "flag": False}
    assert mlflow_names.flattened(config) == {
        "a.b.c": "1.5",
        "a.empty": "{}",
        "list": '[{"x": 1}]',
        "none": "null",
        "text": "t",
        "flag": "false",
    }
    assert mlflow_names.flattened({}) == {}


def test_the_headline_of_an_error() -> None:
    traceback = "Traceback (most recent call last):\n  File x, line 1\n    f()\nmodel.errors.Diverged: loss is nan\nmore\n"
    assert headline(traceback) == "model.errors.Diverged: loss is nan"
    assert headline("\n out of memory \nlong story") == "out of memory"
    assert headline("Traceback (most recent call last):") == "Traceback (most recent call last):"
    assert headline(" \n") == ""


def test_credentials_are_masked() -> None:
    assert without_credentials("at https://ann:p@ss@host/x and s3://b/k") == "at https://***@host/x and s3://b/k"


def test_exceptions_are_told_apart() -> None:
    assert isinstance(translated(ConnectionRefusedError("no")), TrackingAway)
    assert isinstance(translated(OSError(errno.ENOSPC, "disk full")), TrackingAway)
    assert isinstance(translated(ImportError("no mlflow")), TrackingAway)
    assert isinstance(translated(RuntimeError("?")), Doubtful)
