"""Freed memory stays in the process of a trial, where the allocator can be told so."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

FAULTS = """
import resource, sys, torch
from model.training import memory

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(20):
        torch.empty(2_000_000).fill_(1)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

faults()
before = faults()
memory.keep_freed()
faults()
print(before, faults())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other allocators are left as they are")
def test_what_a_step_frees_is_there_for_the_next_one() -> None:
    root = Path(__file__).parents[2]
    plain = os.environ | {"MALLOC_MMAP_THRESHOLD_": str(2**17)}  # glibc would raise it by itself, at some moment
    said = subprocess.run([sys.executable, "-c", FAULTS], cwd=root, env=plain, capture_output=True, text=True, check=True).stdout
    thrown_away, kept = map(int, said.split())
    assert kept < 20 <= thrown_away, "page faults of twenty tensors of 8 MB"
