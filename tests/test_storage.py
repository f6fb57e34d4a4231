"""The disk that forgets: what is lost, when, and that every crash is listed."""

import doctest
import errno
import itertools

import pytest

from course.sim import eviction, storage
from course.sim.storage import CrashDisk, OsStorage


@pytest.mark.parametrize("module", [storage, eviction])
def test_the_examples_in_docstrings_run(module):
    assert doctest.testmod(module).failed == 0


def write(fs, path, data, mode="wb", *, flush=True, fsync=True):
    with fs.open(path, mode) as file:
        file.write(data)
        if flush:
            file.flush()
        if fsync:
            file.fsync()


def found(disk, path, since=0):
    """Return what a reader may find under `path`; None where the name is gone."""
    return {crash.files.get(path) for crash in disk.crashes(since)}


def at_end(disk, path):
    return found(disk, path, disk.operation_count())


@pytest.fixture(params=["memory", "real"])
def any_fs(request, tmp_path):
    if request.param == "memory":
        return CrashDisk(), "box"
    (tmp_path / "box").mkdir()
    return OsStorage(), str(tmp_path / "box")


def test_memory_and_real_files_behave_alike(any_fs):
    fs, folder = any_fs
    path = f"{folder}/log"
    write(fs, path, b"one")
    write(fs, path, b" two", "ab")
    assert fs.read_bytes(path) == b"one two"
    with pytest.raises(FileExistsError):
        fs.open(path, "xb")
    write(fs, f"{path}.tmp", b"three", "xb")
    fs.replace(f"{path}.tmp", path)
    fs.fsync_dir(folder)
    assert fs.read_bytes(path) == b"three"
    assert fs.listdir(folder) == ["log"]
    fs.remove(path)
    assert fs.listdir(folder) == []
    for act in (fs.read_bytes, fs.remove):
        with pytest.raises(FileNotFoundError):
            act(path)
    with pytest.raises(FileNotFoundError):
        fs.replace(path, f"{path}.other")
    with pytest.raises(ValueError, match="mode"):
        fs.open(path, "r+b")


def test_a_closed_file_refuses_to_be_written():
    disk = CrashDisk()
    file = disk.open("a", "wb")
    assert disk.open_files == 1
    file.close()
    file.close()
    assert disk.open_files == 0
    for act in (lambda: file.write(b"x"), file.flush, file.fsync):
        with pytest.raises(ValueError, match="closed"):
            act()


def test_what_was_there_at_first_is_durable():
    disk = CrashDisk({"a": b"1", "b": b"2"})
    (only,) = disk.crashes()
    assert only.files == {"a": b"1", "b": b"2"}


def test_buffered_bytes_do_not_survive_even_fsync():
    disk = CrashDisk()
    write(disk, "a", b"")
    disk.fsync_dir("")
    file = disk.open("a", "ab")
    file.write(b"data")
    file.fsync()
    assert disk.read_bytes("a") == b""
    assert at_end(disk, "a") == {b""}
    file.flush()
    assert disk.read_bytes("a") == b"data"
    assert at_end(disk, "a") == {b"", b"data", b"da", bytes(4)}
    file.fsync()
    assert at_end(disk, "a") == {b"data"}


def test_an_appended_tail_is_torn_behind_what_is_safe():
    disk = CrashDisk({"a": b"safe"})
    write(disk, "a", b"tail", "ab", fsync=False)
    assert at_end(disk, "a") == {b"safe", b"safetail", b"safeta", b"safe\0\0\0\0"}


def test_emptying_a_file_may_come_back_until_it_is_synced():
    disk = CrashDisk({"a": b"old"})
    file = disk.open("a", "wb")
    assert at_end(disk, "a") == {b"old", b""}
    file.write(b"new")
    file.flush()
    assert at_end(disk, "a") == {b"old", b"new", b"n", bytes(3)}
    file.fsync()
    assert at_end(disk, "a") == {b"new"}


def test_a_new_name_is_lost_until_its_own_folder_is_synced():
    disk = CrashDisk()
    write(disk, "box/a", b"data")
    assert at_end(disk, "box/a") == {None, b"data"}
    disk.fsync_dir("other")
    assert at_end(disk, "box/a") == {None, b"data"}
    disk.fsync_dir("box")
    assert at_end(disk, "box/a") == {b"data"}


