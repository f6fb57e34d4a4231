"""Week 1, notebook 1: find equal files while reading as little as possible."""

# %% [md] title
# # Find every duplicate without reading every byte
#
# By the end of this notebook you have a program that finds all equal files in a
# folder, proves that they are equal, and reads less than well-known tools do.

# %% [md] able
# ## You will be able to
#
# * **walk** a real folder without falling into its traps: links, pipes, files that vanish
# * **prune** candidates in stages, so that a byte is read only when it can still decide something
# * **argue** when an equal hash proves equal content, with numbers

# %% [map]
# ## Map

# %% [md] asked
# ## Where this is asked
#
# It is a classic of the 60-minute coding round and of the take-home. You get one
# sentence: "find the duplicate files under this folder". The interviewer scores what
# you ask about (links, huge files, files in use), whether you compare sizes before
# contents, whether you stream instead of loading whole files, and what you say when
# asked "can two different files have the same hash?".
#
# Not taught here: images that merely *look* alike, and fast hash functions for their own sake.

# %% [setup]
import hashlib
import os
from collections import defaultdict

import numpy as np

from course import check, desk, viz, widgets
from course.sim import disk, files
from course.viz import duplicates as draw

desk.open("w1-dedup")

# %% [md] obvious
# ## 1 · What the obvious program costs
#
# The obvious program reads every file, computes a **hash** of it (a short number
# derived from all of its bytes, so that equal files have equal hashes) and groups
# the files by hash. It is right. It is also slow, because a disk is.
#
# Here is the folder that we count on: a made-up shared drive with mail, scans,
# recordings, exports and papers.

# %% drive
drive = files.shared_drive()
total_bytes = sum(file.size for file in drive.values())
print(f"{len(drive)} files, {total_bytes / 1e6:.1f} MB")

# %% [md] guess-floor
# Before you look, guess. Some bytes no exact method can leave unread: to say that two
# files are equal, you must have seen all of both. How many of those megabytes
# belong to files that have a copy?

# %% guess
widgets.predict("floor", "How many MB must any exact method read?", unit="MB")

# %% [md] floor-answer
# Then run this cell. It adds up the sizes of the files that really have a copy:

# %% floor
widgets.reveal(
    "floor",
    files.floor_bytes(drive) / 1e6,
    explain="Everything above this floor is waste that a better order can save.",
)

# %% [md] staged
# ## 2 · Ask the cheap question first
#
# Two files are equal only if **everything** about them is equal, so any cheap
# difference settles the matter:
#
# 1. **Size.** The file system knows it; asking reads no content. A file with a size of its own has no copy.
# 2. **First bytes**, 4 KiB say. Most files that differ do so early.
# 3. **Last bytes.** They catch what shares a header.
# 4. **All bytes**, only for what is left.
#
# Each stage splits a class of candidates into smaller classes and throws away those
# of one file.

# %% funnel
stages = files.funnel(drive, partial=4096)
viz.show(
    draw.funnel(stages),
    alt="Two bar charts: the number of candidate files falls from stage to stage, "
    "and almost all bytes are read in the last stage, the comparison in full.",
)

# %% [md] funnel-read
# Read the left chart from top to bottom: size alone removes two files in three
# without opening one. Read the right chart for what is still wrong: the full
# comparison gets 100 candidates, and 40 of them are no duplicates at all. Section 6
# comes back to those.

# %% [md] by-hand
# ### By hand, on six files
#
# | file | size | content | leaves at stage |
# |---|---|---|---|
# | `a` | 3 | `cat` | – (copy of `f`) |
# | `b` | 3 | `car` | first bytes* |
# | `c` | 5 | `horse` | size |
# | `d` | 0 | | – (copy of `e`) |
# | `e` | 0 | | – (copy of `d`) |
# | `f` | 3 | `cat` | – (copy of `a`) |
#
# *with heads of 3 bytes. With heads of 2 bytes, `b` survives the head and falls at
# the tail. The answer is `[["a", "f"], ["d", "e"]]`: empty files are equal to each
# other, and nothing has to be read to know it.

# %% [md] rules
# ### What the program may ask
#
# Your program sees files through a small interface, so that the same code runs on a
# disk and on a counted folder in memory. `files()` lists a `FileInfo` for each file;
# `open(path)` gives a reader whose `read(offset, n)` returns **up to** `n` bytes, and
# `b""` at the end. Real disks and networks return less than you asked for, too.

# %% interface
six = {"a": b"cat", "b": b"car", "c": b"horse", "d": b"", "e": b"", "f": b"cat"}
counted = files.MemoryFiles(six)
with counted.open("c") as horse:
    print(horse.read(0, 2), horse.read(2, 100), horse.read(5, 100))
print(counted.stat("c"))
print(f"{counted.bytes_read} bytes read, opened: {dict(counted.opens)}")

# %% [md] walking
# ## 3 · A folder is not a tree
#
# Before comparing, you need the list of files, and a real folder contains more
# than files and folders:
#
# * A **symbolic link** is a note that says "look over there". Following it can count a file twice, or walk in circles for ever.
# * **Hard links** are several names for one file. They share an **inode** (the file system's record of the file) and are no duplicates: deleting one frees nothing.
# * An inode number is unique on one **device** (disk) only.
# * A **named pipe** looks like a file, and opening one waits until somebody writes.
#
# `os.lstat(path)` describes what the path itself is, without following a link.

# %% awkward
AWKWARD = {
    "notes.txt": b"remember the milk",
    "same-file.txt": disk.HardLink("notes.txt"),
    "work/plan.txt": b"plan",
    "work/latest": disk.Link("plan.txt"),
    "work/up": disk.Link(".."),
    "queue": disk.Pipe(),
}
with disk.tree(AWKWARD) as root:
    for name in AWKWARD:
        path = os.path.join(root, *name.split("/"))
        print(f"{disk.kind(path)}  inode {os.lstat(path).st_ino}  {name}")

