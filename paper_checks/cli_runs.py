"""`genlaws runs`: what a store holds, and what of it can go."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import click

from .command_io import check_target, console, emit, json_option, one_clear_line

if TYPE_CHECKING:
    from pathlib import Path

    from rich.table import Table

    from .run_record import RunRecord
    from .store import Store

_FEW = 4  # claims that are named one by one


@click.group(short_help="List the runs of a store, or remove what is not needed.")
def runs() -> None:
    """What `genlaws check --store DIR` has kept.

    Stores are merged by copying one over the other; measurements are JSON files named by what determines
    them.
    """


def _outcomes(store: Store, record: RunRecord) -> dict[str, int]:
    """How often each verdict was given; nothing where there are none yet, or their file cannot be read."""
    try:
        document = json.loads(store.verdicts_path(record.id).read_text("utf-8"))
        return dict(Counter(verdict["verdict"] for verdict in document["verdicts"]))
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _described(store: Store, record: RunRecord) -> dict[str, Any]:
    done = sum(store.unit_path(address).exists() for address in record.units)
    entry = record.to_dict()
    # addresses are of no use to a reader, and there are thousands
    entry["units"] = len(record.units)
    return {**entry, "units_done": done, "verdicts": _outcomes(store, record)}


def _asked(claims: list[str]) -> str:
    return " ".join(claims) if len(claims) <= _FEW else f"{claims[0]} ... {claims[-1]} ({len(claims)})"


def _state(entry: dict[str, Any]) -> str:
    if not entry["verdicts"]:
        return "not finished"
    from .wording import SIGNS

    counts = entry["verdicts"]
    return "  ".join(f"{sign} {counts[outcome]}" for outcome, sign in SIGNS.items() if outcome in counts)


def _table(folder: str, entries: list[dict[str, Any]]) -> Table:
    from rich import box
    from rich.table import Table

    made = Table(
        title=f"runs in {folder}",
        box=box.SIMPLE_HEAD,
        title_justify="left",
        title_style="bold",
        pad_edge=False,
    )
    # an id must be whole where it is copied from; the rest may take two lines
    for name, whole in {"run": True, "begun (UTC)": False, "claims": False, "asked for": False}.items():
        made.add_column(name, no_wrap=whole)
    made.add_column("units", justify="right", no_wrap=True)
    made.add_column("verdicts")
    for entry in entries:
        source = entry["sources"][0] if len(entry["sources"]) == 1 else "both"
        made.add_row(
            entry["id"],
            entry["started"][:16].replace("T", " "),
            _asked(entry["claims"]),
            f"{source}, {entry['budget']}, seed {entry['seed']}",
            f"{entry['units_done']} of {entry['units']}",
            _state(entry),
        )
    return made


def _megabytes(paths: list[Path]) -> str:
    return f"{sum(path.stat().st_size for path in paths) / 1e6:.1f} MB"


@runs.command(name="list", short_help="List the runs of a store.")
@click.argument("folder", metavar="DIR")
@json_option
@one_clear_line
def list_runs(folder: str, target: str | None) -> None:
    """List what was asked for, how far it is, and how it came out."""
    check_target(target)
    from .serialize import SCHEMA_VERSION
    from .store import DamagedFileError, Store

    store, screen = Store.existing(folder), console()
    entries, damaged = [], []
    for path in store.run_paths():
        try:
            entries.append(_described(store, store.read_run(path)))
        except DamagedFileError as error:
            damaged.append(str(error))
    entries.sort(key=lambda entry: (entry["started"], entry["id"]))
    screen.print(_table(folder, entries) if entries else f"no runs in {folder}", soft_wrap=not entries)
    for line in damaged:
        screen.print(line, style="yellow", soft_wrap=True, markup=False)
    units, sweeps = list(store.unit_paths()), list(store.sweep_paths())
    screen.print(f"{len(units)} measurements, {_megabytes(units)}", style="dim")
    if sweeps:
        screen.print(f"{len(sweeps)} blocks of networks of sweeps, {_megabytes(sweeps)}", style="dim")
    emit(
        {"schema_version": SCHEMA_VERSION, "runs": entries, "measurements": len(units), "damaged": damaged},
        target,
    )


@runs.command(short_help="Remove what is not needed any more.")
@click.argument("folder", metavar="DIR")
@click.option("--run", "ids", multiple=True, metavar="ID", help="This run; may be given several times.")
@click.option("--older-than", type=click.FloatRange(min=0), metavar="DAYS", help="Runs begun longer ago.")
@click.option("--outdated", is_flag=True, help="What rests on an earlier revision of a claim or family.")
@click.option("--unneeded", is_flag=True, help="Measurements that no run asks for.")
@click.option("--damaged", is_flag=True, help="Files that do not hold what was written to them.")
@click.option("--sweeps", is_flag=True, help="Networks of `genlaws sweep`.")
@click.option("--dry-run", is_flag=True, help="Only say what would be removed.")
@one_clear_line
def prune(
    folder: str,
    ids: tuple[str, ...],
    older_than: float | None,
    outdated: bool,
    unneeded: bool,
    damaged: bool,
    sweeps: bool,
    dry_run: bool,
) -> None:
    """Remove runs with the measurements that no other run needs, and what else is named.

    Temporary files of writers that were killed go in any case.
    """
    from .pruning import plan_pruning
    from .store import Store

    store = Store.existing(folder)
    if not (ids or older_than is not None or outdated or unneeded or damaged or sweeps):
        raise ValueError(
            "say what to remove: --run ID, --older-than DAYS, --outdated, --unneeded, --damaged or --sweeps"
        )
    claims: tuple[Any, ...] = ()
    families: dict[str, int] = {}
    if outdated:
        from .claim_registry import all_claims
        from .family_registry import all_family_names, family_revisions

        claims, families = all_claims(), family_revisions(all_family_names())
    plan = plan_pruning(
        store,
        runs=ids,
        older_than_days=older_than,
        outdated=outdated,
        unneeded=unneeded,
        damaged=damaged,
        sweeps=sweeps,
        claims=claims,
        families=families,
    )
    screen = console()
    for path in plan.damaged:
        screen.print(f"damaged: {path}", style="yellow", soft_wrap=True, markup=False)
    size, records = plan.bytes / 1e6, sum(path.parent.name == "runs" for path in plan.runs)
    if not dry_run:
        plan.carry_out()
    screen.print(
        f"{'would remove' if dry_run else 'removed'} {records} runs, {len(plan.units)} measurements, "
        f"{len(plan.damaged)} damaged and {len(plan.leftovers)} temporary files: {size:.1f} MB",
        soft_wrap=True,
    )
