"""Storage that forgets: a disk in memory, and every state a crash can leave it in.

A program writes through the `Storage` protocol, which is what `os` offers, in a dozen
words. `OS` serves real files. `CrashDisk` serves files in memory, records each
operation, and afterwards lists what the disk may hold if the machine had stopped
before, between or after any of them:

* bytes in a file object's buffer are lost until `flush`;
* flushed bytes are lost, or torn, or come back as zeros, until `fsync`;
* a new, replaced or removed *name* may be undone until `fsync_dir` of its folder;
* `replace` is atomic, and refuses to cross from one folder to another (EXDEV), as
  between two file systems.

>>> disk = CrashDisk({"box/state": b"old"})
>>> with disk.open("box/state", "wb") as file:
...     _ = file.write(b"new")
>>> sorted({crash.files["box/state"] for crash in disk.crashes()})
[b'', b'\\x00\\x00\\x00', b'n', b'new', b'old']
"""

import errno
import os
import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

_MODES = ("wb", "xb", "ab")
_FATES = ("kept", "lost", "torn", "zeros")


class CorruptSnapshot(ValueError):
    """A file is no snapshot, or not the one that was written."""


class File(Protocol):
    """A file open for writing. Leaving its `with` block closes it."""

    def write(self, data: bytes) -> int: ...

    def flush(self) -> None: ...

    def fsync(self) -> None: ...

    def close(self) -> None: ...

    def __enter__(self) -> "File": ...

    def __exit__(self, *error: object) -> None: ...


class Storage(Protocol):
    """What a program that keeps state in files may ask of the operating system."""

    def open(self, path: str, mode: str) -> File: ...

    def read_bytes(self, path: str) -> bytes: ...

    def replace(self, source: str, target: str) -> None: ...

    def remove(self, path: str) -> None: ...

    def fsync_dir(self, folder: str) -> None: ...

    def listdir(self, folder: str) -> list[str]: ...


# -- real files ----------------------------------------------------------------------


