"""Runs that are killed or interrupted go on where they were, and end as if nothing had been."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time

import pytest

from genlaws.paper_checks.store import Store

# a run of 12 units that take a while each; every one that begins is noted
SCRIPT = """
import json, os, sys, time
from dataclasses import replace
import numpy as np
from genlaws.paper_checks.claim import Claim, Control, Experiment
from genlaws.paper_checks.runs import run_claims
from genlaws.paper_checks.store import Store
from genlaws.simulate.measurement import Measurement
from genlaws.theory import Constant

folder, notes, target = sys.argv[1:]

def experiment(value):
    def measure(settings, rng):
        with open(notes, "a") as file:
            file.write(f"{value} {settings['replicate']}\\n")
        time.sleep(0.1)
        return Measurement(
            x=np.array([10.0, 20.0, 40.0, 80.0]),
            replicate=np.full(4, settings["replicate"]),
            y=value + 0.05 * rng.standard_normal(4),
            settings={**settings, "pair": (1, 2)},
        )
    return {"simulation": Experiment(lambda budget: [{"replicate": k} for k in range(6)], measure)}

claim = Claim(
    id="T1", paper="tests", where="section 1", statement="The constant is two.", prediction="2",
    law=Constant(2.0), predicted=2.0, band=(1.8, 2.2), x_range=(10.0, 80.0), falsifier="another constant",
    control=Control("another constant", "REFUTED", experiment(3.0)), experiments=experiment(2.0),
    not_applicable={"network": "none here"},
)
store = None if folder == "none" else Store.at(folder)
run = run_claims([claim], rng=5, store=store)
with open(target, "w") as file:
    json.dump(run.to_dict()["verdicts"], file)
"""


@pytest.fixture
def script(tmp_path):
    path = tmp_path / "script.py"
    path.write_text(SCRIPT, "utf-8")

    def start(folder, name):
        arguments = [folder, tmp_path / f"{name}.txt", tmp_path / f"{name}.json"]
        return subprocess.Popen([sys.executable, path, *map(str, arguments)])

    return start


def until(condition, seconds=60.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.02)


def lines(path):
    return path.read_text("utf-8").splitlines() if path.exists() else []


def test_killed_again_and_again_it_gives_exactly_the_uninterrupted_result(script, tmp_path):
    whole = script("none", "whole")
    pause, kills = random.Random(1), 0
    while True:
        begun = len(lines(tmp_path / "killed.txt"))
        running = script(tmp_path / "store", "killed")
        until(lambda begun=begun, running=running: running.poll() is not None
              or len(lines(tmp_path / "killed.txt")) > begun + 2)  # fmt: skip
        time.sleep(0.25 * pause.random())
        if running.poll() is not None:
            break
        running.send_signal(signal.SIGKILL)
        running.wait()
        kills += 1
    assert kills >= 3
    assert running.returncode == whole.wait() == 0
    assert (tmp_path / "killed.json").read_bytes() == (tmp_path / "whole.json").read_bytes()
    # each kill costs at most the unit that was being measured
    noted = lines(tmp_path / "killed.txt")
    assert set(noted) == set(lines(tmp_path / "whole.txt"))
    assert len(set(noted)) == 12
    assert 12 <= len(noted) <= 12 + kills


def check(*arguments, **options):
    return subprocess.Popen(
        [sys.executable, "-m", "genlaws", "check", "A1a", *map(str, arguments)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True, **options,
    )  # fmt: skip


@pytest.mark.parametrize(("workers", "number"), [(2, signal.SIGINT), (1, signal.SIGTERM)])
def test_an_interrupted_check_keeps_what_is_done_and_says_how_to_go_on(tmp_path, workers, number):
    folder = tmp_path / "store"
    running = check("--store", folder, "--workers", workers)
    until(lambda: len(list(folder.glob("units/*/*.json"))) >= 2)
    running.send_signal(number)
    said = running.communicate(timeout=15)[1]
    assert running.returncode == 130
    assert f"what was measured is in {folder}" in said
    assert "Traceback" not in said
    # none of its processes is left
    until(lambda: not alive(running.pid), seconds=15)
    store = Store.existing(folder)
    kept = len(list(store.unit_paths()))
    assert 2 <= kept < 13
    (record,) = store.runs()
    assert len(record.units) == 13
    assert not store.verdicts_path(record.id).exists()

    resumed = check("--store", folder, "--json", "-", "--quiet")
    document = json.loads(resumed.communicate(timeout=120)[0])
    assert document["run"]["units_stored"] == kept
    assert document["verdicts"][0]["verdict"] == "SUPPORTED"
    assert json.loads(store.verdicts_path(record.id).read_text("utf-8")) == document


def alive(session):
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat") as file:
                    fields = file.read().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[3]) == session and fields[0] != "Z":
                return True
    return False


def test_without_a_store_nothing_is_promised():
    running = check("A5b", "--workers", 1)
    # the first verdict is said while the second claim has many units to go
    assert running.stderr.readline().startswith("A1a simulation")
    running.send_signal(signal.SIGINT)
    said = running.communicate(timeout=15)[1]
    assert running.returncode == 130
    assert "nothing was kept (with --store DIR" in said
