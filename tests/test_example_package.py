"""The example package of the guide, installed and used as its reader would."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

EXAMPLE = Path(__file__).parents[1] / "docs" / "example-package"
SIZES = [10, 30, 100]


@pytest.fixture
def run(example_site, tmp_path):
    def finished(*arguments, paths=(), status=0):
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (example_site, *paths)))}
        command = [sys.executable, "-W", "error", *arguments]
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, cwd=tmp_path, env=environment
        )
        assert done.returncode == status, done.stderr
        return done

    return finished


@pytest.fixture
def genlaws(run):
    return lambda *arguments, **given: run("-m", "genlaws", *arguments, **given)


def test_its_claim_is_listed_with_where_it_comes_from(genlaws):
    done = genlaws("claims", "--paper", "boxes", "--json", "-")
    assert "from genlaws-example" in done.stderr
    assert "Warning" not in done.stderr
    (claim,) = json.loads(done.stdout)["claims"]
    assert (claim["claim"], claim["distribution"]) == ("BOX1", "genlaws-example")


def test_its_claim_is_supported_also_by_worker_processes(genlaws):
    done = genlaws("check", "BOX1", "--workers", "2", "--json", "-")
    document = json.loads(done.stdout)
    assert "genlaws-example" in document["run"]["versions"]
    (verdict,) = document["verdicts"]
    assert verdict["verdict"] == "SUPPORTED"
    assert verdict["control"]["verdict"] == verdict["control"]["expected"] == "REFUTED"
    # twice the error, in natural logarithms
    assert verdict["control"]["estimate"] == pytest.approx(np.log(2.0), abs=0.15)


def test_its_family_is_sampled_to_the_known_fraction(genlaws, run):
    given = ["--dimension", "3", "--examples", "10,30,100", "--particles", "500", "--seed", "4"]
    sampled = json.loads(genlaws("sample", "boxes", *given, "--json", "-").stdout)
    settings = {"family": "boxes", "distribution": "genlaws-example", "revision": 1}
    assert sampled["settings"] == {**settings, "dimension": 3, "population": 0}
    assert sampled["status"] == ["ok"] * 3
    # the training set of the same seed, and the share of the cube below its least points
    code = (
        "import sys, numpy as np\n"
        "from genlaws_example.boxes import Boxes\n"
        "from genlaws.simulate import sample_zero_error\n"
        "box = Boxes(3)\n"
        f"examples = sample_zero_error(box, {SIZES}, particles=20, replicas=2, rng=4).training_set\n"
        f"print([float(np.log(box.inputs(examples[:n]).min(axis=0)).sum()) for n in {SIZES}])"
    )
    exact = np.array(json.loads(run("-c", code).stdout))
    apart = np.abs(np.array(sampled["log_fraction"]) - exact)
    assert exact[-1] < -12.0
    assert np.all(apart < 4.0 * np.array(sampled["log_fraction_se"]) + 0.02)
    assert np.all(apart < 0.5)


def test_a_broken_package_beside_it_is_named_and_does_no_harm(genlaws, tmp_path):
    metadata = tmp_path / "site" / "broken-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(
        "[genlaws.claims]\nlost = absent:CLAIMS\n[genlaws.families]\nlost = absent:Family\n"
    )
    done = genlaws("check", "A2b", "--workers", "1", paths=[tmp_path / "site"])
    warnings = [line for line in done.stderr.splitlines() if line.startswith("Warning")]
    assert warnings == [
        "Warning: entry point 'lost' of broken in genlaws.claims does not load: "
        "ModuleNotFoundError: No module named 'absent'"
    ]
    assert "REFUTED" in done.stderr
    refused = genlaws("sample", "lost", "--help", paths=[tmp_path / "site"], status=2)
    assert "entry point 'lost' of broken in genlaws.families does not load" in refused.stderr
    assert "Traceback" not in refused.stderr


@pytest.mark.slow
def test_its_own_tests_pass(run, tmp_path):
    tests = shutil.copytree(EXAMPLE / "tests", tmp_path / "tests")
    done = run("-m", "pytest", "-q", "-p", "no:cacheprovider", str(tests))
    assert "passed" in done.stdout