# %% [md] walking-read
# Two names share
# an inode, so they are one file. Of these six names, a walk that is
# looking for duplicates should report two: `notes.txt` and `work/plan.txt`.

# %% [card] e1 minutes=15 core
# Walk a folder
#
# Return a `FileInfo` for every regular file below `root`, sorted by path. A file
# with several names counts once, under its smallest path. Never follow a link
# (a `root` that is itself a link to a folder is walked). Skip what is no regular file, and never open anything.
# When the system refuses a folder or a file, call `on_error(path, error)` if given,
# and go on.

# %% [hand] e1
# **By hand.** For the folder above: `notes.txt` and `same-file.txt` are one file, and
# `"notes.txt" < "same-file.txt"`, so the first name stays. `work/latest` and
# `work/up` are links, `queue` is a pipe. Result: `notes.txt`, `work/plan.txt`.


# %% [answer] e1
def walk_files(
    root: str, *, on_error: files.OnError | None = None
) -> list[files.FileInfo]:
    """Return every regular file below `root` once, sorted by path.

    `on_error(path: str, error: OSError)` hears of each folder or file that cannot
    be examined. Links are not followed. One entry per (device, inode): the
    smallest path.
    """
    ### BEGIN SOLUTION
    found: dict[tuple[int, int], files.FileInfo] = {}

    def refused(path: str, error: OSError) -> None:
        if on_error is not None:
            on_error(path, error)

    folders = [root]
    while folders:
        folder = folders.pop()
        try:
            with os.scandir(folder) as listing:
                entries = list(listing)
        except OSError as error:
            refused(folder, error)
            continue
        for entry in entries:
            try:
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
                elif entry.is_file(follow_symlinks=False):
                    # Not entry.stat(): on Windows it leaves device and inode at 0.
                    status = os.lstat(entry.path)
                    key = status.st_dev, status.st_ino
                    info = files.FileInfo(entry.path, status.st_size, *key)
                    if key not in found or info.path < found[key].path:
                        found[key] = info
            except OSError as error:
                refused(entry.path, error)
    return sorted(found.values())
    ### END SOLUTION


# %% [look] e1
def names_found(root: str) -> list[str]:
    return [
        os.path.relpath(info.path, root).replace(os.sep, "/")
        for info in walk_files(root)
    ]


with disk.tree(AWKWARD) as root_to_look_at:
    viz.beside(
        viz.attempt(names_found, root_to_look_at),
        ["notes.txt", "work/plan.txt"],
        draw.listing(AWKWARD),
        alt="Two lists of the six names, yours and the expected one; a filled dot "
        "marks a name that the walk reports.",
    )

# %% [check] e1 points=2
with disk.tree({"b.txt": b"22", "a/c.txt": b"333", "up": disk.Link(".")}) as root:
    shown = "walk_files(root) with a/c.txt, b.txt and a link to the folder itself"
    check.equal(
        check.call(walk_files, root, shown=shown),
        disk.infos(root, "a/c.txt", "b.txt"),
        shown=shown,
        hint="list folders with os.scandir, and ask for follow_symlinks=False",
    )

# %% [grade] e1.links points=4 mode=shared
# Links to files, to folders, in circles, to nothing; a root that is a link.

# %% [grade] e1.identity points=3 mode=shared
# Several names for one file; two disks that use the same inode number.

# %% [grade] e1.faults points=3 mode=shared
# A folder that may not be listed; a file that vanishes while you walk.

# %% [grade] e1.shape points=3 mode=shared
# Pipes, empty folders, odd names, the order of the result, 300 folders deep.

# %% [hints] e1
# nudge: What does your program do when it meets a link to the folder it is in?
#
# idea: Keep a list of folders still to visit. For each entry, ask what it is without following links, and remember the files you have seen by device and inode.
#
# outline: Take a folder from the list; list it inside a try. For each entry inside another try: a folder goes onto the list, a regular file is looked up with lstat and stored under (device, inode) if its path is the smallest so far. Sort at the end.

# %% [md] streaming
# ## 4 · Read in pieces
#
# A file can be larger than your memory, so a full hash is computed in pieces: hash
# objects from `hashlib` have `update(piece)` and, at the end, `digest()`. The result
# is the same however the pieces are cut:

# %% pieces
whole = hashlib.sha256(b"deduplicate").hexdigest()
piecewise = hashlib.sha256()
for piece in (b"dedup", b"", b"licate"):
    piecewise.update(piece)
print(whole[:16], piecewise.hexdigest()[:16], whole == piecewise.hexdigest())

# %% [md] short-reads
# Two things go wrong in practice. A read may be **short**: you ask for 4,096 bytes
# and get 100, though the file goes on; only `b""` means the end. And a file may
# **change** between listing and reading: a log grows, a download is cut. Then a hash
# describes a file that never existed, and you want to know.

# %% [card] e2 minutes=10 core
# Hash a stream
#
# Given `read(offset, n)` and the `size` you were told, return the digest of exactly
# those bytes. Ask for at most `chunk` bytes at a time and keep at most a few chunks
# in memory. Raise `files.FileChanged` when the stream ends before `size` bytes, or
# still has bytes after them.

# %% [hand] e2
# **By hand.** `size=5`, `chunk=2`, and a reader that returns one byte at a time:
# ask (0, 2) → 1 byte, ask (1, 2) → 1 byte, … ask (4, 1) → 1 byte. Now you have 5.
# Ask (5, 1): nothing comes, so the file is as long as promised.


