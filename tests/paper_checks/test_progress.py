"""What a run says of itself while it goes on."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from genlaws.paper_checks.progress import in_words, show_progress
from genlaws.paper_checks.runs import run_claims
from genlaws.paper_checks.store import Store
from genlaws.paper_checks.time_left import seconds_left


def test_the_rest_of_a_job_is_counted_at_its_own_pace():
    # two at once: 30 s of work in 15 s; 5 units of 1 s and 2 of 10 s are left
    spent = {"fast": (10, 10.0), "slow": (2, 20.0)}
    assert seconds_left(spent, {"fast": 5, "slow": 2}, elapsed=15.0) == pytest.approx(25.0 / 2)


def test_a_job_that_has_not_begun_counts_at_the_mean_pace():
    assert seconds_left({"a": (1, 2.0), "b": (1, 4.0)}, {"c": 10}, elapsed=6.0) == pytest.approx(30.0)


def test_nothing_is_said_before_anything_is_known():
    assert seconds_left({}, {"a": 3}, elapsed=1.0) is None
    assert seconds_left({"a": (0, 0.0)}, {"a": 3}, elapsed=1.0) is None


@given(
    paces=st.lists(st.floats(0.01, 100.0), min_size=1, max_size=5),
    workers=st.integers(1, 8),
    done=st.integers(1, 20),
    left=st.integers(0, 20),
)
def test_it_is_exact_where_every_job_keeps_its_pace(paces, workers, done, left):
    spent = {job: (done, done * pace) for job, pace in enumerate(paces)}
    elapsed = done * sum(paces) / workers
    found = seconds_left(spent, dict.fromkeys(spent, left), elapsed=elapsed)
    assert found == pytest.approx(left * sum(paces) / workers)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "5 s"), (42.0, "40 s"), (99.0, "100 s"), (100.0, "2 min"), (5400.0, "90 min"),
     (7200.0, "2 h"), (8000.0, "2 h 10 min")],
)  # fmt: skip
def test_times_are_as_coarse_as_they_are_known(seconds, words):
    assert in_words(seconds) == words


def shown(claims, *, terminal, **options):
    screen = Console(file=io.StringIO(), force_terminal=terminal, width=100, color_system=None)
    events = []
    with show_progress(screen) as tell:

        def both(event):
            events.append(event)
            tell(event)

        run_claims(claims, rng=1, progress=both, **options)
    return screen.file.getvalue(), events


def test_plain_lines_where_there_is_no_terminal(make_claim):
    text, events = shown([make_claim("T1"), make_claim("T2", truth=4.0)], terminal=False)
    assert "\x1b" not in text
    first, second = text.splitlines()
    assert first.startswith("T1 simulation: SUPPORTED (")
    assert "12 of 24 units, about 5 s left)" in first
    assert second.endswith("24 of 24 units)")
    done = [(event.done, event.job_done, event.job_total) for event in events if event.verdict is None]
    assert done == [(k, (k - 1) % 12 + 1, 12) for k in range(1, 25)]


def test_bars_for_the_run_and_for_each_claim_on_a_terminal(make_claim):
    text, _ = shown([make_claim("T1"), make_claim("T2")], terminal=True)
    assert "all claims" in text
    assert "T1 simulation" in text
    assert "T2 simulation" in text
    assert "/12" in text
    assert "/24" in text
    assert "left" in text


def test_damage_is_said_once(make_claim, tmp_path):
    store = Store.at(tmp_path / "store")
    run_claims([make_claim("T1")], rng=1, store=store)
    first = next(store.unit_paths())
    first.write_text("{", "utf-8")
    text, _ = shown([make_claim("T1")], terminal=False, store=store)
    assert text.count(f"{first} is damaged") == 1
    assert "measured anew" in text


def test_nothing_when_quiet():
    with show_progress(Console(file=io.StringIO(), quiet=True)) as tell:
        assert tell is None
