"""Every block of code in the guides, the README and CONTRIBUTING runs, page after page.

- ``python`` blocks of a page run in order, in one namespace and in an empty folder. A ``text`` block that
  follows one with nothing in between is what it prints.
- ``console`` blocks hold commands, one a line: `genlaws`, run in this process, and `cp`. They run in order
  with the python blocks, in the same folder. What takes long is run small: the options of QUICK come after
  their own, and LARGE is replaced by its small counterpart.
- ``text`` is output: nothing to run. No other block may go without a language.
- A block that cannot run here has ``<!-- not run: REASON -->`` above it. NOT_RUN counts them, so that none
  slips in, and what can be checked of them is: Python compiles, scripts are scripts, YAML and TOML parse,
  and `genlaws` takes the options.
"""

from __future__ import annotations

import ast
import contextlib
import io
import re
import shlex
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import click
import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest
import yaml
from click.testing import CliRunner
from markdown_it import MarkdownIt
from markdown_it.token import Token

from genlaws.paper_checks.claim_registry import forget_claims
from genlaws.paper_checks.cli import main
from genlaws.paper_checks.family_registry import find_family

ROOT = Path(__file__).parents[1]
GUIDES = [f"docs/{page.name}" for page in sorted(ROOT.glob("docs/*.md"))]
PAGES = ["README.md", "CONTRIBUTING.md", *GUIDES, "docs/example-package/README.md"]

NOT_RUN = {
    "README.md": 3,
    "CONTRIBUTING.md": 1,
    "docs/calibration.md": 1,
    "docs/check-a-paper.md": 3,
    "docs/example-package/README.md": 1,
    "docs/extending.md": 2,
    "docs/margins.md": 2,
    "docs/number-of-parameters.md": 2,
    "docs/property-testing.md": 1,
    "docs/run-on-a-cluster.md": 12,
    "docs/start-here.md": 1,
    "docs/trainability.md": 3,
}
QUICK = {
    "calibrate": "--design even --worlds 2 --workers 1",
    "check": "--workers 1",
    "margin": "--examples 20 --log-time 20 --tolerance 1e-6",
    "phase": "--points 2 --max-hidden-layers 3 --rows 2 --examples 20 --heldout 50 --steps 20",
    "sample perceptron": "--particles 50 --replicas 2",
    "sample images": "--examples 4,8 --heldout 50 --particles 20 --replicas 2",
    "sample networks": "--examples 4,8 --heldout 50 --particles 20 --replicas 2 --device cpu",
    "sweep width": "--widths 3:5 --points 2 --examples 20 --heldout 50 --networks 3 --max-steps 50",
    "train": "--examples 20 --heldout 50 --networks 4 --device cpu",
}
LARGE = {
    "README.md": {
        "n_examples=[50, 100, 200]": "n_examples=[5, 10]",
        "n_examples=[64, 128, 256]": "n_examples=[4, 8]",
    },
    "docs/networks.md": {
        "SIZES, HELDOUT, PARTICLES, REPLICAS = [16, 64, 256], 1000, 200, 6": (
            "SIZES, HELDOUT, PARTICLES, REPLICAS = [4, 8], 100, 40, 2"
        ),
    },
}
BROUGHT = {"README.md": {"errors.csv": "error\n0.1\n0.2\n0.2\n0.3\n"}}  # files that the reader brings along
# pages whose reader has installed the example package
WITH_EXAMPLE = {"docs/extending.md", "docs/example-package/README.md"}
INSIDE = {"CONTRIBUTING.md": "genlaws.paper_checks.claims"}  # where its relative imports start


class Block(NamedTuple):
    language: str
    text: str
    line: int
    not_run: str | None
    printed: str | None


def tokens(page: str) -> list[Token]:
    return MarkdownIt("commonmark").parse((ROOT / page).read_text("utf-8"))


def blocks(page: str) -> list[Block]:
    found = []
    stream = [None, *tokens(page), None]
    for before, token, after in zip(stream, stream[1:], stream[2:], strict=False):
        if token is None or token.type not in {"fence", "code_block"}:
            continue
        marker = before is not None and before.type == "html_block" and before.content
        reason = re.fullmatch(r"<!-- not run: (.+) -->", marker.strip()) if marker else None
        language = token.info.split()[0] if token.info.strip() else ""
        shown = after is not None and after.type == "fence" and after.info.strip() == "text"
        found.append(
            Block(
                language,
                token.content,
                token.map[0] + 1,
                reason[1] if reason else None,
                after.content if language == "python" and shown else None,
            )
        )
    return found


def commands(text: str) -> Iterator[list[str]]:
    for line in text.replace("\\\n", " ").splitlines():
        if words := shlex.split(line, comments=True):
            yield words


def resolve(words: list[str]) -> tuple[click.Command, str, list[str]]:
    """The command that `genlaws ...` names, its full name, and what is left for it."""
    command: click.Command = main
    name: list[str] = []
    rest = words[1:]
    while isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
        name.append(rest.pop(0))
        found = command.get_command(click.Context(command), name[-1])
        assert found is not None, f"no command genlaws {' '.join(name)}"
        command = found
    return command, " ".join(name), rest