# %% [answer] e2
def hash_stream(
    read: files.Read,
    size: int,
    *,
    chunk: int = 1 << 20,
    hasher: files.Hasher = hashlib.sha256,
) -> bytes:
    """Return the digest (bytes) of the `size` bytes that `read` delivers.

    `read(offset: int, n: int) -> bytes` may return fewer than n bytes; b"" is the
    end. `chunk` is in bytes. `hasher()` makes an object with update and digest.
    Raises files.FileChanged when the stream is shorter or longer than `size`.
    """
    ### BEGIN SOLUTION
    digest = hasher()
    offset = 0
    while offset < size:
        data = read(offset, min(chunk, size - offset))
        if not data:
            raise files.FileChanged(f"ends after {offset} of {size} bytes")
        digest.update(data)
        offset += len(data)
    if read(size, 1):
        raise files.FileChanged(f"goes on after {size} bytes")
    return digest.digest()
    ### END SOLUTION


# %% [look] e2
def requests_made(size: int, chunk: int) -> list[tuple[int, int]]:
    asked = []

    def read(offset: int, n: int) -> bytes:
        asked.append((offset, n))
        return bytes(min(n, 700, max(0, size - offset)))

    hash_stream(read, size, chunk=chunk)
    return asked


viz.beside(
    viz.attempt(requests_made, 4000, 1024),
    [(at, min(1024, 4000 - at)) for at in range(0, 4000, 700)] + [(4000, 1)],
    draw.requests(size=4000, delivered=700),
    titles=("your requests", "expected"),
    alt="Requests for 1,024 bytes (blue) of which a slow reader delivers 700 (black): "
    "each next request starts where the delivered bytes ended.",
)

# %% [md] requests-read
# Blue is what a request asks for, black is what this reader delivers. Each request
# must start where the black of the one before it ends.

# %% [check] e2 points=2 mode=split
text = b"the quick brown fox"
with files.MemoryFiles({"fox": text}, most=7).open("fox") as fox:
    check.case(
        hash_stream,
        fox.read,
        len(text),
        chunk=8,
        want=hashlib.sha256(text).digest(),
        shown="hash_stream(read, 19, chunk=8), at most 7 bytes a read",
        hint="advance by what came back, not by what you asked for",
    )

# %% [grade] e2.short points=3 mode=split
# Readers that deliver 1 to 7 bytes at a time; chunk 1; size 0; another hasher.

# %% [grade] e2.memory points=2 mode=shared
# 16 MiB in chunks of 256 KiB, with the peak of memory measured.

# %% [grade] e2.changes points=3 mode=split
# Streams that end early or go on too long.

# %% [hints] e2
# nudge: How does your loop know that it is done: by counting requests, or by counting bytes?
#
# idea: Keep one number, the offset of the next byte you need. It grows by the length of what came back.
#
# outline: While the offset is below the size, ask for the smaller of chunk and what is missing; nothing back means the file shrank; otherwise update and advance. After the loop, ask for one more byte: if one comes, the file grew.

# %% [md] proof
# ## 5 · Candidates, then proof
#
# An equal hash is a strong hint, not a definition of equal. Different files *can*
# share a digest; for a weak hash somebody can make them do so on purpose. Two honest
# ways out:
#
# * use a cryptographic hash and state the odds (section 8 computes them), or
# * treat the hash as a nomination and **compare the bytes** of the nominees.
#
# Comparing bytes has a cost of its own, so your function gets a switch, `verify`.
# With `verify=True` the result is exact whatever the hash does, even one that
# returns the same digest for everything.

# %% [md] splitting
# ### The one tool you need
#
# Every stage does the same: take a class of candidates, compute a key for each, and
# split it by key. Lone files leave; so does a file that cannot be read, alone:


# %% split
def split(paths: list[str], key) -> list[list[str]]:
    """Split `paths` by `key(path)`; drop lone files and those that raise OSError."""
    classes = defaultdict(list)
    for path in paths:
        try:
            classes[key(path)].append(path)
        except OSError:
            continue
    return [members for members in classes.values() if len(members) > 1]


print(split(list(six), key=lambda path: len(six[path])))
print(split(["a", "b", "f"], key=lambda path: six[path][:2]))

# %% [card] e3 minutes=20 core
# Find the duplicates
#
# Return the groups of equal files, each group sorted, groups sorted. Read a file's
# first `partial` bytes, then its last, then hash it in full, each time only if it
# still has company. Empty files are equal unread; a unique size is never opened; a
# file of at most `partial` bytes is read once; no request exceeds 1 MiB. A file that
# raises `OSError` drops out alone. `verify=True` makes the groups exact for any hasher.

# %% [hand] e3
# **By hand.** The six files with `partial=2`. Size 5: alone, out. Size 0: `d`, `e`,
# done. Size 3: heads `ca`, `ca`, `ca`; the rest (1 byte each): `t`, `r`, `t`, so `b` is out.
# Result: `[["a", "f"], ["d", "e"]]`, 9 bytes read.