class _OsFile:
    """A real file with the course's four words."""

    def __init__(self, path: str, mode: str) -> None:
        self._file = open(path, mode)  # noqa: SIM115 - close() closes it

    def write(self, data: bytes) -> int:
        return self._file.write(data)

    def flush(self) -> None:
        self._file.flush()

    def fsync(self) -> None:
        os.fsync(self._file.fileno())

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> "_OsFile":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class OsStorage:
    """The files of this machine."""

    def open(self, path: str, mode: str) -> _OsFile:
        """Open a file for writing: "wb" empties it, "ab" appends, "xb" makes it."""
        return _OsFile(path, _checked(mode))

    def read_bytes(self, path: str) -> bytes:
        """Return all bytes of a file; raises FileNotFoundError."""
        with open(path, "rb") as file:
            return file.read()

    def replace(self, source: str, target: str) -> None:
        """Give `source` the name `target`, in one step, whatever had that name."""
        os.replace(source, target)

    def remove(self, path: str) -> None:
        """Remove a name; raises FileNotFoundError."""
        os.remove(path)

    def fsync_dir(self, folder: str) -> None:
        """Make the names in a folder durable (Windows has no such call)."""
        if os.name != "posix":
            return
        handle = os.open(folder or ".", os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    def listdir(self, folder: str) -> list[str]:
        """Return the names in a folder, sorted."""
        return sorted(os.listdir(folder or "."))


OS = OsStorage()


# -- files in memory -----------------------------------------------------------------


class _Inode:
    """One file: the bytes that the system sees, and those that survive for certain."""

    def __init__(self, data: bytes = b"") -> None:
        self.data = bytearray(data)
        self.safe = len(data)  # so many first bytes of `data` are durable …
        self.before: bytes | None = None  # … unless the file was emptied: then these

    def truncate(self) -> None:
        self.before = self.stable()
        self.data.clear()
        self.safe = 0

    def sync(self) -> None:
        self.safe, self.before = len(self.data), None

    def stable(self) -> bytes:
        return bytes(self.data[: self.safe]) if self.before is None else self.before

    def after(self, fate: str) -> bytes:
        """Return what a crash leaves of the file."""
        new = len(self.data) - self.safe
        if fate == "kept":
            return bytes(self.data)
        if fate == "lost":
            return self.stable()
        if fate == "torn":
            return bytes(self.data[: self.safe + new // 2])
        return bytes(self.data[: self.safe]) + bytes(new)


class _State:
    """A disk between two operations."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self.inodes = [_Inode(data) for data in files.values()]
        self.names = {path: number for number, path in enumerate(files)}
        self.durable = dict(self.names)
        # Changes of names, in order: (folder, path, inode or None if removed, …).
        self.pending: list[tuple[tuple[str, int | None], ...]] = []

    def apply(self, step: tuple) -> None:
        """Carry out one step as the trace holds it."""
        kind, *rest = step
        if kind == "create":
            (path,) = rest
            self.inodes.append(_Inode())
            self._rename({path: len(self.inodes) - 1})
        elif kind == "truncate":
            self.inodes[rest[0]].truncate()
        elif kind == "flush":
            number, data = rest
            self.inodes[number].data += data
        elif kind == "fsync":
            self.inodes[rest[0]].sync()
        elif kind == "replace":
            source, target = rest
            self._rename({source: None, target: self.names[source]})
        elif kind == "remove":
            self._rename({rest[0]: None})
        elif kind == "fsync_dir":
            mine = [one for one in self.pending if _folder(one[0][0]) == rest[0]]
            self.pending = [one for one in self.pending if one not in mine]
            for change in mine:
                _rename(self.durable, change)

    def _rename(self, change: dict[str, int | None]) -> None:
        self.pending.append(tuple(change.items()))
        _rename(self.names, self.pending[-1])

    def outcomes(self) -> Iterator[tuple[str, dict[str, bytes]]]:
        """Yield what a crash here may leave, each different result once."""
        seen = []
        for kept in range(len(self.pending), -1, -1):
            names = dict(self.durable)
            for change in self.pending[:kept]:
                _rename(names, change)
            for fate in _FATES:
                files = {p: self.inodes[n].after(fate) for p, n in names.items()}
                if files not in seen:
                    seen.append(files)
                    undone = len(self.pending) - kept
                    words = f", last {undone} name changes undone" if undone else ""
                    yield f"unsynced bytes {fate}{words}", files


def _rename(names: dict[str, int], change: tuple[tuple[str, int | None], ...]) -> None:
    for path, number in change:
        if number is None:
            names.pop(path, None)
        else:
            names[path] = number


@dataclass(frozen=True, slots=True)
class Crash:
    """One way to stop: after `done` operations, the last of them `op`.

    `outcome` says what happened to what was not yet durable, `files` what is left.
    """

    done: int
    op: str
    outcome: str
    files: dict[str, bytes]

    def __str__(self) -> str:
        where = f"after operation {self.done}, {self.op}" if self.done else "at once"
        return f"crash {where}; {self.outcome}"


class CrashDisk:
    """A disk in memory that holds `files` (path: bytes), all durable, and records.

    `operations` are the lines of its log, `bytes_written` counts what was handed to
    `write`, `open_files` the files not yet closed. Operation number `fail_at` (from 0)
    fails with ENOSPC and does nothing.
    Paths use "/"; folders need not be made. For one thread.

    >>> disk = CrashDisk()
    >>> with disk.open("a.tmp", "wb") as file:
    ...     _ = file.write(b"data"); file.flush(); file.fsync()
    >>> disk.replace("a.tmp", "a")
    >>> disk.operations[-2:], disk.listdir("")
    (['close a.tmp', 'replace a.tmp -> a'], ['a'])
    """

    def __init__(
        self, files: Mapping[str, bytes] | None = None, *, fail_at: int | None = None
    ) -> None:
        self._start = dict(files or {})
        self._state = _State(self._start)
        self._trace: list[tuple[str, tuple]] = []
        self.fail_at = fail_at
        self.bytes_written = 0
        self.open_files = 0

    @property
    def operations(self) -> list[str]:
        """What the program did, one line an operation."""
        return [words for words, _ in self._trace]

    def operation_count(self) -> int:
        """Return how many operations were done so far."""
        return len(self._trace)

    def _do(self, words: str, *steps: tuple) -> None:
        if len(self._trace) == self.fail_at:
            self.fail_at = None
            raise OSError(errno.ENOSPC, "no space left on device", words)
        for step in steps:
            self._state.apply(step)
        self._trace.append((words, steps))

    def _inode(self, path: str) -> int:
        if path not in self._state.names:
            raise FileNotFoundError(errno.ENOENT, "no such file", path)
        return self._state.names[path]

    def open(self, path: str, mode: str) -> "_MemoryFile":
        """Open a file for writing: "wb" empties it, "ab" appends, "xb" makes it."""
        path, exists = _clean(path), _clean(path) in self._state.names
        if _checked(mode) == "xb" and exists:
            raise FileExistsError(errno.EEXIST, "file exists", path)
        steps = [] if exists else [("create", path)]
        if exists and mode == "wb":
            steps = [("truncate", self._inode(path))]
        self._do(f"open {path} ({mode})", *steps)
        return _MemoryFile(self, path, self._inode(path))

    def read_bytes(self, path: str) -> bytes:
        """Return all flushed bytes of a file; raises FileNotFoundError."""
        return bytes(self._state.inodes[self._inode(_clean(path))].data)

    def size(self, path: str) -> int:
        """Return how many flushed bytes a file has; raises FileNotFoundError."""
        return len(self._state.inodes[self._inode(_clean(path))].data)

    def replace(self, source: str, target: str) -> None:
        """Give `source` the name `target`, in one step; both in one folder."""
        source, target = _clean(source), _clean(target)
        self._inode(source)
        if _folder(source) != _folder(target):
            words = "cannot replace across file systems"
            raise OSError(errno.EXDEV, words, source, None, target)
        self._do(f"replace {source} -> {target}", ("replace", source, target))

    def remove(self, path: str) -> None:
        """Remove a name; raises FileNotFoundError."""
        path = _clean(path)
        self._inode(path)
        self._do(f"remove {path}", ("remove", path))

    def fsync_dir(self, folder: str) -> None:
        """Make the names in a folder durable."""
        folder = _folder(_clean(posixpath.join(folder, "x")))
        self._do(f"fsync_dir {folder or '.'}", ("fsync_dir", folder))

    def listdir(self, folder: str) -> list[str]:
        """Return the names in a folder, sorted."""
        folder = _folder(_clean(posixpath.join(folder, "x")))
        return sorted(
            posixpath.basename(path)
            for path in self._state.names
            if _folder(path) == folder
        )

    def files(self) -> dict[str, bytes]:
        """Return all files as a program that keeps running sees them."""
        return {path: self.read_bytes(path) for path in self._state.names}

    def crashes(self, since: int = 0) -> Iterator[Crash]:
        """Yield every state in which a crash after operation `since` or later ends.

        A number of operations for which several results are possible gives them all.
        """
        state = _State(self._start)
        for done in range(len(self._trace) + 1):
            words, steps = self._trace[done - 1] if done else ("", ())
            for step in steps:
                state.apply(step)
            if done >= since:
                for outcome, files in state.outcomes():
                    yield Crash(done, words, outcome, files)

    def copy(self) -> "CrashDisk":
        """Return a disk that starts with the files of this one, all durable."""
        return CrashDisk(self.files())


class _MemoryFile:
    """A file of a CrashDisk, with the buffer that Python keeps in the program."""

    def __init__(self, disk: CrashDisk, path: str, inode: int) -> None:
        self._disk, self._path, self._inode = disk, path, inode
        self._buffer = bytearray()
        self._closed = False
        disk.open_files += 1

    def _open(self) -> None:
        if self._closed:
            raise ValueError("I/O operation on closed file")

    def write(self, data: bytes) -> int:
        self._open()
        self._disk._do(f"write {len(data)} bytes to {self._path}")
        self._buffer += data
        self._disk.bytes_written += len(data)
        return len(data)

    def _flushed(self) -> tuple:
        data = bytes(self._buffer)
        self._buffer.clear()
        return ("flush", self._inode, data)

    def flush(self) -> None:
        self._open()
        self._disk._do(f"flush {self._path}", self._flushed())

    def fsync(self) -> None:
        """Make the flushed bytes durable; those in the buffer are none of them."""
        self._open()
        self._disk._do(f"fsync {self._path}", ("fsync", self._inode))

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._disk.open_files -= 1
            self._disk._do(f"close {self._path}", self._flushed())

    def __enter__(self) -> "_MemoryFile":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _checked(mode: str) -> str:
    if mode not in _MODES:
        raise ValueError(f"mode must be one of {', '.join(_MODES)}, not {mode!r}")
    return mode


def _clean(path: str) -> str:
    return posixpath.normpath(os.fspath(path).replace(os.sep, "/"))


def _folder(path: str) -> str:
    return posixpath.dirname(path)
