"""Hypothesis profiles (no deadlines: compiled code is slow at first), the example package, a browser."""

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

import genlaws.theory.properties  # noqa: F401 registers the profiles

settings.load_profile("genlaws-ci" if os.environ.get("CI") else "genlaws")

# tests run side by side: products on several threads each would wait for one another, many times longer
os.environ.setdefault("OMP_NUM_THREADS", "1")

# tables are as wide as they need to be; a runner of tests in several processes may say otherwise
os.environ.pop("COLUMNS", None)


@pytest.fixture(scope="session", autouse=True)
def one_thread_of_torch():
    """The same of torch, from whose threads numba lifts the limit as its own start."""
    import torch
    from numba import get_num_threads

    get_num_threads()
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def example_site(tmp_path_factory):
    """A folder with docs/example-package installed in it, to put on the path of Python."""
    folder = tmp_path_factory.mktemp("example")
    # a copy, as building leaves its traces
    source = shutil.copytree(Path(__file__).parents[1] / "docs" / "example-package", folder / "source")
    quiet = ["--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check"]
    command = [sys.executable, "-m", "pip", "install", *quiet, "--target", folder / "site", source]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "site"


@pytest.fixture(scope="session")
def neural_tangents(tmp_path_factory):
    """Runs code that has neural-tangents, from arrays by name to arrays by name; skips where there is none.

    It is that of this environment, or of the Python that GENLAWS_NEURAL_TANGENTS names. The code finds
    `given`, and leaves `made`; numbers are double precision.
    """
    python = os.environ.get("GENLAWS_NEURAL_TANGENTS")
    if python is None:
        if importlib.util.find_spec("neural_tangents") is None:
            pytest.skip("no neural-tangents here, and GENLAWS_NEURAL_TANGENTS names no Python that has it")
        python = sys.executable
    frame = """
import sys
import jax
import numpy as np
jax.config.update("jax_enable_x64", True)
from neural_tangents import stax
given = dict(np.load(sys.argv[1]))
{code}
np.savez(sys.argv[2], **made)
"""

    def run(code, **given):
        folder = tmp_path_factory.mktemp("neural_tangents")
        np.savez(folder / "given.npz", **given)
        command = [python, "-c", frame.format(code=code), folder / "given.npz", folder / "made.npz"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return dict(np.load(folder / "made.npz"))

    return run


@pytest.fixture(scope="module")
def browser():
    """A real Chromium, without a screen; skips where there is none, unless GENLAWS_REQUIRE_BROWSER is set."""
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        problem = "no chromium, chromium-browser or google-chrome is installed"
        if os.environ.get("GENLAWS_REQUIRE_BROWSER"):
            pytest.fail(problem)
        pytest.skip(problem)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        options = ["--no-sandbox"] if os.geteuid() == 0 else []
        yield (chromium := playwright.chromium.launch(executable_path=found, args=options))
        chromium.close()
