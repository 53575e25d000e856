"""The code in the guides runs, at small size, block after block in one namespace."""

from __future__ import annotations

import re
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest
from click.testing import CliRunner

from genlaws.paper_checks.cli import main

ROOT = Path(__file__).parents[1]
SIZES = "SIZES, HELDOUT, PARTICLES, REPLICAS ="
SMALL = {"networks": (f"{SIZES} [16, 64, 256], 1000, 200, 6", f"{SIZES} [4, 8], 100, 40, 2")}


def guide(name):
    return (ROOT / "docs" / f"{name}.md").read_text("utf-8")


@pytest.mark.parametrize("name", SMALL)
def test_python_blocks_run(name, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    full, small = SMALL[name]
    text = guide(name)
    assert text.count(full) == 1
    blocks = re.findall(r"^```python\n(.*?)^```", text.replace(full, small), re.M | re.S)
    assert len(blocks) >= 3
    namespace: dict[str, object] = {}
    with mpl.rc_context({"backend": "agg"}):
        for block in blocks:
            exec(compile(block, f"{name}.md", "exec"), namespace)
        plt.close("all")
    assert list(tmp_path.glob("*.png"))
    assert "ok" in capsys.readouterr().out


@pytest.mark.parametrize("name", SMALL)
def test_options_and_links_are_there(name):
    text = guide(name)
    commands = re.findall(r"^genlaws (.*)$", text, re.M)
    assert commands
    runner = CliRunner()
    known = {option for command in commands for option in _options(runner, command)}
    used = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", text))
    assert used <= known
    for target in re.findall(r"\]\(([^)#:]+)\)", text):
        assert (ROOT / "docs" / target).is_file(), target


def _options(runner, command):
    words = []
    for word in command.split():
        if word.startswith("-"):
            break
        words.append(word)
    said = runner.invoke(main, [*words, "--help"])
    assert said.exit_code == 0, command
    return re.findall(r"--[a-z][a-z-]*", said.stdout)
