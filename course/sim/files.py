"""Files that exist only as numbers: whole folders in memory, every read counted.

A `Pattern` computes its bytes when they are read, so that a folder of a hundred
megabytes costs a few kilobytes. `MemoryFiles` serves such a folder through the
`FileSystem` protocol and counts what an algorithm opens and reads.
"""

import errno
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from importlib import resources
from typing import Protocol

import numpy as np

_NOISE = np.random.default_rng(20_240_607).bytes(1 << 20)


@dataclass(frozen=True, slots=True, order=True)
class FileInfo:
    """What the file system knows about a file without opening it.

    `size` is in bytes; `dev` and `ino` (device and inode number) together name
    the file itself, however many paths lead to it.
    """

    path: str
    size: int
    dev: int
    ino: int


class FileChanged(OSError):
    """A file did not hold as many bytes as it was said to hold."""


class Hash(Protocol):
    """A hash being computed, as the objects of `hashlib` are."""

    def update(self, data: bytes) -> None: ...

    def digest(self) -> bytes: ...


Hasher = Callable[[], Hash]
Read = Callable[[int, int], bytes]
OnError = Callable[[str, OSError], None]


class Reader(Protocol):
    """An open file. `read` may return fewer than `n` bytes, and `b""` at the end."""

    def read(self, offset: int, n: int) -> bytes: ...


class FileSystem(Protocol):
    """What a search for duplicates may ask of the outside world."""

    def files(self) -> Iterable[FileInfo]: ...

    def open(self, path: str) -> AbstractContextManager[Reader]: ...


@dataclass(frozen=True, slots=True)
class Pattern:
    """`size` bytes of reproducible noise, over which later layers are laid.

    A layer is `(start, stop, what)`: from byte `start` up to `stop` the content is
    the noise numbered `what`, or the literal bytes `what`. Equal patterns have
    equal bytes.

    >>> a = Pattern(10_000, noise=1)
    >>> b = Pattern(10_000, noise=1, layers=((9_999, 10_000, b"?"),))
    >>> a.read(0, 9_999) == b.read(0, 9_999), a.read(9_999, 5) == b.read(9_999, 5)
    (True, False)
    """

    size: int
    noise: int
    layers: tuple[tuple[int, int, int | bytes], ...] = ()

    def read(self, offset: int, n: int) -> bytes:
        """Return up to `n` bytes from `offset`; fewer at the end, then none."""
        n = max(0, min(n, self.size - offset))
        data = bytearray(_noise(self.noise, offset, n))
        for start, stop, what in self.layers:
            low, high = max(start, offset), min(stop, offset + n)
            if low < high:
                data[low - offset : high - offset] = (
                    what[low - start : high - start]
                    if isinstance(what, bytes)
                    else _noise(what, low, high - low)
                )
        return bytes(data)


def _noise(number: int, offset: int, n: int) -> bytes:
    start = (number * 7_368_787 + offset) % len(_NOISE)
    found = _NOISE[start : start + n]
    while len(found) < n:
        found += _NOISE[: n - len(found)]
    return found


