import json

import numpy as np
import pytest

from genlaws.paper_checks.packed_arrays import packed_array, unpacked_array


@pytest.mark.parametrize(
    "values",
    [
        np.array([[1.5, np.nan, -np.inf], [0.1, -0.0, 3e38]], dtype=np.float32),
        np.array([True, False, True]),
        np.arange(6, dtype=np.int64).reshape(1, 2, 3)[..., ::2],
        np.array([0.1, 2.0], dtype=">f8"),
        np.zeros((0, 4)),
    ],
)
def test_arrays_come_back_to_the_bit(values):
    document = json.loads(json.dumps(packed_array(values), allow_nan=False))
    found = unpacked_array(document)
    assert found.shape == values.shape
    assert found.dtype == values.dtype.newbyteorder("=")
    assert np.array_equal(found, values, equal_nan=values.dtype.kind == "f")
    assert np.array_equal(np.signbit(found), np.signbit(values)) or values.dtype.kind != "f"
    # as anyone's own
    assert found.flags.writeable


def test_what_is_no_array_of_numbers():
    with pytest.raises(ValueError, match="values must be numbers"):
        packed_array(np.array([object()]))
    whole = packed_array(np.ones(3))
    for change in ({"dtype": "O"}, {"shape": [2]}, {"base64": "@@@"}):
        with pytest.raises(ValueError, match=r"."):
            unpacked_array(whole | change)
