"""What a file may be: YAML without its surprises; anything else is named with its line."""

import os
from pathlib import Path

import pytest
from small_sweep import Load, Refused

from sweeper.errors import SpecError
from sweeper.spec.reading import EXAMPLE, MAX_BYTES, read_mapping


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a: 1\nb: 2\na: 3\n", "F, line 3: not YAML (key 'a' appears twice); fix the line"),
        ("a: {b: 1, b: 2}\n", "F, line 1: not YAML (key 'b' appears twice); fix the line"),
        ("a:\n  - {b: 1,\n     b: 2}\n", "F, line 3: not YAML (key 'b' appears twice); fix the line"),
        ("a: [1\nb: 2\n", "F, line 2: a [ or { above is not closed; close it"),
        ("a:\n\tb: 1\n", "F, line 2: a tab cannot indent or part values in YAML; write blanks instead"),
        ("a: 1\n---\nb: 1\n", "F, line 2: not YAML (expected a single document in the stream, but found another document); fix the line"),
        ("? [a]\n: 1\n", "F, line 1: not YAML (key ['a'] is not a name); fix the line"),
        ("a: &x {b: *x}\n", "F, line 1: an alias stands for what it is part of; write out what is meant"),
        (
            "a: !!python/object:os.x x\n",
            "F, line 1: the tag tag:yaml.org,2002:python/object:os.x: write the value alone, text in quotes",
        ),
        ("a: \0\n", "F: not YAML (unacceptable character #x0000: special characters are not allowed); fix the file"),
        ("[" * 3000, "F, line 1: nested more than 50 deep, and no sweep is; fix the line"),
        ("", f"F is empty; start from {EXAMPLE}"),
        ("# only a comment\n", f"F is empty; start from {EXAMPLE}"),
        ("- 1\n- 2\n", f"F holds [1, 2], not `key: value` lines; start from {EXAMPLE}"),
        ("question", f"F holds 'question', not `key: value` lines; start from {EXAMPLE}"),
        ("false", f"F holds false, not `key: value` lines; start from {EXAMPLE}"),
        ("1: 2\n", "F: key 1 is not a name; write it in quotes or remove it"),
        (b"\x89PNG\r\n\x1a\n", "F is not text (byte 0 is not UTF-8); give a YAML file"),
        (bytes(range(256)), "F is not text (byte 128 is not UTF-8); give a YAML file"),
        ("a: 1".encode("utf-16"), "F is not text (byte 0 is not UTF-8); give a YAML file"),
        (b"#" * (MAX_BYTES + 1), f"F is longer than the 1,000,000 bytes of a sweep file; give a sweep file, such as {EXAMPLE}"),
    ],
)
def test_what_is_no_mapping_is_named_with_its_line(tmp_path: Path, content: str | bytes, message: str) -> None:
    file = tmp_path / "F"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(SpecError) as caught:
        read_mapping(file)
    assert str(caught.value).replace(str(file), "F") == message


def test_a_large_file_is_not_read_to_its_end(tmp_path: Path) -> None:
    with (tmp_path / "large.yaml").open("wb") as file:
        file.truncate(2**40)  # a terabyte of holes
    with pytest.raises(SpecError, match="longer than the 1,000,000 bytes"):
        read_mapping(tmp_path / "large.yaml")


def test_a_missing_file_is_answered_with_the_nearest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ratio.yaml").touch()
    (tmp_path / "gap.yml").touch()
    (tmp_path / "notes.txt").touch()
    said = {}
    for name in ("ratios.yaml", "xyz", "nowhere/ratio.yaml", "."):
        with pytest.raises(SpecError) as caught:
            read_mapping(Path(name))
        said[name] = str(caught.value)
    assert said == {
        "ratios.yaml": 'there is no file ratios.yaml; did you mean "ratio.yaml"?',
        "xyz": "there is no file xyz; valid here: gap.yml, ratio.yaml",
        "nowhere/ratio.yaml": f"there is no file nowhere/ratio.yaml: nowhere is no folder; give a sweep file, such as {EXAMPLE}",
        ".": f". is a directory; give a sweep file, such as {EXAMPLE}",
    }


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.yaml"
    os.mkfifo(pipe)
    with pytest.raises(SpecError, match=r"pipe\.yaml is a pipe, a device or a socket; write the sweep into a file"):
        read_mapping(pipe)


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every file")
def test_an_unreadable_file_is_named(tmp_path: Path) -> None:
    file = tmp_path / "F"
    file.touch(mode=0o000)
    with pytest.raises(SpecError, match=r"cannot be read \(Permission denied\); check its permissions"):
        read_mapping(file)


def test_aliases_and_merge_keys_are_understood(load: Load) -> None:
    text = """
question: q
name: n
base: &base {preset: nano, steps: 5}
seeds: 1
metric: {primary: held_out_loss, direction: lower}
design: {kind: variants, variants: {a: {}}}
profiles:
  p: {base: {<<: *base, steps: 6, batch_size: 8}}
"""
    config = load(text, profile="p").configs[0][1]
    assert (config.steps, config.batch_size, config.backbone.width) == (6, 8, 48)


def test_a_message_never_writes_out_what_aliases_blow_up(refused: Refused) -> None:
    lines = ["x0: &x0 [a, a, a, a, a, a, a, a, a, a]"]
    lines += [f"x{i}: &x{i} [{', '.join([f'*x{i - 1}'] * 10)}]" for i in range(1, 9)]  # 10^9 letters when written out
    lines += ["question: *x8"]
    assert len(refused("\n".join(lines))) < 400
