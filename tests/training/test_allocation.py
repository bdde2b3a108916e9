"""Freed memory stays with a process that trains on a CPU."""

import os
import platform
import subprocess
import sys

import pytest

from biogpt_plugins.training import allocation

COUNT = """
import resource
import torch
from biogpt_plugins.training.allocation import keep_freed_memory

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(8):
        torch.ones(16 << 20)  # 64 MiB
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

first, kept = faults(), keep_freed_memory()
print(kept, first, [faults() for _ in range(4)][-1])
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="its C library is not glibc")
def test_tensors_take_the_same_pages_again():
    ours = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("MALLOC_", "GLIBC_TUNABLES", "LD_PRELOAD"))
    }
    ours["CUDA_VISIBLE_DEVICES"] = ""
    told = subprocess.run(
        [sys.executable, "-c", COUNT], check=True, capture_output=True, text=True, env=ours
    ).stdout
    kept, before, after = told.split()
    assert kept == "True"
    assert int(after) < int(before) / 4


def test_other_libraries_are_left_alone(monkeypatch):
    monkeypatch.setattr(platform, "libc_ver", lambda: ("musl", "1.2"))
    assert allocation.keep_freed_memory() is False


def test_machines_with_an_accelerator_are_left_alone(monkeypatch):
    monkeypatch.setattr(platform, "libc_ver", lambda: ("glibc", "2.36"))
    monkeypatch.setattr("torch.accelerator.is_available", lambda: True)
    assert allocation.keep_freed_memory() is False
