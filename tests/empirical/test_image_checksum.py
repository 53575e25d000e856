"""Checksums tell images apart by what they hold."""

from __future__ import annotations

import numpy as np
import pytest

from genlaws.empirical.image_checksum import image_checksum

PIXELS = np.arange(40, dtype=np.uint8).reshape(10, 2, 2)
LABELS = np.arange(10) % 2


def saved(path, images=PIXELS, labels=LABELS, **more):
    np.savez(path, images=images, labels=labels, **more)
    return image_checksum(f"npz:{path}")


def test_equal_images_have_equal_checksums_wherever_they_lie(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    first = saved(tmp_path / "a.npz")
    assert first == saved(tmp_path / "elsewhere" / "b.npz")
    assert len(first) == 64
    assert int(first, 16) > 0


def test_one_pixel_one_label_the_order_or_the_split_makes_another(tmp_path):
    brighter = PIXELS.copy()
    brighter[3, 0, 1] += 1
    flipped = LABELS.copy()
    flipped[3] = 1 - flipped[3]
    found = {
        saved(tmp_path / "plain.npz"),
        saved(tmp_path / "pixel.npz", images=brighter),
        saved(tmp_path / "label.npz", labels=flipped),
        saved(tmp_path / "order.npz", images=PIXELS[::-1], labels=LABELS[::-1]),
        saved(tmp_path / "shape.npz", images=PIXELS.reshape(10, 4, 1)),
        saved(tmp_path / "split.npz", images=PIXELS[:5], labels=LABELS[:5], test_images=PIXELS[5:],
              test_labels=LABELS[5:]),
    }  # fmt: skip
    assert len(found) == 6


def test_it_is_read_anew_each_time(tmp_path):
    place = tmp_path / "a.npz"
    assert saved(place) != saved(place, images=PIXELS + 1)
    with pytest.raises(OSError, match="no file"):
        image_checksum(f"npz:{tmp_path / 'nowhere.npz'}")
