"""Shows the reference the rooms of the tree under their import names, installed or not."""

from __future__ import annotations

import tempfile
import tomllib
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.plugins import event_priority

_KEPT: list[tempfile.TemporaryDirectory[str]] = []  # the folder must last as long as the build


@event_priority(100)  # before the reference reads where to search
def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Lay the folders out as the package that `pyproject.toml` makes of them, and search there."""
    root = Path(config.config_file_path).parent
    setup = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"]
    folder = tempfile.TemporaryDirectory()
    _KEPT.append(folder)
    for name, place in setup["package-dir"].items():
        package = Path(folder.name, *name.split("."))
        package.mkdir(exist_ok=True)
        for source in (root / place).iterdir():
            if source.is_file():
                (package / source.name).symlink_to(source)
    config.plugins["mkdocstrings"].config["handlers"]["python"]["paths"] = [folder.name]
    return config