class MemoryFiles:
    """A folder in memory that counts every open and every byte read.

    `contents` maps a path to bytes or to a `Pattern`, and may be edited while in
    use; `opens`, `requests` and `bytes_of` count by path. `max_open` is how many files
    may be open at once: one more raises OSError (too many open files), as a real
    system does. `claims` overrides the size that `files()` reports for a path (the
    file changed after it was listed), `broken` holds paths that cannot be opened,
    and a read returns at most `most` bytes.

    >>> fs = MemoryFiles({"a": b"hello"})
    >>> with fs.open("a") as file:
    ...     file.read(0, 4096)
    b'hello'
    >>> fs.bytes_read, fs.opens["a"]
    (5, 1)
    """

    def __init__(
        self,
        contents: Mapping[str, bytes | Pattern],
        *,
        max_open: int = 64,
        claims: Mapping[str, int] | None = None,
        broken: Collection[str] = (),
        most: int | None = None,
    ) -> None:
        self.contents = dict(contents)
        self.max_open = max_open
        self.claims = dict(claims or {})
        self.broken = frozenset(broken)
        self.most = most
        self.opens: Counter[str] = Counter()
        self.bytes_of: Counter[str] = Counter()
        self.requests: Counter[str] = Counter()
        self.largest_read = 0
        self._open_now = 0
        self._inodes: dict[str, int] = {}

    @property
    def bytes_read(self) -> int:
        """Bytes handed out so far, over all files."""
        return self.bytes_of.total()

    def files(self) -> list[FileInfo]:
        """Return every file, in no particular order, without opening any."""
        return [self.stat(path) for path in self.contents]

    def stat(self, path: str) -> FileInfo:
        """Return what is known about one file; raises FileNotFoundError."""
        if path not in self.contents:
            raise FileNotFoundError(errno.ENOENT, "no such file", path)
        content = self.contents[path]
        size = content.size if isinstance(content, Pattern) else len(content)
        ino = self._inodes.setdefault(path, len(self._inodes) + 1)
        return FileInfo(path, self.claims.get(path, size), 1, ino)

    def open(self, path: str) -> "_MemoryReader":
        """Open a file for reading; raises OSError as the real one would."""
        if path not in self.contents:
            raise FileNotFoundError(errno.ENOENT, "no such file", path)
        if path in self.broken:
            raise PermissionError(errno.EACCES, "permission denied", path)
        if self._open_now >= self.max_open:
            raise OSError(errno.EMFILE, "too many open files", path)
        self.opens[path] += 1
        self._open_now += 1
        return _MemoryReader(self, path)


class _MemoryReader:
    """One open file of a MemoryFiles."""

    def __init__(self, owner: MemoryFiles, path: str) -> None:
        self._owner = owner
        self._path = path
        self._closed = False

    def read(self, offset: int, n: int) -> bytes:
        if self._closed:
            raise ValueError("read of a closed file")
        if offset < 0 or n < 0:
            raise ValueError(f"offset and n must not be negative: {offset}, {n}")
        owner = self._owner
        content = owner.contents[self._path]
        allowed = n if owner.most is None else min(n, owner.most)
        if isinstance(content, Pattern):
            data = content.read(offset, allowed)
        else:
            data = content[offset : offset + allowed]
        owner.requests[self._path] += 1
        owner.bytes_of[self._path] += len(data)
        owner.largest_read = max(owner.largest_read, n)
        return data

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._owner._open_now -= 1

    def __enter__(self) -> "_MemoryReader":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()