# %% [answer] e3
def find_duplicates(
    fs: files.FileSystem,
    *,
    partial: int = 4096,
    hasher: files.Hasher = hashlib.sha256,
    verify: bool = True,
) -> list[list[str]]:
    """Return the groups (two or more paths) of files with equal content.

    `partial` is the bytes compared at each end before a full hash. Groups are
    sorted inside and among each other. Files that raise OSError are left out.
    """
    ### BEGIN SOLUTION
    size = {info.path: info.size for info in fs.files()}

    def span(path: str, start: int, stop: int) -> bytes:
        pieces = []
        with fs.open(path) as file:
            while start < stop:
                piece = file.read(start, min(stop - start, 1 << 20))
                if not piece:
                    raise files.FileChanged(f"{path} ends at byte {start}")
                pieces.append(piece)
                start += len(piece)
        return b"".join(pieces)

    def head(path: str) -> bytes:
        return span(path, 0, min(partial, size[path]))

    def tail(path: str) -> bytes:
        return span(path, max(partial, size[path] - partial), size[path])

    def digest(path: str) -> bytes:
        with fs.open(path) as file:
            return hash_stream(file.read, size[path], hasher=hasher)

    def exactly_equal(paths: list[str], block: int = 1 << 16) -> list[list[str]]:
        classes, length = [paths], size[paths[0]]
        for start in range(0, length, block):
            stop = min(start + block, length)
            classes = [
                part
                for members in classes
                for part in split(members, lambda path: span(path, start, stop))
            ]
        return classes

    groups = []
    for same_size in split(list(size), size.get):
        length = size[same_size[0]]
        if length == 0:
            groups.append(same_size)
            continue
        for same_head in split(same_size, head):
            if length <= partial:
                groups.append(same_head)
                continue
            for same_ends in split(same_head, tail):
                for nominees in split(same_ends, digest):
                    groups += exactly_equal(nominees) if verify else [nominees]
    return sorted(sorted(group) for group in groups)
    ### END SOLUTION


# %% [look] e3
def megabytes(find, **options) -> float:
    counting = files.MemoryFiles(drive)
    find(counting, **options)
    return counting.bytes_read / 1e6


OTHERS = {tool: read / 1e6 for tool, read in files.tool_figures().items()}
OTHERS |= {"hash everything": total_bytes / 1e6, "floor": stages[-1].size / 1e6}
bill_e3 = viz.attempt(megabytes, find_duplicates, verify=False)
viz.show(
    draw.bill(OTHERS, yours={"you, staged": bill_e3}),
    alt="Horizontal bars: megabytes read by hashing everything, by fdupes, jdupes, "
    "rdfind and rmlint, by your function once it is written, and the floor.",
)

# %% [md] bill-read
# The tools' bars were measured: the folder was written to disk, each program ran on
# it under `strace`, and the bytes returned by its read calls were added up
# (`benchmarks/dedup_tools.py` repeats this). Yours counts with `verify=False`.

# %% [check] e3 points=3
six_files = files.MemoryFiles(
    {"a": b"cat", "b": b"car", "c": b"horse", "d": b"", "e": b"", "f": b"cat"}
)
shown = "find_duplicates(six files, partial=2)"
groups = check.call(find_duplicates, six_files, partial=2, shown=shown)
check.equal(groups, [["a", "f"], ["d", "e"]], shown=shown, hint="see 'By hand'")
check.true(
    six_files.opens["c"] == 0,
    shown=shown,
    said="opened 'c', the only file of 5 bytes",
    hint="a unique size cannot have a copy: drop it before opening",
)

# %% [grade] e3.exact points=6 mode=split
# Differences in the first, a middle, the last byte; three classes of one size;
# random folders.

# %% [grade] e3.pruned points=5 mode=split
# Unique sizes, empty files, files not longer than `partial`: what is opened, what
# is read twice.

# %% [grade] e3.collisions points=4 mode=split
# Hashers that collide, on purpose, always.

# %% [grade] e3.bytes points=4 mode=split
# Bytes read on a smaller shared drive, against the funnel of section 2.

# %% [grade] e3.hard points=3 mode=split
# Unreadable and changing files, short reads, the size of a request, forty files of
# one size.

# %% [hints] e3
# nudge: Which question about two files costs nothing at all?
#
# idea: Nest the stages: for each class of equal size, for each class of equal heads in it, for each class of equal ends. `split` does the work at each level.
#
# outline: Group by size; empty classes are done. Split by head, and stop there if the head was the whole file. Split by tail, and stop if head and tail covered it. Split by full digest. To verify, compare the members block by block, or each member with one representative per class. Sort at the end.

# %% [md] own-folder
# ### On a folder of your own
#
# Enough of made-up files. This runs your two functions on a real folder: by default
# the NumPy library on your disk. Set `folder = os.path.expanduser("~/Downloads")` and
# run it again; nothing is ever changed or deleted.

# %% real
folder = os.path.dirname(np.__file__)


def report_duplicates(folder: str) -> None:
    found = disk.DiskFiles(walk_files(folder))
    size = {info.path: info.size for info in found.files()}
    groups = find_duplicates(found)
    spare = sum(size[path] for group in groups for path in group[1:])
    print(f"{len(size)} files, {sum(size.values()) / 1e6:.1f} MB in {folder}")
    print(f"{len(groups)} groups of duplicates, {spare / 1e6:.2f} MB could be freed")
    for group in sorted(groups, key=lambda group: -size[group[0]])[:5]:
        names = ", ".join(os.path.relpath(path, folder) for path in group[:3])
        print(f"{size[group[0]]:9,} bytes × {len(group)}: {names[:90]}")


problem = viz.attempt(report_duplicates, folder)

# %% [md] which-partial
# ### How much is "the first bytes"?
#
# A small head reads little and separates little; a large one reads much of files
# that were different anyway. Which size is best depends on the folder. Before you
# move the slider: on the *slides* (many files made from one template) do you expect
# the best head to be smaller or larger than on the *photos*?

# %% partial-curve
FOLDERS = {
    "drive": drive,
    "photos": files.photo_library(),
    "slides": files.templates(),
}
SIZES = [1 << power for power in range(8, 19)]


def staged_bill(partial: int = 4096) -> tuple[int, list[int], dict]:
    curves = {
        name: [
            sum(stage.read for stage in files.funnel(folder, size)) / 1e6
            for size in SIZES
        ]
        for name, folder in FOLDERS.items()
    }
    return partial, SIZES, curves