def test_replace_is_atomic_and_undone_until_the_folder_is_synced():
    disk = CrashDisk({"a": b"old"})
    write(disk, "a.tmp", b"new")
    disk.replace("a.tmp", "a")
    assert found(disk, "a") == {b"old", b"new"}
    assert disk.listdir("") == ["a"]
    disk.fsync_dir("")
    assert at_end(disk, "a") == {b"new"}


def test_names_are_undone_last_first():
    disk = CrashDisk()
    write(disk, "a", b"1")
    write(disk, "b", b"2")
    disk.remove("a")
    left = [set(crash.files) for crash in disk.crashes(disk.operation_count())]
    assert left == [{"b"}, {"a", "b"}, {"a"}, set()]


def test_replacing_a_file_by_itself_keeps_it():
    disk = CrashDisk({"a": b"1"})
    disk.replace("a", "./a")
    assert disk.files() == {"a": b"1"}


def test_a_file_without_a_name_takes_what_is_written_to_it_along():
    disk = CrashDisk({"log": b"old"})
    stale = disk.open("log", "ab")
    write(disk, "log.tmp", b"new")
    disk.replace("log.tmp", "log")
    stale.write(b" lost")
    stale.close()
    assert disk.read_bytes("log") == b"new"


def test_folders_are_file_systems_of_their_own():
    disk = CrashDisk({"tmp/a": b"1"})
    with pytest.raises(OSError, match="across") as caught:
        disk.replace("tmp/a", "box/a")
    assert caught.value.errno == errno.EXDEV


def test_each_operation_can_fail_once_and_then_does_nothing():
    whole = CrashDisk({"a": b"old"})
    write(whole, "a", b"new")
    for number in range(whole.operation_count()):
        disk = CrashDisk({"a": b"old"}, fail_at=number)
        with pytest.raises(OSError, match="no space") as caught:
            write(disk, "a", b"new")
        assert caught.value.errno == errno.ENOSPC
        disk.remove("a")


def test_crashes_say_where_they_are_and_cover_every_operation():
    disk = CrashDisk({"a": b"old"})
    write(disk, "a", b"new")
    crashes = list(disk.crashes())
    assert {crash.done for crash in crashes} == set(range(disk.operation_count() + 1))
    assert "at once" in str(crashes[0])
    assert "close a" in str(crashes[-1])
    for done, group in itertools.groupby(crashes, key=lambda crash: crash.done):
        states = [crash.files for crash in group]
        assert all(one != two for one, two in itertools.combinations(states, 2)), done


def test_listing_crashes_changes_nothing():
    disk = CrashDisk({"a": b"old"})
    write(disk, "a", b"new")
    first = list(disk.crashes())
    write(disk, "b", b"more")
    assert list(disk.crashes())[: len(first)] == first
    assert disk.copy().files() == {"a": b"new", "b": b"more"}
    assert disk.bytes_written == 7


@pytest.mark.parametrize("name", eviction.WORKLOADS)
def test_no_rule_beats_the_best_possible(name):
    capacities = (1, 5, 30, 99, 100, 300)
    curves = eviction.curves(name, capacities)
    for rule, shares in curves.items():
        assert all(0 <= share <= 1 for share in shares), rule
        best = curves["best possible"]
        assert all(a <= b for a, b in zip(shares, best, strict=True)), rule


def test_lru_is_what_reuse_distances_say():
    keys = eviction.workload("popular keys", requests=400).tolist()
    for capacity in (1, 3, 20):
        held, hits = [], 0
        for key in keys:
            hits += key in held
            held = [one for one in held if one != key][-(capacity - 1) :]
            held = [*held, key] if capacity > 1 else [key]
        far = eviction.reuse_distances(keys)
        assert hits == sum(distance < capacity for distance in far)


def test_on_a_loop_lru_fails_until_the_last_key_fits():
    curves = eviction.curves("a loop", (eviction.LOOP - 1, eviction.LOOP))
    assert curves["LRU"][0] == 0
    assert curves["LRU"][1] > 0.9
    assert curves["best possible"][0] > 0.9


def test_an_unknown_workload_is_refused():
    with pytest.raises(ValueError, match="workload"):
        eviction.workload("a dream")