def run_command(words: list[str]) -> None:
    if words[0] == "cp":
        subprocess.run(words, check=True)
        return
    assert words[0] == "genlaws", f"{words[0]} is not run here"
    _, name, _ = resolve(words)
    done = CliRunner().invoke(main, [*words[1:], *shlex.split(QUICK.get(name, ""))])
    assert done.exit_code == 0, f"{shlex.join(words)}: {done.output}"


@pytest.mark.parametrize("page", PAGES)
def test_blocks_run(page, tmp_path, monkeypatch, request):
    monkeypatch.chdir(tmp_path)
    if page in WITH_EXAMPLE:
        monkeypatch.syspath_prepend(request.getfixturevalue("example_site"))
        request.addfinalizer(forget_claims)
        request.addfinalizer(find_family.cache_clear)
        forget_claims()
    for name, content in BROUGHT.get(page, {}).items():
        (tmp_path / name).write_text(content, "utf-8")
    text = (ROOT / page).read_text("utf-8")
    assert all(text.count(large) == 1 for large in LARGE.get(page, {}))
    namespace: dict[str, object] = {"__name__": "page", "__package__": INSIDE.get(page)}
    with mpl.rc_context({"backend": "agg"}):
        for block in blocks(page):
            if block.not_run or block.language not in {"python", "console"}:
                continue
            if block.language == "console":
                for words in commands(block.text):
                    run_command(words)
                continue
            # blank lines keep the numbers of the page in a traceback
            code = "\n" * block.line + block.text
            for large, small in LARGE.get(page, {}).items():
                code = code.replace(large, small)
            said = io.StringIO()
            with contextlib.redirect_stdout(said):
                exec(compile(code, page, "exec"), namespace)
            if block.printed is not None:
                assert said.getvalue() == block.printed, f"{page}, line {block.line}, prints something else"
        plt.close("all")


@pytest.mark.parametrize("page", PAGES)
def test_blocks_say_what_they_are(page):
    found = blocks(page)
    for block in found:
        assert block.language, f"{page}, line {block.line}: a block without a language"
        if block.language not in {"python", "console", "text"}:
            assert block.not_run, (
                f"{page}, line {block.line}: {block.language} does not run, and why is not said"
            )
    assert sum(block.not_run is not None for block in found) == NOT_RUN.get(page, 0)


def test_nothing_is_listed_that_is_not_there():
    assert {*NOT_RUN, *LARGE, *BROUGHT, *WITH_EXAMPLE, *INSIDE} <= set(PAGES)
    assert {name for name in QUICK if resolve(["genlaws", *name.split()])[1] != name} == set()


@pytest.mark.parametrize("page", [page for page in PAGES if NOT_RUN.get(page)])
def test_blocks_that_do_not_run_are_sound(page):
    for block in blocks(page):
        if block.not_run is None:
            continue
        if block.language == "python":
            ast.parse(block.text)
        elif block.language == "yaml":
            assert all(yaml.safe_load_all(block.text))
        elif block.language == "toml":
            assert tomllib.loads(block.text)
        elif block.language in {"bash", "console"}:
            bash = shutil.which("bash")
            assert bash
            done = subprocess.run([bash, "-n"], input=block.text, text=True, capture_output=True, check=False)
            assert not done.returncode, f"{page}, line {block.line}: {done.stderr}"
            # a variable of the shell stands for a number here
            for words in commands(re.sub(r"\$\{?\w+(\[\$\w+\]\})?", "1", block.text)):
                if words[0] == "genlaws":
                    command, name, rest = resolve(words)
                    command.make_context(name, rest)  # raises where an option or a value is not allowed
        else:
            assert block.language in {"dockerfile"}, f"{page}: nothing checks {block.language}"


def every_option(command: click.Command) -> set[str]:
    own = {name for option in command.params for name in option.opts}
    if isinstance(command, click.Group):
        own = own.union(*map(every_option, command.commands.values()))
    return own | {"--help", "--version"}


@pytest.mark.parametrize("page", PAGES)
def test_options_in_the_text_are_there(page):
    said = [
        part.content
        for token in tokens(page)
        for part in token.children or ()
        if part.type == "code_inline" and part.content.startswith(("genlaws ", "--"))
    ]
    known = every_option(main)
    for text in said:
        words = text.replace("[", "").replace("]", "").split()
        if words[0] == "genlaws":
            command, _, rest = resolve(words)
            used, allowed = {word for word in rest if word.startswith("--")}, every_option(command)
        else:
            used, allowed = {words[0]}, known
        assert used <= allowed, f"{page}: {text}"


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md"])
def test_links_of_pages_outside_the_site_lead_somewhere(page):
    parts = [part for token in tokens(page) for part in token.children or ()]
    targets = [
        part.attrGet("href") or part.attrGet("src") for part in parts if part.type in {"link_open", "image"}
    ]
    for target in targets:
        if "://" not in target:
            assert (ROOT / page).parent.joinpath(target.partition("#")[0]).exists(), target