# %% [md] partial-explore-intro
# Move the slider to the lowest point of each curve, and ask what happens just before it.

# %% partial-explore
widgets.explore(
    staged_bill,
    lambda result: draw.staged(*result),
    question="Where is the cheapest head for each folder, and why there?",
    alt="Megabytes read against the size of head and tail for three folders: photos "
    "only rise; slides fall up to 8 KiB and the drive up to 16 KiB, then both rise.",
    partial=SIZES,
)

# %% [md] partial-read
# The photographs differ in size already, so every byte of a head is waste. The
# slides share long headers and the same last 4 KiB: a look at the end decides as soon
# as it is longer than that. The drive's exports share their last 8 KiB, so there the
# bill falls once the look reaches 16 KiB. Beyond, you read what you did not need.
#
# No single number is right for all three, which is what the next section repairs.

# %% [md] growing
# ## 6 · Stop at the first difference
#
# What is left to save? The 40 exports on the drive share their first 40 KiB and
# their last 8 KiB, so the stages hash all of each, a megabyte apiece, to learn what byte 40,961 says.
#
# Read the class **side by side** instead: one block of every member, split, go on
# with what is still together. Let the block **grow**, doubling each time: the first
# differences cost a few kilobytes, a long common prefix costs at most about twice its
# length, and true duplicates are read in large, efficient pieces.


# %% growth-intro-figure
PLANS = {"fixed": [64] * 4, "doubling": [4, 8, 16, 32, 64, 128]}

viz.show(
    draw.growth(PLANS, difference=40),
    alt="Two rows of blocks from the start of a file: fixed blocks of 64 KiB, and "
    "blocks doubling from 4 KiB; a line at 40 KiB marks the first difference.",
)

# %% [md] growing-limits
# Side by side has its own trap: a class of 5,000 files, each held open, meets the
# system's limit on open files. Opening again for each block costs microseconds;
# reading from a disk costs more. So open, read one block, close.

# %% [card] e4 minutes=20 core
# Stop at the first difference
#
# Same result as before, exact, no hash needed. Compare the head (`first` bytes), then
# the tail, then blocks that double from the front up to `block` bytes. Stop reading a
# file as soon as it has no company. Few files open at once (8 must do), no request above
# `block`. Target on the shared drive: at most 1.4 times the floor; 2.2 times earns part.

# %% [hand] e4
# **By hand.** Three files of 20 bytes, `first=4`: compare bytes 0–3, then 16–19,
# then 4–11 (8 bytes), then 12–15. If one differs in byte 5, it leaves after
# 4 + 4 + 8 = 16 bytes, and the other two are read to the end.


# %% [answer] e4
def find_duplicates_progressive(
    fs: files.FileSystem, *, first: int = 4096, block: int = 1 << 18
) -> list[list[str]]:
    """Return the groups of equal files, reading block by block until they differ.

    `first` is the head and tail in bytes, `block` the largest request in bytes.
    Groups are sorted inside and among each other. Files that raise OSError are
    left out; few files are open at any moment.
    """
    ### BEGIN SOLUTION
    size = {info.path: info.size for info in fs.files()}

    def span(path: str, start: int, stop: int) -> bytes:
        pieces = []
        with fs.open(path) as file:
            while start < stop:
                piece = file.read(start, stop - start)
                if not piece:
                    raise files.FileChanged(f"{path} ends at byte {start}")
                pieces.append(piece)
                start += len(piece)
        return b"".join(pieces)

    def spans(length: int):
        """Yield (start, stop) in the order of reading; together they cover it."""
        head = min(first, length)
        tail = max(head, length - first)
        yield 0, head
        yield tail, length
        step = first
        start = head
        while start < tail:
            step = min(2 * step, block)
            yield start, min(start + step, tail)
            start += step

    groups = []
    for classes in ([same_size] for same_size in split(list(size), size.get)):
        for start, stop in spans(size[classes[0][0]]):
            if start == stop:
                continue
            classes = [
                part
                for members in classes
                for part in split(members, lambda path: span(path, start, stop))
            ]
            if not classes:
                break
        groups += classes
    return sorted(sorted(group) for group in groups)
    ### END SOLUTION


# %% [look] e4
bill_e4 = viz.attempt(megabytes, find_duplicates_progressive)
viz.show(
    draw.bill(OTHERS, {"you, staged": bill_e3, "you, block by block": bill_e4}),
    alt="The bars of section 5 with a second bar of yours for the block-by-block "
    "function, which should end close above the floor.",
)

# %% [check] e4 points=2
twins = {"x": bytes(20), "y": bytes(20), "z": bytes(5) + b"!" + bytes(14)}
side_by_side = files.MemoryFiles(twins)
shown = "find_duplicates_progressive(three files of 20 bytes, first=4)"
groups = check.call(find_duplicates_progressive, side_by_side, first=4, shown=shown)
check.equal(groups, [["x", "y"]], shown=shown, hint="see 'By hand'")
check.at_most(
    side_by_side.bytes_of["z"],
    16,
    "bytes read of z",
    shown=shown,
    hint="z is alone after byte 11: nothing more of it needs reading",
)

# %% [grade] e4.exact points=5 mode=split
# Differences at every place, block boundaries among them; many classes; random folders.

# %% [grade] e4.limits points=3 mode=split
# Eight open files for a class of twenty, size and number of requests, no byte twice,
# unreadable files.

# %% [grade] e4.fair points=2 mode=split
# At most 2.2 times the floor on a smaller shared drive.

# %% [grade] e4.best points=3 mode=split
# At most 1.4 times the floor on a smaller shared drive.

