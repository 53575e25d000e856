"""No two tasks hold a GPU at once, in however many processes they run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from itertools import pairwise

import pytest
import torch

from genlaws.empirical.device_lease import leased_gpu

# each holds a GPU for a while, and notes when it had which
HOLD = """
import sys, time
from genlaws.empirical.device_lease import leased_gpu
gpus, notes, seconds = sys.argv[1].split(","), sys.argv[2], float(sys.argv[3])
for _ in range(3):
    with leased_gpu(gpus) as device:
        begin = time.monotonic()
        print("held", flush=True)
        time.sleep(seconds)
        with open(notes, "a") as file:
            file.write(f"{device} {begin} {time.monotonic()}\\n")
"""


@pytest.fixture
def gpus(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return ["GPU-aa", "GPU-bb"]


def hold(gpus, notes, seconds):
    command = [sys.executable, "-c", HOLD, ",".join(gpus), str(notes), str(seconds)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_three_processes_take_turns_on_two_gpus(gpus, tmp_path):
    notes = tmp_path / "notes.txt"
    running = [hold(gpus, notes, 0.05) for _ in range(3)]
    for process in running:
        process.communicate(timeout=60)
    held = [line.split() for line in notes.read_text("utf-8").splitlines()]
    assert len(held) == 9
    for device in ("cuda:0", "cuda:1"):
        times = sorted((float(begin), float(end)) for name, begin, end in held if name == device)
        assert times
        assert all(end <= begin for (_, end), (begin, _) in pairwise(times))


def test_threads_take_turns_and_each_gpu_is_used(gpus):
    with leased_gpu(gpus) as first, leased_gpu(gpus) as second:
        assert {first, second} == {"cuda:0", "cuda:1"}
    with leased_gpu(gpus) as again:
        assert again == "cuda:0"
    with pytest.raises(ZeroDivisionError), leased_gpu(gpus[:1]):
        1 / 0  # noqa: B018
    with leased_gpu(gpus[:1]) as free:
        assert free == "cuda:0"


def test_a_killed_process_gives_its_gpu_back(gpus, tmp_path):
    holder = hold(gpus[:1], tmp_path / "notes.txt", 60.0)
    assert holder.stdout.readline() == "held\n"
    holder.send_signal(signal.SIGKILL)
    holder.communicate()
    start = time.monotonic()
    with leased_gpu(gpus[:1]) as device:
        assert device == "cuda:0"
    assert time.monotonic() - start < 30.0


def test_its_files_are_ones_own(gpus, tmp_path):
    with leased_gpu(gpus):
        (folder,) = tmp_path.glob("genlaws-*")
        assert folder.stat().st_mode & 0o777 == 0o700
        assert str(os.getuid()) in folder.name


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_it_says_so():
    with pytest.raises(ValueError, match="there is no GPU"), leased_gpu():
        pass


@pytest.mark.gpu
def test_a_real_gpu_is_held():
    with leased_gpu() as device:
        assert torch.zeros(3, device=device).device.index == int(device.partition(":")[2])
