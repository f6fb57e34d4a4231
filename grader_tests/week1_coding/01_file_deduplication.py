"""Answers to notebook 1 of week 1: wrong ones that must die, unusual ones that pass."""

import contextlib
import hashlib
import itertools
import os
import stat
from collections import defaultdict
from pathlib import Path

import numpy as np

from course.ops.proof import edited, right, wrong
from course.sim import files

# -- e1: walk_files ----------------------------------------------------------------


@wrong("e1.links", because="symbolic link")
def walk_files__follows_links_to_folders(root, *, on_error=None):
    found = {}
    for folder, _, names in os.walk(root, followlinks=True):
        for name in names:
            path = os.path.join(folder, name)
            if os.path.islink(path):
                continue
            status = os.lstat(path)
            info = files.FileInfo(path, status.st_size, status.st_dev, status.st_ino)
            found.setdefault((info.dev, info.ino), info)
    return sorted(found.values())


edited(
    "e1.links",
    "lists links to files",
    old="elif entry.is_file(follow_symlinks=False):",
    new="elif entry.is_file():",
    because="symbolic links",
)
edited(
    "e1.links",
    "refuses a root that is a link",
    old="    folders = [root]",
    new="    folders = [] if os.path.islink(root) else [root]",
    because="a link to a folder",
)
edited(
    "e1.identity",
    "inode alone",
    old="key = status.st_dev, status.st_ino",
    new="key = 0, status.st_ino",
    because="two disks|device",
)
edited(
    "e1.identity",
    "every name counts",
    old="if key not in found or info.path < found[key].path:",
    new="if (key := (*key, entry.path)):",
    because="six names",
)
edited(
    "e1.identity",
    "first name met wins",
    old="if key not in found or info.path < found[key].path:",
    new="if key not in found:",
    because="six names",
)
edited(
    "e1.faults",
    "gives up at the first error",
    old="            refused(folder, error)\n            continue",
    new="            raise",
    because="PermissionError",
)
edited(
    "e1.faults",
    "stops quietly at the first error",
    old="            refused(folder, error)\n            continue",
    new="            refused(folder, error)\n            break",
    because="may not be",
)
edited(
    "e1.faults",
    "tells nobody",
    old="            on_error(path, error)",
    new="            pass",
    because="heard",
)


@wrong("e1.faults", because="examined|vanishes")
def walk_files__trusts_the_listing(root, *, on_error=None):
    found = {}
    for folder, _, names in os.walk(
        root, onerror=lambda e: on_error(e.filename, e) if on_error else None
    ):
        for name in names:
            path = os.path.join(folder, name)
            status = os.lstat(path)
            if stat.S_ISREG(status.st_mode):
                key = status.st_dev, status.st_ino
                info = files.FileInfo(path, status.st_size, *key)
                found[key] = min(info, found.get(key, info))
    return sorted(found.values())


edited(
    "e1.shape",
    "opens each file to see whether it can",
    old="                    status = os.lstat(entry.path)",
    new="                    open(entry.path, 'rb').close()\n"
    "                    status = os.lstat(entry.path)",
    because="opened",
)
edited(
    "e1.shape",
    "takes all that is no folder",
    old="elif entry.is_file(follow_symlinks=False):",
    new="elif not entry.is_symlink():",
    because="pipes",
)
edited(
    "e1.shape",
    "order of discovery",
    old="return sorted(found.values())",
    new="return sorted(found.values(), key=lambda info: info.path[::-1])",
    because="order",
)
edited(
    "e1.shape",
    "leaves out empty files",
    old="if key not in found or info.path < found[key].path:",
    new="if info.size and (key not in found or info.path < found[key].path):",
    because="odd names",
)


@right("e1")
def walk_files__os_walk(root, *, on_error=None):
    def refused(error):
        if on_error is not None:
            on_error(error.filename, error)

    names = {}
    for folder, _, members in os.walk(root, onerror=refused):
        for path in (os.path.join(folder, name) for name in members):
            try:
                status = os.lstat(path)
            except OSError as error:
                refused(error)
                continue
            if stat.S_ISREG(status.st_mode):
                key = status.st_dev, status.st_ino, status.st_size
                names.setdefault(key, []).append(path)
    return [
        files.FileInfo(path, size, dev, ino)
        for path, size, dev, ino in sorted(
            (min(paths), size, dev, ino) for (dev, ino, size), paths in names.items()
        )
    ]


