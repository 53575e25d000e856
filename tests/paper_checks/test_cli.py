from __future__ import annotations

import subprocess
import sys

import pytest
from click.testing import CliRunner

import genlaws
from genlaws.paper_checks import claim as claim_module
from genlaws.paper_checks.cli import main
from genlaws.paper_checks.cli_check import check
from genlaws.paper_checks.command_io import parse_counts


def run(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def test_version_and_help():
    assert run("--version").stdout == f"genlaws {genlaws.__version__}\n"
    text = run("--help").stdout
    for word in ("check", "claims", "curve", "sample", "Exit status"):
        assert word in text


@pytest.mark.parametrize("arguments", ["--version", "--help", "check --help", "sample images --help"])
def test_what_only_prints_loads_nothing_heavy(arguments):
    code = (
        "import sys\n"
        "from genlaws.paper_checks.cli import main\n"
        "try:\n    main(sys.argv[1:])\nexcept SystemExit:\n    pass\n"
        "heavy = {'numpy', 'scipy', 'numba', 'torch', 'statsmodels', 'matplotlib', 'pandas'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, *arguments.split()], capture_output=True, text=True)
    assert done.stderr.strip() == "[]"
    assert done.stdout


def test_the_module_runs_too():
    done = subprocess.run([sys.executable, "-m", "genlaws", "--version"], capture_output=True, text=True)
    assert done.stdout == f"genlaws {genlaws.__version__}\n"


def test_choices_are_those_of_the_library():
    choices = {option.name: getattr(option.type, "choices", None) for option in check.params}
    assert tuple(choices["budget"]) == claim_module.BUDGETS
    assert tuple(choices["source"]) == (*claim_module.SOURCES, "both")


@pytest.mark.parametrize(
    ("text", "points", "counts"),
    [
        ("50,100,200", 5, [50, 100, 200]),
        ("200, 50,50", 5, [50, 200]),
        ("7", 5, [7]),
        ("1:10000", 5, [1, 10, 100, 1000, 10000]),
        ("1:4", 50, [1, 2, 3, 4]),
        ("3:3", 9, [3]),
        ("0,1:100", 3, [0, 1, 10, 100]),
        ("1e6", 5, [1_000_000]),
        ("1:1e12", 2, [1, 10**12]),
        ("17:90001", 2, [17, 90001]),
    ],
)
def test_counts(text, points, counts):
    assert parse_counts(text, points, "--examples") == counts


@pytest.mark.parametrize(
    "text", ["", ",", "x", "1:", ":5", "5:1", "0:5", "1:2:3", "2.5", "-1", "nan", "inf", "1e30"]
)
def test_counts_that_are_none(text):
    with pytest.raises(ValueError, match="--examples must be whole numbers like 50,100,200 or a range"):
        parse_counts(text, 5, "--examples")


def test_want_of_memory_is_one_line(monkeypatch):
    def greedy(*arguments, **keywords):
        raise MemoryError("Unable to allocate 3.64 TiB")

    monkeypatch.setattr("genlaws.paper_checks.curve_sources.learning_curve", greedy)
    done = run("curve", "--beta", "2,5", "--examples", 10)
    assert done.exit_code == 2
    assert done.stderr == "Error: not enough memory: Unable to allocate 3.64 TiB\n"


def test_a_full_disk_or_a_defect_is_told_apart(monkeypatch):
    def defect(*arguments, **keywords):
        raise TypeError("a defect")

    monkeypatch.setattr("genlaws.paper_checks.curve_sources.learning_curve", defect)
    assert isinstance(run("curve", "--beta", "2,5", "--examples", 10).exception, TypeError)
