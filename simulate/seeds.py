"""One integer of entropy from whatever a caller gives as `rng` (SPEC 7)."""

from __future__ import annotations

import numpy as np


def entropy_of(rng: np.random.Generator | int | None) -> int:
    """Entropy for a `SeedSequence`: of a generator (which advances), of a seed, or fresh.

    Raises ValueError for a negative seed.
    """
    if isinstance(rng, np.random.Generator):
        return int(rng.integers(0, 2**63))
    if rng is None:
        return int(np.random.SeedSequence().generate_state(1, np.uint64)[0] >> 1)
    if rng < 0:
        raise ValueError(f"rng must be a generator or a seed of at least 0, got {rng}")
    return int(rng)