@right("e1")
def walk_files__pathlib(root, *, on_error=None):
    smallest = {}
    stack = [Path(root)]
    while stack:
        here = stack.pop()
        try:
            members = sorted(here.iterdir())
        except OSError as error:
            if on_error:
                on_error(str(here), error)
            continue
        for path in members:
            try:
                status = path.lstat()
            except OSError as error:
                if on_error:
                    on_error(str(path), error)
                continue
            if stat.S_ISDIR(status.st_mode):
                stack.append(path)
            elif stat.S_ISREG(status.st_mode):
                info = files.FileInfo(
                    str(path), status.st_size, status.st_dev, status.st_ino
                )
                key = status.st_dev, status.st_ino
                smallest[key] = min(info, smallest.get(key, info))
    return sorted(smallest.values(), key=lambda info: info.path)


@right("e1")
def walk_files__recursive(root, *, on_error=None):
    def walk(folder):
        try:
            entries = list(os.scandir(folder))
        except OSError as error:
            if on_error:
                on_error(folder, error)
            return
        for entry in entries:
            if entry.is_symlink():
                continue
            if entry.is_dir():
                yield from walk(entry.path)
            elif entry.is_file():
                try:
                    status = entry.stat(follow_symlinks=False)
                except OSError as error:
                    if on_error:
                        on_error(entry.path, error)
                    continue
                yield files.FileInfo(
                    entry.path, status.st_size, status.st_dev, status.st_ino
                )

    seen = set()
    unique = []
    for info in sorted(walk(root)):
        if (info.dev, info.ino) not in seen:
            seen.add((info.dev, info.ino))
            unique.append(info)
    return unique


# -- e2: hash_stream ---------------------------------------------------------------


@wrong("e2.short", because="short reads")
@wrong("e2.memory", because="one request")
def hash_stream__all_at_once(read, size, *, chunk=1 << 20, hasher=hashlib.sha256):
    data = read(0, size)
    if read(size, 1):
        raise files.FileChanged("grew")
    digest = hasher()
    digest.update(data)
    return digest.digest()


@wrong("e2.memory", because="memory")
def hash_stream__collects(read, size, *, chunk=1 << 20, hasher=hashlib.sha256):
    pieces, offset = [], 0
    while offset < size:
        piece = read(offset, min(chunk, size - offset))
        if not piece:
            raise files.FileChanged("shrank")
        pieces.append(piece)
        offset += len(piece)
    if read(size, 1):
        raise files.FileChanged("grew")
    digest = hasher()
    digest.update(b"".join(pieces))
    return digest.digest()


edited(
    "e2.short",
    "assumes full reads",
    old="offset += len(data)",
    new="offset += chunk",
    because="short reads",
)
edited(
    "e2.short",
    "takes a short read for the end",
    old="        offset += len(data)\n",
    new="        offset += len(data)\n"
    "        if len(data) < chunk:\n            break\n",
    because="short reads",
)
edited(
    "e2.short",
    "always SHA-256",
    old="digest = hasher()",
    new="digest = hashlib.sha256()",
    because="md5",
)
edited(
    "e2.memory",
    "ignores chunk",
    old="min(chunk, size - offset)",
    new="min(1 << 20, size - offset)",
    because="one request",
)
edited(
    "e2.changes",
    "does not look past the end",
    old="if read(size, 1):",
    new="if False:",
    because="grew",
)
edited(
    "e2.changes",
    "accepts a shorter file",
    old='raise files.FileChanged(f"ends after {offset} of {size} bytes")',
    new="break",
    because="shrank",
)
edited(
    "e2.changes",
    "another exception",
    old='raise files.FileChanged(f"goes on after {size} bytes")',
    new='raise ValueError("goes on")',
    because="FileChanged",
)
edited(
    "e2.check",
    "hexadecimal text",
    old="return digest.digest()",
    new="return digest.hexdigest()",
    because="bytes",
)