def shared_drive(
    seed: int = 0, scale: float = 1.0, share: int = 1
) -> dict[str, Pattern]:
    """Return the folder on which the course counts bytes: 880 files, about 111 MB.

    600 files of a size that no other has; 30 sizes shared by four files that differ
    in their first byte; 15 shared by four that differ in their last byte; 40 exports
    of one size with the same first 40 KiB and the same last 8 KiB; ten documents in
    five copies each; ten empty files. `scale` shrinks the sizes, not the count; of each
    kind only one in `share` is there.
    """
    rng = np.random.default_rng(seed)
    folder: dict[str, Pattern] = {}
    sizes = iter(rng.permutation(np.arange(2_000, 23_000))[: 600 // share])
    for i, size in enumerate(sizes):
        folder[f"mail/{i:03}.eml"] = Pattern(int(size * scale) + 1, noise=i)
    noise = 1_000

    def grow(low: int, high: int) -> int:
        return int(int(rng.integers(low, high)) * scale)

    for group in range(30 // share):
        size, noise = grow(150_000, 250_000), noise + 1
        for i in range(4):
            first = ((0, 1, bytes([i])),)
            folder[f"scans/{group:02}-{i}.tif"] = Pattern(size, noise, first)
    for group in range(15 // share):
        size, noise = grow(300_000, 440_000), noise + 1
        for i in range(4):
            last = ((size - 1, size, bytes([i])),)
            folder[f"audio/{group:02}-{i}.wav"] = Pattern(size, noise, last)
    size, noise = int((1 << 20) * scale), noise + 1
    for i in range(40 // share):
        body = ((int(40_960 * scale), size - int(8_192 * scale), 5_000 + i),)
        folder[f"exports/report-{i:02}.db"] = Pattern(size, noise, body)
    for group in range(10 // share):
        size, noise = grow(250_000, 370_000), noise + 1
        for i, place in enumerate(("docs", "docs/old", "desk", "backup", "mail/att")):
            folder[f"{place}/paper-{group}{' copy' * (i > 2)}.pdf"] = Pattern(
                size, noise
            )
    for i in range(10 // share):
        folder[f"locks/{i}.lock"] = Pattern(0, noise=0)
    return folder


def photo_library(seed: int = 1) -> dict[str, Pattern]:
    """Return 300 photographs, sizes nearly all different, a tenth of them twice."""
    rng = np.random.default_rng(seed)
    folder = {}
    for i in range(300):
        photo = Pattern(int(rng.integers(200_000, 400_000)), noise=i)
        folder[f"photos/{i:03}.jpg"] = photo
        if i % 10 == 0:
            folder[f"phone/{i:03}.jpg"] = photo
    return folder


def templates(seed: int = 2) -> dict[str, Pattern]:
    """Return 220 files of one size, with common headers of 1 KiB up to 256 KiB.

    Half of them share their last 4 KiB as well, and 20 are there twice.
    """
    rng = np.random.default_rng(seed)
    size = 300_000
    folder = {}
    for i in range(200):
        header = 1 << int(rng.integers(10, 19))
        tail = int(rng.integers(0, 2))
        body = ((min(header, size - 4_096), size - 4_096 * tail, 100 + i),)
        folder[f"slides/{i:03}.ppt"] = Pattern(size, noise=0, layers=body)
    for i in range(20):
        folder[f"sent/{i:03}.ppt"] = folder[f"slides/{i:03}.ppt"]
    return folder


@dataclass(frozen=True, slots=True)
class Stage:
    """What one stage left: `files` and their `size`, and what it `read` (bytes)."""

    name: str
    files: int
    size: int
    read: int


def funnel(folder: Mapping[str, Pattern], partial: int) -> list[Stage]:
    """Return how staged pruning narrows `folder`, with `partial` bytes at each end.

    The last stage holds the true duplicates; its `read` is what hashing in full
    every file costs that the cheap stages could not tell apart.
    """
    left = sorted(folder)
    stages = [Stage("all files", len(left), _size(folder, left), 0)]

    def narrow(name: str, key, cost) -> None:
        nonlocal left
        read = sum(cost(folder[path]) for path in left)
        left = [path for group in _groups(folder, left, key) for path in group]
        stages.append(Stage(name, len(left), _size(folder, left), read))

    def head(file: Pattern) -> bytes:
        return file.read(0, partial)

    def tail(file: Pattern) -> bytes:
        return file.read(max(partial, file.size - partial), partial)

    narrow("same size", lambda f: f.size, lambda f: 0)
    narrow("same head", lambda f: (f.size, head(f)), lambda f: len(head(f)))
    narrow(
        "same tail",
        lambda f: (f.size, head(f), tail(f)),
        lambda f: len(tail(f)),
    )
    narrow("same content", lambda f: f, lambda f: f.size if f.size > partial else 0)
    return stages


def true_groups(folder: Mapping[str, Pattern]) -> list[list[str]]:
    """Return the groups of equal files, each sorted, sorted: the right answer."""
    return _groups(folder, sorted(folder), lambda file: file)


def floor_bytes(folder: Mapping[str, Pattern]) -> int:
    """Return the bytes that no exact method can leave unread: every true duplicate."""
    return sum(folder[path].size for group in true_groups(folder) for path in group)


def tool_figures() -> dict[str, float]:
    """Return the bytes that well-known programs read on `shared_drive()`.

    Measured by `benchmarks/dedup_tools.py`, which writes the file read here.
    """
    text = resources.files("course.sim").joinpath("dedup_tools.json")
    figures = json.loads(text.read_text("utf-8"))
    return {f"{name} {one['version']}": one["bytes"] for name, one in figures.items()}


def _groups(folder: Mapping[str, Pattern], paths: Iterable[str], key) -> list[list]:
    classes = defaultdict(list)
    for path in paths:
        classes[key(folder[path])].append(path)
    return sorted(group for group in classes.values() if len(group) > 1)


def _size(folder: Mapping[str, Pattern], paths: Iterable[str]) -> int:
    return sum(folder[path].size for path in paths)