# %% [hints] e4
# nudge: After which byte could you have stopped reading each export?
#
# idea: Fix the order of the blocks for one size first, as a list of (start, stop). Then the search is one loop over that list, splitting every class that is left.
#
# outline: For each class of equal size: for each (start, stop) of head, tail, then doubling blocks in between, split each remaining class by those bytes; stop when no class is left. What survives all blocks is equal. Beware of heads and tails that overlap in short files.

# %% [md] chunks
# ## 7 · Inside the file
#
# Backup programs find duplicates *within* files: they cut files into **chunks** and
# store each distinct chunk once. Predict first. You have 200 KB cut every 4 KiB, and
# somebody inserts one byte at the very start.

# %% guess-chunks
widgets.predict(
    "chunks", "What share of the old chunks appears again, unchanged?", unit="%"
)

# %% [md] chunks-answer
# Cut both versions, and count the chunks that the old store already has:

# %% fixed-chunks
before = np.random.default_rng(7).bytes(200_000)
after = b"!" + before


def reused(old: list[bytes], new: list[bytes]) -> float:
    return 100 * sum(chunk in set(old) for chunk in new) / len(new)


def fixed(data: bytes, size: int = 4096) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


widgets.reveal(
    "chunks",
    reused(fixed(before), fixed(after)),
    explain="Every cut moved by one byte against the content, so every chunk is new.",
)

# %% [md] content-defined
# ### Let the content choose the cuts
#
# **Content-defined chunking** cuts where the last few bytes look a certain way, so
# cuts move along with the content. A **gear hash** makes this cheap: with a table of
# 256 random 64-bit numbers,
#
# `h = (2·h + gear[byte]) mod 2⁶⁴`
#
# Doubling pushes old bytes out at the top: after 64 bytes a byte is forgotten. Cut
# after a byte that leaves `h` below a limit. With `h < 2⁶⁴⁻ᵏ` that happens once in 2ᵏ
# bytes on average. (Xia and others, *FastCDC*, 2016.)

# %% gear
GEAR = tuple(
    int(number)
    for number in np.random.default_rng(64).integers(0, 2**64, 256, dtype=np.uint64)
)
h, rare = 0, []
for position, byte in enumerate(before[:40_000]):
    h = (2 * h + GEAR[byte]) % 2**64
    if h < 2 ** (64 - 12):
        rare.append(position)
print(f"k = 12: {len(rare)} cuts in 40,000 bytes, one in {40_000 // len(rare)}")

# %% [card] e5 minutes=25 stretch
# Cut by content
#
# Return the chunks as (offset, length), covering `data` in order. In each chunk, start
# with `h = 0` at its byte `min_size`. Cut after the first byte that leaves
# `h < 2**(64-k-1)` while the chunk is shorter than `avg_size`, `h < 2**(64-k+1)` from
# then on, with `k = round(log2(avg_size))`; at the latest at `max_size`. A cut depends
# on its own chunk only. The last chunk may be short.

# %% [hand] e5
# **By hand.** `min_size=2, max_size=6` and data in which nothing ever falls below the
# limit: 15 bytes become (0, 6), (6, 6), (12, 3). Constant data behave like that,
# which is why `max_size` exists.


# %% [answer] e5
def cdc_chunks(
    data: bytes, *, min_size: int, avg_size: int, max_size: int, gear=GEAR
) -> list[tuple[int, int]]:
    """Return content-defined chunks of `data` as (offset, length), in bytes.

    No chunk is longer than max_size; none but the last is shorter than min_size.
    `gear` holds 256 numbers below 2**64. Source: Xia et al., FastCDC, 2016.
    """
    ### BEGIN SOLUTION
    bits = round(np.log2(avg_size))
    strict, loose = 1 << (64 - bits - 1), 1 << (64 - bits + 1)
    wrap = (1 << 64) - 1
    chunks = []
    start = 0
    while start < len(data):
        stop = min(start + max_size, len(data))
        fingerprint = 0
        for at in range(start + min_size, stop):
            fingerprint = (2 * fingerprint + gear[data[at]]) & wrap
            limit = strict if at + 1 - start < avg_size else loose
            if fingerprint < limit:
                stop = at + 1
                break
        chunks.append((start, stop - start))
        start = stop
    return chunks
    ### END SOLUTION


# %% [look] e5
def content_defined(data: bytes) -> list[bytes]:
    cuts = cdc_chunks(data, min_size=1024, avg_size=4096, max_size=16384)
    return [data[offset : offset + length] for offset, length in cuts]


pair = viz.attempt(lambda: [content_defined(before), content_defined(after)])
viz.show(
    draw.reuse(
        {"fixed": (fixed(before), fixed(after))}
        | ({} if isinstance(pair, Exception) else {"yours": pair})
    ),
    alt="Two strips of chunks after one byte was inserted at the start: all fixed "
    "chunks are new, nearly all content-defined chunks are known.",
)

# %% [check] e5 points=2
check.case(
    cdc_chunks,
    bytes(15),
    min_size=2,
    avg_size=4,
    max_size=6,
    gear=(2**63,) * 256,
    want=[(0, 6), (6, 6), (12, 3)],
    shown="cdc_chunks(15 zeros, min_size=2, avg_size=4, max_size=6)",
    hint="no cut by content here: max_size cuts",
)

# %% [grade] e5.cover points=3 mode=split
# Every byte once and in order, the limits on length, empty and tiny data.

# %% [grade] e5.reuse points=4 mode=split
# Inserting, deleting and changing a byte.

# %% [grade] e5.local points=3 mode=split
# A cut depends on its own chunk only; the gear table is used.

