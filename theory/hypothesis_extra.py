"""Hypothesis, of the extra ``genlaws[properties]``, and its profiles for code that compiles when called."""

from __future__ import annotations

try:
    from hypothesis import HealthCheck as HealthCheck
    from hypothesis import Phase as Phase
    from hypothesis import currently_in_test_context as currently_in_test_context
    from hypothesis import find as find
    from hypothesis import settings as settings
    from hypothesis import strategies as strategies
    from hypothesis.errors import FailedHealthCheck as FailedHealthCheck
    from hypothesis.errors import Flaky as Flaky
    from hypothesis.errors import HypothesisException as HypothesisException
    from hypothesis.errors import NoSuchExample as NoSuchExample
    from hypothesis.strategies import DrawFn as DrawFn
    from hypothesis.strategies import SearchStrategy as SearchStrategy
except ImportError as error:
    raise ImportError(
        "genlaws.theory.strategies and genlaws.theory.properties need hypothesis: "
        "python -m pip install 'genlaws[properties]'"
    ) from error

Settings = settings
# a first call may compile for seconds, which is no fault of the formula
settings.register_profile("genlaws", deadline=None)
# the same examples in every run
settings.register_profile("genlaws-ci", deadline=None, derandomize=True)
