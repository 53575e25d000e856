"""What an installation holds, shown on a wheel built from a copy of the tree."""

import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = ("package", "theory", "simulate", "empirical", "paper_checks")


def settings():
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def in_wheel(path):
    """Where a file of the tree lies in the wheel."""
    room, *rest = path.relative_to(ROOT).parts
    return "/".join(["genlaws", *([] if room == "package" else [room]), *rest])


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("packaging")
    hidden = shutil.ignore_patterns(".*", "__pycache__", "build", "dist", "*.egg-info")
    tree = shutil.copytree(ROOT, folder / "tree", ignore=hidden)
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(tree)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    (path,) = folder.glob("genlaws-*.whl")
    return path


@pytest.fixture(scope="module")
def held(wheel):
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_package_list_equals_the_tree():
    folders = {path.parent for room in ROOMS for path in (ROOT / room).rglob("*.py")}
    names = {folder: in_wheel(folder / "x").rpartition("/")[0].replace("/", ".") for folder in folders}
    declared = settings()["tool"]["setuptools"]
    assert sorted(declared["packages"]) == sorted(names.values())
    assert {ROOT / place for place in declared["package-dir"].values()} == folders
    for folder, name in names.items():
        assert declared["package-dir"][name] == folder.relative_to(ROOT).as_posix()
        assert (folder / "__init__.py").is_file()


def test_wheel_holds_one_name(held):
    top = {name.split("/")[0] for name in held}
    assert len(top) == 2
    (metadata,) = top - {"genlaws"}
    assert metadata.startswith("genlaws-")
    assert metadata.endswith(".dist-info")


def test_wheel_holds_every_module_and_nothing_more(held):
    modules = {in_wheel(path) for room in ROOMS for path in (ROOT / room).rglob("*.py")}
    assert {name for name in held if name.endswith(".py")} == modules
    assert len(modules) > 20


def test_wheel_holds_the_data_with_its_notice_types_and_schemas(held):
    assert {
        "genlaws/py.typed",
        "genlaws/empirical/data/mnist_5k.npz",
        "genlaws/empirical/data/NOTICE",
    } <= held
    schemas = {in_wheel(path) for path in (ROOT / "paper_checks" / "schemas").glob("*.json")}
    assert schemas
    assert schemas == {name for name in held if "/schemas/" in name}
    templates = {in_wheel(path) for path in (ROOT / "paper_checks" / "templates").iterdir()}
    assert templates
    assert templates == {name for name in held if "/templates/" in name}
    licenses = {name.partition("/licenses/")[2] for name in held if "/licenses/" in name}
    assert licenses == {"LICENSE", "empirical/data/NOTICE"}


def test_wheel_holds_no_tests_and_no_leftovers(held):
    plain = {name for name in held if not name.split("/")[0].endswith(".dist-info")}
    assert {Path(name).suffix for name in plain} == {".py", ".typed", ".npz", "", ".json", ".jinja", ".css"}
    assert {name for name in plain if not Path(name).suffix} == {"genlaws/empirical/data/NOTICE"}
    for name in plain:
        assert not {"tests", "benchmarks", "docs"} & set(name.split("/")), name


def test_wheel_works_without_the_tree(wheel, tmp_path):
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    code = (
        "import genlaws, genlaws.simulate, genlaws.paper_checks as checks\n"
        "from genlaws.empirical import load_images\n"
        "print(genlaws.__file__, genlaws.__version__, len(load_images('mnist5k')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path / "site")},
    )
    file, version, images = done.stdout.split()
    assert Path(file).parent == tmp_path / "site" / "genlaws"
    assert images == "6000"
    assert f"-{version}-" in wheel.name


def test_wheel_states_what_it_is(wheel, held):
    with zipfile.ZipFile(wheel) as archive:
        (entry,) = (name for name in held if name.endswith("entry_points.txt"))
        assert "genlaws = genlaws.paper_checks.cli:main" in archive.read(entry).decode()
        (metadata,) = (name for name in held if name.endswith("METADATA"))
        lines = archive.read(metadata).decode().splitlines()
    assert "Requires-Python: >=3.11" in lines
    assert "License-Expression: MIT" in lines
    assert {f"Provides-Extra: {extra}" for extra in ("test", "dev", "dask")} <= set(lines)