# %% [grade] e5.rule points=3 mode=split
# Exactly the rule of the task on random data, both limits; constant data.

# %% [hints] e5
# nudge: If the same 300 bytes appear at another offset, must your cut fall on the same byte?
#
# idea: One outer loop over chunks, one inner loop over the bytes that may end the chunk. Everything the inner loop uses starts afresh with the chunk.
#
# outline: While data are left: set the latest stop from max_size and the end of the data; start h at 0; run from byte min_size of the chunk; choose the limit by how long the chunk would be; stop early when h falls below it; record (start, length).

# %% [md] live
# ### A folder that keeps changing
#
# A service that watches a folder hears of changes one by one and must not rescan. It
# keeps an index and works **lazily**: a file of a unique size is not read until another
# of the same size appears, and a digest once computed serves until its file is modified.

# %% [card] e6 minutes=20 stretch
# A live index
#
# Keep the groups of equal files up to date from events: `on_event(kind, path, dst)`
# with kind `"add"`, `"modify"`, `"delete"` or `"rename"` (to `dst`, replacing what was
# there). Read a file only if its size is not unique, and only once until it is modified.
# A rename reads nothing. Empty files are equal unread. `groups()` answers as before; a file
# that cannot be read, or has vanished, is left out.

# %% [hand] e6
# **By hand.** Add `a` (3 bytes): nothing read. Add `b` (3 bytes): both must be hashed,
# at the latest when somebody asks. Rename `b` to `c`: its digest moves with it. Modify `a`:
# its digest is void. Delete `c`: `a` is alone again.


# %% [answer] e6
class LiveIndex:
    """Groups of equal files, kept up to date by events.

    `fs` answers `stat(path)` (raises FileNotFoundError) and `open(path)`;
    `hasher()` makes an object with update and digest.
    """

    def __init__(
        self, fs: files.MemoryFiles, *, hasher: files.Hasher = hashlib.sha256
    ) -> None:
        ### BEGIN SOLUTION
        self._fs = fs
        self._hasher = hasher
        self._size: dict[str, int] = {}
        self._digest: dict[str, bytes] = {}
        ### END SOLUTION

    def on_event(self, kind: str, path: str, dst: str | None = None) -> None:
        """Take note of one change; `dst` is the new path of a rename.

        Raises ValueError for a kind that it does not know.
        """
        ### BEGIN SOLUTION
        if kind == "rename":
            size = self._size.pop(path, None)
            digest = self._digest.pop(path, None)
            self._forget(dst)
            if size is not None:
                self._size[dst] = size
            if digest is not None:
                self._digest[dst] = digest
        elif kind in ("add", "modify", "delete"):
            self._forget(path)
            if kind != "delete":
                try:
                    self._size[path] = self._fs.stat(path).size
                except OSError:
                    pass  # gone again: there will be news of that too
        else:
            raise ValueError(f"unknown kind of event: {kind!r}")
        ### END SOLUTION

    def groups(self) -> list[list[str]]:
        """Return the groups of two or more equal files, sorted."""
        ### BEGIN SOLUTION
        return sorted(
            sorted(group)
            for same_size in split(list(self._size), self._size.get)
            for group in split(same_size, self._known_digest)
        )

    def _forget(self, path: str) -> None:
        self._size.pop(path, None)
        self._digest.pop(path, None)

    def _known_digest(self, path: str) -> bytes:
        size = self._size[path]
        if size == 0:
            return b""
        if path not in self._digest:
            with self._fs.open(path) as file:
                self._digest[path] = hash_stream(file.read, size, hasher=self._hasher)
        return self._digest[path]
        ### END SOLUTION