@right("e2")
def hash_stream__one_buffer(read, size, *, chunk=1 << 20, hasher=hashlib.sha256):
    buffer = memoryview(bytearray(chunk))
    state, done = hasher(), 0
    while True:
        data = read(done, min(chunk, size - done) or 1)
        if done == size:
            if data:
                raise files.FileChanged("longer than promised")
            return state.digest()
        if not data:
            raise files.FileChanged("shorter than promised")
        buffer[: len(data)] = data
        state.update(buffer[: len(data)])
        done += len(data)


@right("e2")
def hash_stream__reads_to_the_end(read, size, *, chunk=1 << 20, hasher=hashlib.sha256):
    state = hasher()
    at = 0
    for data in iter(lambda: read(at, chunk), b""):
        state.update(data)
        at += len(data)
        if at > size:
            break
    if at != size:
        raise files.FileChanged(f"{at} bytes, not {size}")
    return state.digest()


# -- e3: find_duplicates -----------------------------------------------------------


@wrong("e3.bytes", because="bytes read")
@wrong("e3.pruned", because="unique40")
def find_duplicates__hashes_everything(
    fs, *, partial=4096, hasher=hashlib.sha256, verify=True
):
    def digest(info):
        with fs.open(info.path) as file:
            return hash_stream(file.read, info.size)

    classes = defaultdict(list)
    for info in fs.files():
        try:
            classes[digest(info)].append(info.path)
        except OSError:
            continue
    return sorted(sorted(group) for group in classes.values() if len(group) > 1)


@wrong("e3.exact", because="got|expected")
def find_duplicates__size_only(fs, *, partial=4096, hasher=None, verify=True):
    size = {info.path: info.size for info in fs.files()}
    return sorted(split(sorted(size), size.get))


edited(
    "e3.exact",
    "head only",
    old="for same_ends in split(same_head, tail):",
    new="groups.append(same_head)\n            for same_ends in []:",
    because="compare in full",
)
edited(
    "e3.exact",
    "head and tail only",
    old="                for nominees in split(same_ends, digest):\n"
    "                    groups += exactly_equal(nominees) if verify else [nominees]",
    new="                groups.append(same_ends)",
    because="middle",
)
edited(
    "e3.pruned",
    "leaves out empty files",
    old="            groups.append(same_size)\n",
    new="",
    because="empty files are equal",
)
edited(
    "e3.exact",
    "pairs only",
    old="return sorted(sorted(group) for group in groups)",
    new="return sorted(sorted(group)[:2] for group in groups)",
    because="find_duplicates",
)
edited(
    "e3.hard",
    "reads whole files at a time",
    old="min(stop - start, 1 << 20)",
    new="stop - start",
    because="one request",
)
edited(
    "e3.collisions",
    "trusts the hash",
    old="exactly_equal(nominees) if verify else [nominees]",
    new="[nominees]",
    because="collid",
)
edited(
    "e3.collisions",
    "verifies the first block only",
    old="for start in range(0, length, block):",
    new="for start in range(0, min(length, block), block):",
    because="collid",
)
edited(
    "e3.pruned",
    "reads a short file's head twice",
    old="            if length <= partial:\n",
    new="            if length <= partial and split(same_head, head):\n",
    because="whole file",
)
edited(
    "e3.hard",
    "gives up at the first error",
    old="for same_head in split(same_size, head):",
    new="for same_head in split(same_size, {p: head(p) for p in same_size}.get):",
    because="PermissionError|drops out",
)
edited(
    "e3.hard",
    "assumes full reads",
    old="                start += len(piece)",
    new="                break",
    because="short",
)
edited(
    "e3.exact",
    "order of discovery",
    old="return sorted(sorted(group) for group in groups)",
    new="return [sorted(group)[::-1] for group in groups]",
    because="find_duplicates",
)
edited(
    "e3.bytes",
    "no look at the tail",
    old="for same_ends in split(same_head, tail):",
    new="for same_ends in [same_head]:",
    because="bytes read",
)
edited(
    "e3.bytes",
    "no look at the head",
    old="for same_head in split(same_size, head):",
    new="for same_head in [same_size]:",
    because="bytes read",
)


