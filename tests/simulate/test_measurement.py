import json

import numpy as np
import pytest

from genlaws.simulate import Measurement


def table(**changes):
    columns = {"x": [1, 2], "replicate": [0, 0], "y": [0.5, 0.25], "se": [0.1, 0.2]}
    return Measurement(**(columns | changes))


def test_columns_are_frozen_copies():
    x = np.array([1.0, 2.0])
    m = table(x=x)
    x[0] = 9.0
    assert m.x.tolist() == [1.0, 2.0]
    assert m.replicate.dtype == np.int64
    with pytest.raises(ValueError, match="read-only"):
        m.y[0] = 1.0


def test_dictionary_and_frame_hold_the_same():
    m = table(source="network", x_label="n", y_label="error", settings={"seed": 1})
    d = json.loads(json.dumps(m.to_dict(), allow_nan=False))
    assert d["y"] == [0.5, 0.25]
    assert d["se"] == [0.1, 0.2]
    assert d["reference"] is None
    assert (d["source"], d["x_label"], d["y_label"], d["settings"]) == ("network", "n", "error", {"seed": 1})
    frame = m.to_frame()
    assert list(frame.columns) == ["x", "replicate", "y", "se"]
    assert frame["y"].tolist() == d["y"]


def test_parts_join_and_keep_a_column_only_if_all_have_it():
    joined = Measurement.concatenate([table(), table(replicate=[1, 1], reference=[1.0, 1.0])])
    assert joined.x.tolist() == [1, 2, 1, 2]
    assert joined.replicate.tolist() == [0, 0, 1, 1]
    assert joined.se.tolist() == [0.1, 0.2, 0.1, 0.2]
    assert joined.reference is None
    with pytest.raises(ValueError, match="at least one row"):
        Measurement.concatenate(iter([]))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"y": [1.0]}, "y must have 2 rows"),
        ({"y": [1.0, np.nan]}, "y must be finite"),
        ({"se": [1.0, np.inf]}, "se must be finite"),
        ({"replicate": [0, np.nan]}, "replicate must be finite"),
        ({"replicate": [0, 0.5]}, "whole numbers, got 0.5"),
        ({"source": "guess"}, "source must be one of"),
        ({"x": [], "replicate": [], "y": [], "se": []}, "at least one row"),
        ({"reference": [[1.0, 2.0]]}, "reference must have 2 rows"),
    ],
)
def test_what_is_no_table_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        table(**changes)
