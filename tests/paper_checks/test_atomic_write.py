from __future__ import annotations

import os
import threading

import pytest

from genlaws.paper_checks.atomic_write import atomic_write, check_writable, writable_folder


def test_the_old_file_is_replaced_whole(tmp_path):
    place = tmp_path / "a.json"
    atomic_write(place, "old")
    before = place.stat().st_ino
    atomic_write(place, "nü")
    assert place.read_bytes() == "nü".encode()
    assert place.stat().st_ino != before
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    place = tmp_path / "a.json"
    atomic_write(place, "old")

    def broken(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", broken)
    with pytest.raises(OSError, match="No space left"):
        atomic_write(place, "new")
    assert place.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_a_link_is_followed(tmp_path):
    (tmp_path / "there").mkdir()
    target, link = tmp_path / "there" / "a.json", tmp_path / "link.json"
    link.symlink_to(target)
    for content in ("first", "second"):
        atomic_write(check_writable(link), content)
        assert link.is_symlink()
        assert target.read_text() == content


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
@pytest.mark.parametrize("by_link", [False, True])
def test_a_pipe_stays_a_pipe(tmp_path, by_link):
    # what is no plain file, such as /dev/null, must never be replaced by one
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    place = tmp_path / "link" if by_link else pipe
    if by_link:
        place.symlink_to(pipe)
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()), daemon=True)
    reader.start()
    atomic_write(check_writable(place), "through")
    reader.join(10)
    assert read == ["through"]
    assert pipe.is_fifo()
    assert place.is_symlink() == by_link


def test_folders_are_made(tmp_path):
    assert writable_folder(tmp_path / "a" / "b").is_dir()
    assert writable_folder(tmp_path / "a" / "b").is_dir()
    (tmp_path / "file").touch()
    for place, said in [
        (tmp_path / "file", "not a folder"),
        (tmp_path / "file" / "b", "cannot make"),
        ("", "name"),
    ]:
        with pytest.raises(ValueError, match=said):
            writable_folder(place)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission(tmp_path):
    tmp_path.chmod(0o500)
    for check in (lambda: check_writable(tmp_path / "a"), lambda: writable_folder(tmp_path)):
        with pytest.raises(ValueError, match="no permission"):
            check()
    tmp_path.chmod(0o700)