@wrong("e3.check", because="'c'")
def find_duplicates__opens_unique_sizes(
    fs, *, partial=4096, hasher=hashlib.sha256, verify=True
):
    def head(info):
        with fs.open(info.path) as file:
            return info.size, file.read(0, info.size)

    infos = {info.path: info for info in fs.files()}
    return sorted(sorted(g) for g in split(list(infos), lambda p: head(infos[p])))


@wrong("e3.check", because="got|expected|more|longer|length|items")
def find_duplicates__lone_files_too(
    fs, *, partial=4096, hasher=hashlib.sha256, verify=True
):
    classes = defaultdict(list)
    for info in fs.files():
        with fs.open(info.path) as file:
            classes[file.read(0, info.size)].append(info.path)
    return sorted(classes.values())


@wrong("e3.hard", because="opens for 40 files")
def find_duplicates__every_pair(
    fs, *, partial=4096, hasher=hashlib.sha256, verify=True
):
    size = {info.path: info.size for info in fs.files()}

    def same(one, other):
        try:
            with fs.open(one) as a, fs.open(other) as b:
                return hash_stream(a.read, size[one]) == hash_stream(
                    b.read, size[other]
                )
        except OSError:
            return False

    groups = []
    for paths in split(sorted(size), size.get):
        if size[paths[0]] == 0:
            groups.append(paths)
            continue
        classes = []
        for path in paths:
            for members in classes:
                if same(members[0], path):
                    members.append(path)
                    break
            else:
                classes.append([path])
        groups += [members for members in classes if len(members) > 1]
    return sorted(groups)


@wrong("e3.collisions", because="collid")
def find_duplicates__verifies_against_the_first_only(
    fs, *, partial=4096, hasher=hashlib.sha256, verify=True
):
    size = {info.path: info.size for info in fs.files()}

    def content(path):
        with fs.open(path) as file:
            return hash_stream(file.read, size[path], hasher=hasher)

    def raw(path):
        with fs.open(path) as file:
            return file.read(0, size[path])

    groups = []
    for paths in split(sorted(size), size.get):
        if size[paths[0]] == 0:
            groups.append(paths)
            continue
        for nominees in split(paths, content):
            equal = [path for path in nominees if raw(path) == raw(nominees[0])]
            if len(equal) > 1:
                groups.append(equal)
    return sorted(groups)


@right("e3")
def find_duplicates__one_table(fs, *, partial=4096, hasher=hashlib.sha256, verify=True):
    """Flat stages over (size, head, tail), then a digest, then raw comparison."""
    infos = list(fs.files())

    def read(info, start, stop):
        data = b""
        with fs.open(info.path) as file:
            while start + len(data) < stop:
                at = start + len(data)
                more = file.read(at, min(stop - at, 1 << 20))
                if not more:
                    raise files.FileChanged(info.path)
                data += more
        return data

    def stage(pool, key):
        table = defaultdict(list)
        for info, old in pool:
            try:
                table[old, key(info)].append(info)
            except OSError:
                pass
        return [
            (info, known)
            for known, members in table.items()
            if len(members) > 1
            for info in members
        ]

    def end(info):
        low = max(min(partial, info.size), info.size - partial)
        return read(info, low, info.size) if low < info.size else b""

    pool = stage([(info, ()) for info in infos], lambda info: info.size)
    pool = stage(
        pool, lambda info: read(info, 0, min(partial, info.size)) if info.size else b""
    )
    pool = stage(pool, end)
    rest = [one for one in pool if one[0].size > 2 * partial]
    done = [one for one in pool if one[0].size <= 2 * partial]

    def digest(info):
        with fs.open(info.path) as file:
            return hash_stream(file.read, info.size, hasher=hasher)

    rest = stage(rest, digest)
    if verify:
        blocks = max((info.size for info, _ in rest), default=0)
        for at in range(0, blocks, 1 << 16):
            rest = stage(
                rest,
                lambda info: read(
                    info, min(at, info.size), min(at + (1 << 16), info.size)
                ),
            )
    classes = defaultdict(list)
    for info, key in done + rest:
        classes[key].append(info.path)
    return sorted(sorted(paths) for paths in classes.values())