# %% [look] e6
def play(make_index, days: int = 12) -> list[int]:
    store = files.MemoryFiles({})
    index, bill = make_index(store), []
    for day in range(days):
        store.contents[f"{day}.log"] = bytes(1000 + 100 * (day // 3))
        index.on_event("add", f"{day}.log")
        index.groups()
        bill.append(store.bytes_read)
    return bill


class Rescan:
    def __init__(self, fs) -> None:
        self.fs = fs

    def on_event(self, *event) -> None:
        for info in self.fs.files():
            with self.fs.open(info.path) as file:
                file.read(0, info.size)

    def groups(self) -> None:
        return None


viz.show(
    draw.upkeep(play(Rescan), viz.attempt(play, LiveIndex)),
    alt="Bytes read after each of twelve events: the full rescan grows faster and "
    "faster, the index in small steps.",
)

# %% [check] e6 points=1
store = files.MemoryFiles({"a": b"one", "b": b"two", "c": b"one"})
index = check.call(LiveIndex, store, shown="LiveIndex(fs)")
for path in "abc":
    index.on_event("add", path)
check.equal(index.groups(), [["a", "c"]], shown="groups() after adding a, b, c")

# %% [grade] e6.events points=4 mode=split
# Add, modify, delete, rename in long random sequences, against a rescan.

# %% [grade] e6.lazy points=5 mode=split
# What is read, and how often.

# %% [hints] e6
# nudge: Which two facts about a file does the index need, and when does each become void?
#
# idea: Two dictionaries: size by path and digest by path. An event only edits them; reading waits until someone asks for groups.
#
# outline: Modify and delete drop the digest; add and modify look up the size; rename moves both entries. groups() splits by size first, then by digest, which it computes for members that have none yet.

# %% [md] odds
# ## 8 · Is an equal hash a proof?
#
# With `n` files and digests of `b` bits, the chance that *some* two different files
# collide is about `1 − exp(−n(n−1) / 2ᵇ⁺¹)`: the **birthday bound**. It grows with the
# square of `n`, because it is pairs that collide, not files. Move the sliders: ten times as
# many files, how many times the chance?


# %% birthday
def collision(files_log10: float = 8.0, bits: int = 64) -> dict:
    exponents = np.linspace(1, 15, 141)
    return {
        "bits": bits,
        "files": 10**files_log10,
        "curves": {b: _odds(10**exponents, b) for b in sorted({32, 64, 128, bits})},
        "x": 10**exponents,
        "odds": float(_odds(np.array([10.0**files_log10]), bits)[0]),
    }


def _odds(n: np.ndarray, bits: int) -> np.ndarray:
    return -np.expm1(-n * (n - 1) / 2.0 ** (bits + 1))


# %% [md] birthday-explore-intro
# Which digest is long enough for you?

# %% birthday-explore
widgets.explore(
    collision,
    draw.collision,
    question="How many bits keep 100 million files below one in a billion?",
    alt="The chance of a collision against the number of files, both logarithmic: a "
    "digest gives a line that rises two decades for each decade of files, up to one.",
    files_log10=(1.0, 15.0, 0.5),
    bits=[32, 48, 64, 96, 128, 256],
)

# %% [md] half-points
# The same in numbers: how many files make the odds even?

# %% even-odds
for bits in (32, 64, 128, 256):
    even = np.sqrt(2 * np.log(2) * 2.0**bits)
    print(f"{bits:3} bits: even odds at {even:.2g} files")

# %% [md] odds-read
# For comparison with other risks: the bound assumes that nobody is *trying* to make
# files collide. For MD5 and SHA-1 somebody can (Stevens and others, *The first
# collision for full SHA-1*, 2017), whatever the bound says.

# %% [essay] e7 points=10 rubric=collisions minutes=10 stretch
# Defend your design
#
# In at most 150 words, to a colleague who wants to ship "equal SHA-256, so delete the
# copy": say with a number for 10 million files how likely a chance collision is; when
# comparing bytes is cheaper than hashing and when it is dearer; what can happen to a
# file between your comparison and the deletion, and what you would do about it; and in
# which order you would read the files of a spinning disk.

# %% [rubric] collisions
# **A strong answer contains**
#
# * a number from the birthday bound: n = 10⁷, b = 256 gives about n²/2²⁵⁷ ≈ 4·10⁻⁶⁴; names the attack as another matter than chance
# * two files of equal size: comparing bytes reads at most what hashing reads and stops early; N files in many classes: hashing reads each once while pairwise comparison reads again and again; side-by-side comparison gets both, if handles and memory allow
# * the file may change after the check (TOCTOU): check again just before acting, on an open handle; replace by a link atomically, or quarantine rather than delete
# * order by physical place (or inode as a stand-in), not by class, so that the head does not jump
#
# **Red flags**: "SHA-256 cannot collide"; a probability for one pair where all pairs count; deleting by path after a scan that took an hour; no number at all.
#
# **Levels**
#
# * 0–2: restates the design, or claims that hashes are unique
# * 3–5: names collisions and one hazard, without numbers or remedies
# * 6–8: a right number, both cost cases, one remedy for a change in between
# * 9–10: all of it, brief, and says what was given up

# %% [md] aloud
# ## Say it out loud
#
# Rehearse in 90 seconds, standing up: "I group by size, because that is free. In each
# class I compare a small head and tail, then growing blocks side by side, and drop a
# file the moment it is alone. What survives has been compared byte for byte, so no
# hash has to be trusted. It reads *x* times the floor on my test folder. Links are not
# followed, hard links count once, unreadable files are reported and skipped." Then
# say what you would measure next.

# %% [md] follow
# ## Follow-ups
#
# 1. Should hard links be reported? To whom does it matter?
# 2. Ten terabytes on one spinning disk: what changes in the order of reading?
# 3. Use eight worker threads. Where is the limit: processor, disk, open files? Which stage gains?
# 4. The files are in an object store that offers an ETag per object. When is it a content hash, and when not?
# 5. A thousand machines: what do you shuffle first, and how large is a Bloom filter for 10⁹ digests at 1 % false positives?
# 6. Somebody plants files that collide under MD5. Which of your functions notice?
# 7. A cloud store keeps one copy for all its customers. What does a fast upload tell a stranger?

# %% [md] deeper
# ## Go deeper
#
# * W. Xia and others, *FastCDC: a Fast and Efficient Content-Defined Chunking Approach for Data Deduplication*, USENIX ATC 2016
# * A. Muthitacharoen, B. Chen, D. Mazières, *A Low-bandwidth Network File System*, SOSP 2001: content-defined chunks at work
# * M. Stevens and others, *The first collision for full SHA-1*, CRYPTO 2017: two files, one digest, on purpose

# %% [review]
# ## Review cards
#
# Q: Why does comparing sizes first cost nothing?
# A: The file system stores the size beside the name; no content is read. A file with a unique size has no duplicate.
#
# Q: Which key identifies a file behind its names?
# A: The pair (device, inode). The inode number alone repeats on another disk.
#
# Q: `read(offset, n)` returned fewer than `n` bytes. What do you know?
# A: Nothing about the end. Only an empty result means that the file is over.
#
# Q: What is the least that an exact search for duplicates must read?
# A: Every byte of every file that has a duplicate. Anything above is avoidable.
#
# Q: Why let blocks double?
# A: A prefix of p equal bytes costs at most about 2p, and long files are still read in few, large requests.
#
# Q: Why does inserting one byte ruin fixed-size chunks but not content-defined ones?
# A: Fixed cuts stand at offsets, so they shift against the content. Content-defined cuts move with the bytes around them.
#
# Q: At how many files does a 32-bit checksum collide with even odds?
# A: About 77,000: the square root of 2 ln 2 · 2³², because pairs collide.
