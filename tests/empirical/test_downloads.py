import hashlib
import sys

import numpy as np
import pooch
import pytest
import requests

from genlaws.empirical import downloads, load_images


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr(pooch, "os_cache", lambda project: tmp_path / project)
    return tmp_path / "genlaws"


def unreachable(*_, **__):
    raise requests.exceptions.ConnectionError("Name or service not known\nsecond line")


def serve(contents):
    """A stand-in for the network: addresses' last parts and what lies there."""

    def fetch(self, url, output_file, pooch_object, **_):
        fetch.asked.append(url)
        with open(output_file, "wb") as file:
            file.write(contents[url.rpartition("/")[2]])

    fetch.asked = []
    return fetch


def test_nothing_is_fetched_unless_asked_for(cache, monkeypatch):
    monkeypatch.setattr(pooch.HTTPDownloader, "__call__", unreachable)
    for name in downloads.DOWNLOADABLE:
        with pytest.raises(ValueError, match=f"{name} was not downloaded yet: use {name}:PATH, or ask for"):
            load_images(name)
    assert not cache.exists()


@pytest.mark.parametrize("name", ["mnist", "fashion", "cifar10"])
def test_no_network_is_one_clear_line(cache, monkeypatch, name):
    monkeypatch.setattr(pooch.HTTPDownloader, "__call__", unreachable)
    with pytest.raises(
        ConnectionError, match=rf"cannot download https://.* \(ConnectionError\).*{name}:PATH"
    ) as e:
        load_images(name, download=True)
    assert "\n" not in str(e.value)


def test_what_does_not_have_its_checksum_is_refused(cache, monkeypatch):
    monkeypatch.setattr(pooch.HTTPDownloader, "__call__", serve({"mnist.npz": b"something else"}))
    with pytest.raises(ConnectionError, match="it is not the file expected"):
        load_images("mnist", download=True)
    assert not (cache / "mnist" / "mnist.npz").exists()


def test_fetched_once_and_found_again(cache, monkeypatch, tmp_path):
    path = tmp_path / "small.npz"
    np.savez(path, x_train=np.ones((2, 3), dtype=np.uint8), y_train=[0, 1])
    content = path.read_bytes()
    address = "https://example.org/mnist.npz"
    files = {"mnist": ((address, "sha256:" + hashlib.sha256(content).hexdigest()),)}
    monkeypatch.setattr(downloads, "_FILES", files)
    fetch = serve({"mnist.npz": content})
    monkeypatch.setattr(pooch.HTTPDownloader, "__call__", fetch)
    for _ in range(2):
        assert len(load_images("mnist", download=True)) == 2
    assert len(load_images("mnist")) == 2
    assert fetch.asked == [address]


def test_all_files_of_a_set_are_needed(cache):
    names = [address.rpartition("/")[2] for address, _ in downloads._FILES["fashion"]]
    (cache / "fashion").mkdir(parents=True)
    for name in names:
        assert downloads.downloaded("fashion") is None
        (cache / "fashion" / name).touch()
    assert downloads.downloaded("fashion") == cache / "fashion"
    # every address has a checksum of its kind
    lengths = {"sha256": 64, "md5": 32}
    for files in downloads._FILES.values():
        for address, checksum in files:
            kind, _, digest = checksum.partition(":")
            assert address.startswith("https://")
            assert len(bytes.fromhex(digest)) * 2 == lengths[kind]


def test_pooch_loads_only_when_needed():
    import subprocess

    code = "import sys, genlaws.empirical as e; e.load_images('mnist5k'); print('pooch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