@right("e3")
def find_duplicates__sorted_runs(
    fs, *, partial=4096, hasher=hashlib.sha256, verify=True
):
    """Sort by size and walk the runs; side by side instead of hashing."""
    infos = sorted(fs.files(), key=lambda info: info.size)
    groups = []
    for length, run in itertools.groupby(infos, key=lambda info: info.size):
        classes = [[info.path for info in run]]
        if len(classes[0]) == 1:
            continue
        cuts = sorted({0, min(partial, length), max(0, length - partial), length})
        spans = list(itertools.pairwise(cuts))
        order = [spans[0], spans[-1], *spans[1:-1]] if len(spans) > 1 else spans
        for start, stop in order:
            for at in range(start, stop, 1 << 16):
                upto = min(at + (1 << 16), stop)

                def block(path, at=at, upto=upto):
                    got = b""
                    with fs.open(path) as file:
                        while at + len(got) < upto:
                            more = file.read(at + len(got), upto - at - len(got))
                            if not more:
                                raise files.FileChanged(path)
                            got += more
                    return got

                classes = [part for paths in classes for part in split(paths, block)]
        groups += [paths for paths in classes if len(paths) > 1]
    return sorted(sorted(paths) for paths in groups)


# -- e4: find_duplicates_progressive -----------------------------------------------


@wrong("e4.fair", because="times the floor")
def find_duplicates_progressive__hashes_after_the_ends(
    fs, *, first=4096, block=1 << 18
):
    return find_duplicates(fs, partial=first, verify=False)


edited(
    "e4.limits",
    "starts again at byte 0",
    old="split(members, lambda path: span(path, start, stop))",
    new="split(members, lambda path: span(path, 0, stop))",
    because="one request|no byte twice",
)
edited(
    "e4.exact",
    "loses the tail",
    old="        yield tail, length\n",
    new="",
    because="one of your blocks",
)
edited(
    "e4.exact",
    "loses a byte between blocks",
    old="            start += step",
    new="            start += step + 1",
    because="one of your blocks",
)
edited(
    "e4.fair",
    "no early look at the tail",
    old="        yield tail, length\n        step = first",
    new="        tail = length\n        step = first",
    because="times the floor",
)
edited(
    "e4.best",
    "starts at 32 KiB",
    old="        head = min(first, length)",
    new="        head = min(max(first, 1 << 15), length)",
    because="times the floor",
)
edited(
    "e4.limits",
    "doubles without end",
    old="step = min(2 * step, block)",
    new="step = 2 * step",
    because="one request",
)
edited(
    "e4.limits",
    "assumes full reads",
    old="                start += len(piece)",
    new="                break",
    because="fewer bytes",
)


edited(
    "e4.limits",
    "opens unique sizes",
    old="split(list(size), size.get)",
    new="split(list(size), lambda path: fs.open(path).close() or size[path])",
    because="unique",
)


@wrong("e4.check", because="bytes read of z")
def find_duplicates_progressive__reads_lone_files_on(fs, *, first=4096, block=1 << 18):
    contents = defaultdict(list)
    for info in fs.files():
        with fs.open(info.path) as file:
            contents[file.read(0, info.size)].append(info.path)
    return sorted(sorted(paths) for paths in contents.values() if len(paths) > 1)


@wrong("e4.limits", because="do not hold a whole class open")
def find_duplicates_progressive__holds_every_file_open(
    fs, *, first=4096, block=1 << 18
):
    size = {info.path: info.size for info in fs.files()}
    groups = []
    for paths in split(list(size), size.get):
        with contextlib.ExitStack() as stack:
            readers = {}
            for path in paths:
                with contextlib.suppress(OSError):
                    readers[path] = stack.enter_context(fs.open(path))
            classes = [sorted(readers)]
            for at in range(0, size[paths[0]], block):
                classes = [
                    part
                    for members in classes
                    for part in split(members, lambda p: readers[p].read(at, block))
                ]
            groups += classes
    return sorted(groups)


@wrong("e4.exact", because="find_duplicates_progressive")
def find_duplicates_progressive__compares_with_the_first_only(
    fs, *, first=4096, block=1 << 18
):
    size = {info.path: info.size for info in fs.files()}

    def raw(path):
        with fs.open(path) as file:
            return file.read(0, size[path])

    groups = []
    for paths in split(sorted(size), size.get):
        equal = [path for path in paths if raw(path) == raw(paths[0])]
        if len(equal) > 1:
            groups.append(equal)
    return sorted(groups)


