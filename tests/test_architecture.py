"""The arrows between the rooms, held on the source itself: nothing here runs any of it."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# What a room may import of the others.
ARROWS = {
    "package": {"paper_checks"},
    "theory": set(),
    "simulate": {"theory"},
    "empirical": {"theory", "simulate"},
    "paper_checks": {"theory", "simulate", "empirical"},
}
MODULES = sorted(path for room in ARROWS for path in (ROOT / room).rglob("*.py"))
LONGEST = 400


def names(paths):
    return [str(path.relative_to(ROOT)) for path in paths]


def imports(path):
    """(node, absolute name) of everything a module imports, also inside functions."""
    # `package` is the root of the name, and counts as no part of it
    parts = ("genlaws", *path.relative_to(ROOT).with_suffix("").parts)
    if parts[1] == "package":
        parts = (parts[0], *parts[2:])
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = parts[: len(parts) - node.level] if node.level else ()
            yield node, ".".join((*base, *filter(None, [node.module])))


def room_of(name):
    parts = name.split(".")
    return parts[1] if parts[0] == "genlaws" and len(parts) > 1 else None


def test_the_walk_sees_the_whole_tree():
    assert {path.relative_to(ROOT).parts[0] for path in MODULES} == set(ARROWS)
    upward = [name for _, name in imports(ROOT / "package" / "__main__.py")]
    assert upward == ["genlaws.paper_checks.cli"]
    relative = [name for _, name in imports(ROOT / "simulate" / "__init__.py")]
    assert "genlaws.simulate.covariances" in relative


@pytest.mark.parametrize("path", MODULES, ids=names(MODULES))
def test_arrows_point_one_way(path):
    room = path.relative_to(ROOT).parts[0]
    for node, name in imports(path):
        place = f"{path.relative_to(ROOT)}:{node.lineno}"
        other = room_of(name)
        if isinstance(node, ast.ImportFrom) and node.level:
            assert other == room or room == "package", (
                f"{place} leaves its room by a relative import of {name}"
            )
        elif name.split(".")[0] == "genlaws":
            assert other != room, f"{place} imports {name} of its own room by its absolute name"
            assert other in {None, *ARROWS[room]}, f"{place} imports {name} against the arrows"


@pytest.mark.parametrize("path", MODULES, ids=names(MODULES))
def test_libraries_stay_in_their_rooms(path):
    room = path.relative_to(ROOT).parts[0]
    libraries = {name.split(".")[0] for _, name in imports(path)} - {"genlaws"} - set(sys.stdlib_module_names)
    if room == "theory":
        # hypothesis is an extra, which `import genlaws.theory` does without
        extra = {"hypothesis"} if path.stem == "hypothesis_extra" else set()
        assert libraries <= {"numpy", "scipy"} | extra
    if room == "package":
        assert not libraries
    if room != "empirical":
        assert "torch" not in libraries
    if room != "paper_checks":
        assert not libraries & {"click", "rich", "statsmodels", "jinja2"}


@pytest.mark.parametrize("path", MODULES, ids=names(MODULES))
def test_modules_are_described_and_short(path):
    text = path.read_text(encoding="utf-8")
    assert ast.get_docstring(ast.parse(text)), "a module opens with a sentence on what it is"
    assert len(text.splitlines()) <= LONGEST


@pytest.mark.parametrize("path", MODULES, ids=names(MODULES))
def test_private_names_stay_at_home(path):
    for node, name in imports(path):
        if isinstance(node, ast.ImportFrom) and name.split(".")[0] == "genlaws":
            private = [alias.name for alias in node.names if alias.name.startswith("_")]
            assert not private, f"{path.relative_to(ROOT)}:{node.lineno} imports {private} of {name}"


def test_no_code_lies_at_the_root_and_no_catch_all_module():
    assert not list(ROOT.glob("*.py"))
    assert not [path for path in MODULES if path.stem in {"utils", "helpers", "common", "misc"}]


def loaded_after(statement):
    code = f"import sys\nbefore = set(sys.modules)\n{statement}\nprint(*(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return {name.split(".")[0] for name in done.stdout.split()}


def test_importing_the_name_loads_nothing_heavy():
    loaded = loaded_after("import genlaws")
    assert "genlaws" in loaded
    assert not loaded & {"numpy", "scipy", "torch", "numba", "statsmodels", "matplotlib", "pandas", "click"}


def test_theory_loads_only_its_own_libraries():
    loaded = loaded_after("import genlaws.theory")
    assert {"numpy", "scipy"} <= loaded
    assert not loaded & {"torch", "numba", "statsmodels", "matplotlib", "pandas", "hypothesis"}


def test_images_load_no_plots_and_no_command_line():
    loaded = loaded_after("import genlaws.empirical")
    assert not loaded & {"torch", "numba", "statsmodels", "matplotlib", "pandas", "pooch", "click", "rich"}


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_the_command_line_answers_without_its_libraries(option):
    code = f"import sys\nsys.argv = ['genlaws', {option!r}]\nfrom genlaws.paper_checks.cli import main\n"
    code += "try:\n    main()\nfinally:\n    print(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.split(".")[0] for name in done.stderr.split()}
    assert "click" in loaded
    assert not loaded & {"torch", "numba", "statsmodels", "matplotlib"}
