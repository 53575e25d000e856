"""Families by name: the package's own, those of other packages, and their commands."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys

import pytest
from click.testing import CliRunner

from genlaws.paper_checks.cli import main
from genlaws.paper_checks.family_registry import (
    BUILT_IN,
    FamilyParameter,
    all_family_names,
    family_revisions,
    find_family,
)
from genlaws.simulate import ClassifierFamily, SphericalPerceptron

MADE = '''
from genlaws.simulate import SphericalPerceptron

def make(dimension: int, *, scale: float = 1.5, kind: "str" = "plain", turned: bool = False, more=None):
    """Perceptrons, made elsewhere.

    And more about them.
    """
    if dimension > 99:
        raise ValueError(f"dimension must be at most 99, got {dimension}")
    print(dimension, scale, kind, turned, more)
    return SphericalPerceptron(dimension)

make.revision = 3
'''


def sample(*arguments):
    return CliRunner().invoke(main, ["sample", *arguments])


def test_every_family_of_the_package_has_a_name_and_a_revision():
    for name in BUILT_IN:
        family = find_family(name)
        assert (family.name, family.distribution) == (name, "genlaws")
        assert family.revision >= 1
        assert family.summary.endswith(".")
        members = set(dir(family.make)) | set(getattr(family.make, "__annotations__", ()))
        methods = {member for member in dir(ClassifierFamily) if not member.startswith("_")}
        assert methods <= members
    assert all_family_names() == tuple(BUILT_IN)
    assert list(BUILT_IN) == sorted(BUILT_IN)


def test_parameters_are_read_from_the_class():
    found = find_family("spherical-perceptron")
    assert found.make is SphericalPerceptron
    assert [parameter.name for parameter in found.parameters] == ["dimension", "data", "seed"]
    assert found.parameters[0] == FamilyParameter("dimension", int, None, required=True)
    assert found.parameters[1].kind is None
    assert found.parameters[2] == FamilyParameter("seed", int, 0, required=False)
    with pytest.raises(dataclasses.FrozenInstanceError):
        found.revision = 2


def test_revisions_follow_the_classes(monkeypatch):
    monkeypatch.setattr(SphericalPerceptron, "revision", 7)
    find_family.cache_clear()
    names = ["spherical-perceptron", "binary-perceptron", "spherical-perceptron"]
    assert family_revisions(names) == {"binary-perceptron": 1, "spherical-perceptron": 7}
    assert list(family_revisions(names)) == ["binary-perceptron", "spherical-perceptron"]
    find_family.cache_clear()


def test_naming_a_family_loads_no_other():
    code = (
        "import sys\n"
        "from genlaws.paper_checks.family_registry import all_family_names, family_revisions\n"
        "all_family_names()\n"
        "print('numba' in sys.modules)\n"
        "family_revisions(['spherical-perceptron'])\n"
        "print('torch' in sys.modules, 'genlaws.simulate.spherical_perceptron' in sys.modules)\n"
        "family_revisions(['network'])\n"
        "print('torch' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False", "True", "True"]


def test_unknown_names_say_what_there_is():
    with pytest.raises(ValueError, match="unknown family 'perceptron'; known: binary-perceptron, drawn-"):
        find_family("perceptron")


# --- families of other packages -----------------------------------------------------------------------


def test_a_function_of_another_package_makes_a_family(install):
    install("theirs", {"genlaws.families": {"turned": "theirs:make"}}, theirs=MADE)
    found = find_family("turned")
    assert (found.distribution, found.revision, found.summary) == (
        "theirs",
        3,
        "Perceptrons, made elsewhere.",
    )
    assert [(p.name, p.kind, p.default, p.required) for p in found.parameters] == [
        ("dimension", int, None, True),
        ("scale", float, 1.5, False),
        ("kind", str, "plain", False),
        ("turned", bool, False, False),
        ("more", None, None, False),
    ]
    assert "turned" in all_family_names()
    assert family_revisions(["turned"]) == {"turned": 3}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "raise RuntimeError('no')",
            "entry point 'x' of theirs in genlaws.families does not load: RuntimeError",
        ),
        ("make = 3", "must name a class or a function, got a int"),
        ("def make(): pass", "revision must be a whole number from 1, got None"),
        ("def make(): pass\nmake.revision = True", "revision must be a whole number from 1, got True"),
    ],
)
def test_what_is_no_family_is_said_in_one_line(install, text, said):
    install("theirs", {"genlaws.families": {"x": "theirs:make"}}, theirs=text)
    with pytest.raises(ValueError, match="theirs") as raised:
        find_family("x")
    assert said in str(raised.value)
    done = sample("x", "--help")
    assert done.exit_code == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_name_belongs_to_one_package(install):
    for name in ("first", "second"):
        entries = {"x": f"{name}:make", "lookup-table": f"{name}:make"}
        install(name, {"genlaws.families": entries}, **{name: MADE})
    with pytest.raises(ValueError, match="family 'x' is registered more than once: by first and second"):
        find_family("x")
    assert find_family("lookup-table").distribution == "genlaws"
    assert "the name is taken by genlaws" in sample("lookup-table", "--help").stderr


def test_the_command_takes_what_the_family_is_made_from(install):
    install("theirs", {"genlaws.families": {"turned": "theirs:make"}}, theirs=MADE)
    shown = sample("turned", "--help").stdout
    for line in (
        "Perceptrons, made elsewhere.",
        "From theirs.",
        "--scale FLOAT",
        "--kind TEXT",
        "--no-turned",
    ):
        assert line in shown
    assert "--more" not in shown
    quick = ["--examples", "5", "--particles", "20", "--replicas", "2"]
    done = sample("turned", "--dimension", "4", "--turned", *quick, "--quiet", "--json", "-")
    assert done.exit_code == 0, done.output
    first, _, rest = done.stdout.partition("\n")
    assert first == "4 1.5 plain True None"
    assert json.loads(rest)["settings"] == {
        "family": "turned", "distribution": "theirs", "revision": 3,
        "dimension": 4, "scale": 1.5, "kind": "plain", "turned": True,
    }  # fmt: skip
    assert "Missing option '--dimension'" in sample("turned", *quick).stderr
    refused = sample("turned", "--dimension", "100", *quick)
    assert refused.exit_code == 2
    assert "dimension must be at most 99, got 100" in refused.stderr


@pytest.mark.parametrize(
    ("signature", "said"),
    [
        ("density", "its parameter 'density' is not annotated as int, float, str or bool"),
        ("seed: int = 0", "its parameter 'seed' has the name of an option of every family"),
        ("json: str = ''", "its parameter 'json' has the name of an option of every family"),
    ],
)
def test_what_no_command_can_be_made_of_is_said_in_one_line(install, signature, said):
    install(
        "theirs", {"genlaws.families": {"x": "t:make"}}, t=f"def make({signature}): pass\nmake.revision = 1"
    )
    done = sample("x", "--help")
    assert done.exit_code == 2
    assert f"family 'x' of theirs cannot be made on the command line: {said}" in done.stderr


def test_what_is_made_must_be_a_family(install):
    install("theirs", {"genlaws.families": {"x": "t:make"}}, t="def make(): return 3\nmake.revision = 1")
    done = sample("x", "--examples", "5")
    assert done.exit_code == 2
    assert "does not have what a ClassifierFamily has" in done.stderr
    assert "true_errors" in done.stderr


def test_families_are_listed_without_being_loaded(install):
    entries = {"x": "absent:make", "perceptron": "absent:make"}
    install("theirs", {"genlaws.families": entries})
    shown = sample("--help")
    assert shown.exit_code == 0
    assert "x           Registered by theirs." in shown.stdout
    assert shown.stdout.count("perceptron ") == 1
    assert "Linear classifiers" in sample("perceptron", "--help").stdout