@right("e4")
def find_duplicates_progressive__digests_on_a_stack(fs, *, first=4096, block=1 << 18):
    """Depth first, one class at a time, blocks as digests."""
    size = {info.path: info.size for info in fs.files()}

    def piece(path, start, stop):
        state = hashlib.sha256()
        with fs.open(path) as file:
            while start < stop:
                data = file.read(start, stop - start)
                if not data:
                    raise files.FileChanged(path)
                state.update(data)
                start += len(data)
        return state.digest()

    stack = [(paths, None, 0, first) for paths in split(list(size), size.get)]
    groups = []
    while stack:
        paths, tail, start, step = stack.pop()
        length = size[paths[0]]
        end = max(min(first, length), length - first)
        if start == 0 < length:
            span, following = (0, min(first, length)), (None, min(first, length))
        elif tail is None and end < length:
            span, following = (end, length), (end, start)
        elif start < end:
            step = min(2 * step, block)
            span = (start, min(start + step, end))
            following = (tail, span[1])
        else:
            groups.append(sorted(paths))
            continue
        for part in split(paths, lambda path: piece(path, *span)):
            stack.append((part, *following, step))
    return sorted(groups)


# -- e5: cdc_chunks ----------------------------------------------------------------


@wrong("e5.reuse", because="not there before|by content")
def cdc_chunks__fixed(data, *, min_size, avg_size, max_size, gear=None):
    size = min(max(avg_size, min_size), max_size)
    return [(at, min(size, len(data) - at)) for at in range(0, len(data), size)]


edited(
    "e5.cover",
    "no maximum",
    old="stop = min(start + max_size, len(data))",
    new="stop = len(data)",
    because="bytes in a chunk",
)
edited(
    "e5.local",
    "the fingerprint runs on",
    old="        fingerprint = 0\n",
    new="        fingerprint = 0 if start == 0 else fingerprint\n",
    because="own cuts",
)
edited(
    "e5.cover",
    "cuts before the minimum",
    old="range(start + min_size, stop)",
    new="range(start, stop)",
    because="min_size",
)
edited(
    "e5.rule",
    "one limit",
    old="strict if at + 1 - start < avg_size else loose",
    new="1 << (64 - bits)",
    because="two limits",
)
edited(
    "e5.rule",
    "cuts before the byte",
    old="stop = at + 1",
    new="stop = at",
    because="two limits",
)
edited(
    "e5.rule",
    "changes the limit a byte late",
    old="at + 1 - start < avg_size",
    new="at - start < avg_size",
    because="two limits",
)
edited(
    "e5.check",
    "ends instead of lengths",
    old="(start, stop - start)",
    new="(start, stop)",
    because="got",
)
edited(
    "e5.local",
    "a table of its own",
    old="gear[data[at]]",
    new="GEAR[data[at]]",
    because="gear table",
)


@right("e5")
def cdc_chunks__numpy(data, *, min_size, avg_size, max_size, gear=None):
    """All fingerprints of a chunk at once: 64 shifted sums, wrapping by themselves."""
    table = np.array(GEAR if gear is None else gear, dtype=np.uint64)
    values = table[np.frombuffer(data, dtype=np.uint8)]
    bits = round(float(np.log2(avg_size)))
    chunks, start = [], 0
    while start < len(data):
        stop = min(start + max_size, len(data))
        part = values[start + min_size : stop]
        h = np.zeros(len(part), dtype=np.uint64)
        for shift in range(min(64, len(part))):
            h[shift:] += part[: len(part) - shift] << np.uint64(shift)
        length = np.arange(min_size + 1, min_size + 1 + len(part))
        limit = np.where(
            length < avg_size,
            np.uint64(1 << (63 - bits)),
            np.uint64(1 << (65 - bits)),
        )
        hits = np.flatnonzero(h < limit)
        if len(hits):
            stop = start + min_size + int(hits[0]) + 1
        chunks.append((start, stop - start))
        start = stop
    return chunks


