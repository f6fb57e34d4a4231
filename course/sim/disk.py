"""Real folders with the awkward things in them, and faults on demand.

`tree` builds a temporary folder out of a description and removes it whatever
happened inside; `faults` makes the operating system answer as a busy machine does:
a folder that may not be listed, a file that vanishes after it was listed, a second
disk that reuses inode numbers.
"""

import errno
import os
import shutil
import stat as stat_mode
import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from course.sim.files import FileInfo


@dataclass(frozen=True, slots=True)
class Link:
    """A symbolic link to `target`, taken relative to the link's own folder."""

    target: str


@dataclass(frozen=True, slots=True)
class HardLink:
    """A second name for the file at `target`, a path from the root of the tree."""

    target: str


@dataclass(frozen=True, slots=True)
class Pipe:
    """A named pipe: opening it for reading waits until somebody writes."""


@contextmanager
def tree(entries: Mapping[str, bytes | Link | HardLink | Pipe | None]) -> Iterator[str]:
    """Build `entries` in a temporary folder, yield its path, remove it afterwards.

    A key is a path with `/`, in any order; a value is the content of a file, `None`
    for an empty folder, or a Link, HardLink or Pipe. Raises OSError where the
    platform lacks what is asked for (pipes on Windows, for one).

    >>> with tree({"a/b.txt": b"hello", "loop": Link(".")}) as root:
    ...     sorted(os.listdir(root))
    ['a', 'loop']
    """
    root = tempfile.mkdtemp(prefix="course-")
    try:
        links = {}
        for name, what in entries.items():
            path = os.path.join(root, *name.split("/"))
            folder = path if what is None else os.path.dirname(path)
            os.makedirs(folder, exist_ok=True)
            if isinstance(what, bytes):
                Path(path).write_bytes(what)
            elif isinstance(what, Pipe):
                os.mkfifo(path)
            elif isinstance(what, Link):
                os.symlink(what.target, path)
            elif isinstance(what, HardLink):
                links[path] = os.path.join(root, *what.target.split("/"))
        for path, target in links.items():
            os.link(target, path)
        yield root
    finally:
        shutil.rmtree(root, ignore_errors=True)


def kind(path: str) -> str:
    """Return what `path` itself is: "file", "folder", "link", "pipe" or "other".

    >>> kind(os.devnull), kind(os.path.dirname(__file__))
    ('other', 'folder')
    """
    mode = os.lstat(path).st_mode
    names = {
        stat_mode.S_IFREG: "file",
        stat_mode.S_IFDIR: "folder",
        stat_mode.S_IFLNK: "link",
        stat_mode.S_IFIFO: "pipe",
    }
    return names.get(stat_mode.S_IFMT(mode), "other")


def infos(root: str, *names: str) -> list[FileInfo]:
    """Return what the system says of the files `names` below `root`, by path."""
    found = []
    for name in names:
        path = os.path.join(root, *name.split("/"))
        status = os.lstat(path)
        found.append(FileInfo(path, status.st_size, status.st_dev, status.st_ino))
    return sorted(found)


@contextmanager
def faults(
    *,
    unreadable: Collection[str] = (),
    vanishing: Collection[str] = (),
    other_disk: Collection[str] = (),
    inode: int = 77,
) -> Iterator[None]:
    """Make listing and stat calls of this process fail in chosen ways.

    Folders in `unreadable` raise PermissionError when listed, files in it when
    examined (the superuser reads everything: removing permissions would not do).
    Files in `vanishing` are deleted as soon as their folder has been listed. The
    files in `other_disk` report inode `inode`, each on a device of its own. All are
    absolute paths.
    """
    scandir, listdir, stat, lstat = os.scandir, os.listdir, os.stat, os.lstat
    gone = {os.path.dirname(path): path for path in vanishing}
    device = {path: 1_000 + i for i, path in enumerate(sorted(other_disk))}

    def before(folder: object) -> str:
        name = os.fspath(folder if folder is not None else ".")
        if name in unreadable:
            raise PermissionError(errno.EACCES, "permission denied", name)
        return name

    def after(folder: str) -> None:
        if folder in gone and os.path.lexists(gone[folder]):
            os.unlink(gone[folder])

    def moved(path: object, result: os.stat_result) -> os.stat_result:
        name = os.fspath(path) if isinstance(path, str | os.PathLike) else path
        if name in unreadable and not stat_mode.S_ISDIR(result.st_mode):
            raise PermissionError(errno.EACCES, "permission denied", name)
        if name not in device:
            return result
        values = list(result)
        values[1], values[2] = inode, device[name]
        return os.stat_result(values)

    class Entry:
        """A directory entry whose stat goes through `moved`."""

        def __init__(self, real: os.DirEntry) -> None:
            self._real = real
            self.name, self.path = real.name, real.path

        def __fspath__(self) -> str:
            return self.path

        def __getattr__(self, attribute: str) -> object:
            return getattr(self._real, attribute)

        def inode(self) -> int:
            return self.stat(follow_symlinks=False).st_ino

        def stat(self, *, follow_symlinks: bool = True) -> os.stat_result:
            return moved(self.path, self._real.stat(follow_symlinks=follow_symlinks))

    class Listing:
        """What os.scandir returns: an iterator that is also a context manager."""

        def __init__(self, folder: str) -> None:
            with scandir(folder) as entries:
                self._entries = iter([Entry(entry) for entry in entries])

        def __iter__(self) -> "Listing":
            return self

        def __next__(self) -> Entry:
            return next(self._entries)

        def __enter__(self) -> "Listing":
            return self

        def __exit__(self, *_: object) -> None:
            self.close()

        def close(self) -> None:
            self._entries = iter(())

    def faulty_scandir(path: object = None) -> Listing:
        name = before(path)
        listing = Listing(name)
        after(name)
        return listing

    def faulty_listdir(path: object = None) -> list[str]:
        name = before(path)
        names = listdir(name)
        after(name)
        return names

    def faulty_stat(path: object, **options: object) -> os.stat_result:
        return moved(path, stat(path, **options))

    def faulty_lstat(path: object, **options: object) -> os.stat_result:
        return moved(path, lstat(path, **options))

    with (
        mock.patch("os.scandir", faulty_scandir),
        mock.patch("os.listdir", faulty_listdir),
        mock.patch("os.stat", faulty_stat),
        mock.patch("os.lstat", faulty_lstat),
    ):
        yield


class DiskFiles:
    """The files of a real folder, served through the FileSystem protocol.

    `found` is what a walk of the folder found; nothing else is ever opened.
    """

    def __init__(self, found: Iterable[FileInfo]) -> None:
        self._found = {info.path: info for info in found}

    def files(self) -> list[FileInfo]:
        """Return the files that were found, in their order."""
        return list(self._found.values())

    def stat(self, path: str) -> FileInfo:
        """Return what the walk knew of one file; raises FileNotFoundError."""
        if path not in self._found:
            raise FileNotFoundError(errno.ENOENT, "not found by the walk", path)
        return self._found[path]

    def open(self, path: str) -> "_DiskReader":
        """Open one of the files for reading; raises OSError."""
        self.stat(path)
        return _DiskReader(path)


class _DiskReader:
    """One open file on disk."""

    def __init__(self, path: str) -> None:
        self._file = open(path, "rb", buffering=0)  # noqa: SIM115 - closed below

    def read(self, offset: int, n: int) -> bytes:
        self._file.seek(offset)
        return self._file.read(n)

    def __enter__(self) -> "_DiskReader":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