@right("e5")
def cdc_chunks__generator(data, *, min_size, avg_size, max_size, gear=None):
    gear = gear or GEAR
    k = avg_size.bit_length() - 1
    k += avg_size > 2 ** (k + 0.5)

    def cut_points():
        h = length = 0
        for position, byte in enumerate(data, 1):
            length += 1
            if length > min_size:
                h = (h * 2 + gear[byte]) % 2**64
                shift = k + 1 if length < avg_size else k - 1
                if h >> (64 - shift) == 0 or length == max_size:
                    yield position
                    h = length = 0
            elif length == max_size:
                yield position
                h = length = 0
        if length:
            yield len(data)

    ends = list(cut_points())
    return [(a, b - a) for a, b in itertools.pairwise([0, *ends])]


# -- e6: LiveIndex -----------------------------------------------------------------

edited(
    "e6.lazy",
    "hashes whatever is added",
    old="                    self._size[path] = self._fs.stat(path).size",
    new="                    self._size[path] = self._fs.stat(path).size\n"
    "                    self._known_digest(path)",
    because="need not be read",
)
edited(
    "e6.lazy",
    "hashes at every question",
    old="if path not in self._digest:",
    new="if True:",
    because="keep each digest",
)
edited(
    "e6.lazy",
    "hashes again after a rename",
    old="            if digest is not None:\n",
    new="            if False:\n",
    because="rename",
)
edited(
    "e6.lazy",
    "forgets every digest when one file is modified",
    old="            self._forget(path)\n",
    new="            self._forget(path)\n            self._digest.clear()\n",
    because="only that one|bytes read",
)
edited(
    "e6.events",
    "keeps the digest of a modified file",
    old="        self._digest.pop(path, None)\n\n",
    new="\n",
    because="after",
)
edited(
    "e6.events",
    "ghosts of deleted files",
    old='elif kind in ("add", "modify", "delete"):',
    new='elif kind == "delete":\n            pass\n'
    '        elif kind in ("add", "modify"):',
    because="after",
)
edited(
    "e6.events",
    "keeps the old name too",
    old="size = self._size.pop(path, None)",
    new="size = self._size.get(path)",
    because="after",
)
edited(
    "e6.events",
    "the replaced file's digest stays",
    old="            self._forget(dst)\n",
    new="            self._size.pop(dst, None)\n",
    because="after",
)
edited(
    "e6.lazy",
    "reads empty files",
    old='        if size == 0:\n            return b""\n',
    new="        with self._fs.open(path) as file:\n            file.read(0, 1)\n",
    because="need not be read|digest",
)


@right("e6")
class LiveIndex__eager_by_size:
    """Keeps sets by size and hashes as soon as a second file of that size shows up."""

    def __init__(self, fs, *, hasher=hashlib.sha256):
        self.fs, self.hasher = fs, hasher
        self.size, self.digests = {}, {}
        self.by_size = defaultdict(set)

    def on_event(self, kind, path, dst=None):
        if kind == "rename":
            if path == dst:
                return
            size, digest = self.size.get(path), self.digests.get(path)
            self.drop(path)
            self.drop(dst)
            if size is not None:
                self.size[dst] = size
                self.by_size[size].add(dst)
                if digest:
                    self.digests[dst] = digest
            return
        if kind not in ("add", "modify", "delete"):
            raise ValueError(kind)
        self.drop(path)
        if kind != "delete":
            try:
                size = self.fs.stat(path).size
            except FileNotFoundError:
                return
            self.size[path] = size
            self.by_size[size].add(path)

    def drop(self, path):
        if path in self.size:
            self.by_size[self.size.pop(path)].discard(path)
        self.digests.pop(path, None)

    def groups(self):
        answer = []
        for size, paths in self.by_size.items():
            if len(paths) < 2:
                continue
            classes = defaultdict(list)
            for path in sorted(paths):
                if size and path not in self.digests:
                    state = self.hasher()
                    try:
                        with self.fs.open(path) as file:
                            state.update(file.read(0, size))
                    except OSError:
                        continue
                    self.digests[path] = state.digest()
                classes[self.digests.get(path)].append(path)
            answer += [group for group in classes.values() if len(group) > 1]
        return sorted(answer)
