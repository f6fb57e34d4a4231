"""Hidden tests of notebook 1 of week 1, one block for each graded cell."""

# %% [grade] e1.links
shown = "walk_files(root/in), where in/away is a symbolic link to root/out"
never = "never follow a link below root: is_dir and is_file take follow_symlinks=False"
with disk.tree(
    {"in/a.txt": b"a", "in/away": disk.Link("../out"), "out/b.txt": b"b"}
) as root:
    inside = os.path.join(root, "in")
    got = check.call(walk_files, inside, shown=shown, hint=never)
    check.equal(got, disk.infos(inside, "a.txt"), shown=shown, hint=never)

shown = "walk_files(a folder with symbolic links)"
with disk.tree(
    {
        "a.txt": b"a",
        "b/c.txt": b"c",
        "b/up": disk.Link(".."),
        "b/self": disk.Link("self"),
        "d/other": disk.Link("../b"),
        "to-file": disk.Link("a.txt"),
        "to-folder": disk.Link("b"),
        "to-nothing": disk.Link("gone"),
    }
) as root:
    got = check.within(walk_files, root, seconds=3, shown=shown, hint=never)
    check.equal(got, disk.infos(root, "a.txt", "b/c.txt"), shown=shown, hint=never)

shown = "walk_files(a link to a folder)"
with disk.tree({"real/a.txt": b"a", "door": disk.Link("real")}) as root:
    door = os.path.join(root, "door")
    check.equal(
        check.call(walk_files, door, shown=shown),
        disk.infos(door, "a.txt"),
        shown=shown,
        hint="the root is what you were asked to walk, link or not",
    )

# %% [grade] e1.identity
shown = "walk_files(one file under six names)"
same = "remember files by (device, inode) and keep the smallest path"
rng = check.rng()
for _ in range(6):  # listings come in no order: once may be luck
    names = [f"{folder:02}/name.txt" for folder in rng.permutation(90)[:6]]
    links = {name: disk.HardLink(names[0]) for name in names[1:]}
    with disk.tree({names[0]: b"one file", **links, "x/copy": b"one file"}) as root:
        got = check.call(walk_files, root, shown=shown)
        want = disk.infos(root, min(names), "x/copy")
        check.equal(got, want, shown=shown, hint=same)

shown = "walk_files(two disks that both use inode 77)"
with disk.tree({"disk1/x": b"one", "disk2/y": b"other", "z": b"third"}) as root:
    moved = [os.path.join(root, "disk1", "x"), os.path.join(root, "disk2", "y")]
    with disk.faults(other_disk=moved):
        got = check.call(walk_files, root, shown=shown)
        want = disk.infos(root, "disk1/x", "disk2/y", "z")
    check.equal(got, want, shown=shown, hint=same)

# %% [grade] e1.faults
go_on = "put the listing and each lstat into a try of its own, and go on after OSError"
rng = check.rng()
entries = {f"{name}/{name}": name.encode() for name in "abcdef"}
for _ in range(8):  # folders are visited in no order: each in turn is refused
    refused = str(rng.choice(list("abcdef")))
    whole = bool(rng.random() < 0.5)
    target = refused if whole else f"{refused}/{refused}"
    what = f"root/{target} may not be {'listed' if whole else 'examined'}"
    with disk.tree(entries) as root:
        locked = os.path.join(root, *target.split("/"))
        want = disk.infos(root, *(f"{n}/{n}" for n in "abcdef" if n != refused))
        heard = []
        with disk.faults(unreadable=[locked]):
            shown = f"walk_files(root, on_error=note) where {what}"
            got = check.call(
                walk_files,
                root,
                on_error=lambda path, error: heard.append((os.fspath(path), error)),
                shown=shown,
                hint=go_on,
            )
            check.equal(got, want, shown=shown, hint=go_on)
            paths = [path for path, _ in heard]
            tell = "call on_error(path, error) once for what was refused"
            check.equal(paths, [locked], shown=shown + ": paths heard", hint=tell)
            check.true(
                all(isinstance(error, PermissionError) for _, error in heard),
                shown=shown,
                said="on_error did not hear the PermissionError itself",
                hint=tell,
            )
            shown = f"walk_files(root) where {what}"
            got = check.call(walk_files, root, shown=shown, hint=go_on)
            check.equal(got, want, shown=shown, hint=go_on)

with disk.tree(entries) as root:
    gone = os.path.join(root, "c", "c")
    want = disk.infos(root, *(f"{n}/{n}" for n in "abdef"))
    with disk.faults(vanishing=[gone]):
        shown = "walk_files(root) while root/c/c vanishes"
        got = check.call(walk_files, root, shown=shown, hint=go_on)
        check.equal(got, want, shown=shown, hint=go_on)

# %% [grade] e1.shape
from unittest import mock


def opened(*args, **options):
    raise AssertionError(f"opened {args[0]!r}")


odd = ["empty/x/deep.txt", "line\nbreak", "ünï", "B", "a", "a-b", "a b", "a/b"]
if os.name == "posix" and os.uname().sysname == "Linux":
    odd.append(os.fsdecode(b"caf\xe9.txt"))
entries = {name: b"" for name in odd if name != "a"}
entries |= {"empty/y": None, "pipe": disk.Pipe(), "socket/pipe": disk.Pipe()}
with disk.tree(entries) as root:
    shown = "walk_files(odd names, empty folders, pipes)"
    with mock.patch("builtins.open", opened), mock.patch("os.open", opened):
        got = check.within(
            walk_files,
            root,
            seconds=3,
            shown=shown,
            hint="ask what an entry is; do not open it to find out",
        )
    check.equal(
        got,
        disk.infos(root, *[name for name in odd if name != "a"]),
        shown=shown,
        ordered=True,
        hint="regular files only, sorted by path at the end",
    )

shown = "walk_files(300 folders inside each other)"
deep = "d/" * 300 + "leaf"
with disk.tree({deep: b"!"}) as root:
    got = check.call(walk_files, root, shown=shown)
    check.equal(got, disk.infos(root, deep), shown=shown)

# %% [grade] e2.short
rng = check.rng()
for size in (0, 1, 7, 16, 40):
    data = rng.bytes(size)
    for most in (1, 3, 7):
        for chunk in (1, 4, 1 << 20):
            fs = files.MemoryFiles({"f": data}, most=most)
            with fs.open("f") as file:
                check.case(
                    hash_stream,
                    file.read,
                    size,
                    chunk=chunk,
                    want=hashlib.sha256(data).digest(),
                    shown=f"hash_stream(read, {size}, chunk={chunk}), "
                    f"short reads of {most}",
                    hint="the next request starts where the delivered bytes ended",
                )
with files.MemoryFiles({"f": b"other"}).open("f") as file:
    check.case(
        hash_stream,
        file.read,
        5,
        hasher=hashlib.md5,
        want=hashlib.md5(b"other").digest(),
        shown="hash_stream(read, 5, hasher=hashlib.md5)",
        hint="make the hash object with hasher()",
    )

# %% [grade] e2.memory
import tracemalloc

chunk, size = 1 << 18, 1 << 24
source = check.rng().bytes(chunk)
asked = []


def read(offset: int, n: int) -> bytes:
    asked.append(n)
    n = max(0, min(n, size - offset))
    return source[:n] if n <= chunk else source * (n // chunk)


whole = hashlib.sha256()
for _ in range(size // chunk):
    whole.update(source)
shown = "hash_stream(read, 16 MiB, chunk=256 KiB)"
tracemalloc.start()
try:
    got = check.call(hash_stream, read, size, chunk=chunk, shown=shown)
    peak = tracemalloc.get_traced_memory()[1]
finally:
    tracemalloc.stop()
check.equal(got, whole.digest(), shown=shown)
slim = "update the hash with each piece and let the piece go"
check.at_most(max(asked), chunk, "bytes in one request", shown=shown, hint=slim)
check.at_most(peak, 4 * chunk, "bytes of memory at the peak", shown=shown, hint=slim)

# %% [grade] e2.changes
data = check.rng().bytes(12)
for size in (1, 5, 12):
    for real in range(size):
        with files.MemoryFiles({"f": data[:real]}, most=5).open("f") as file:
            check.raises(
                hash_stream,
                files.FileChanged,
                file.read,
                size,
                chunk=4,
                shown=f"hash_stream(read, {size}, chunk=4), "
                f"but the file shrank to {real}",
                hint="nothing came back before `size` bytes: raise FileChanged",
            )
for size in (0, 1, 4, 11):
    with files.MemoryFiles({"f": data}, most=5).open("f") as file:
        check.raises(
            hash_stream,
            files.FileChanged,
            file.read,
            size,
            chunk=4,
            shown=f"hash_stream(read, {size}, chunk=4), but the file grew to 12",
            hint="after `size` bytes, ask for one more: it must be empty",
        )


# %% [grade] e3.exact
def by_content(contents: dict) -> list[list[str]]:
    classes = {}
    for path in sorted(contents):
        classes.setdefault(contents[path], []).append(path)
    return sorted(group for group in classes.values() if len(group) > 1)


rng = check.rng()
for place in ("first", "middle", "last"):
    at = {"first": 0, "middle": 25, "last": 49}[place]
    changed = bytes(at) + b"!" + bytes(49 - at)
    contents = {"a": bytes(50), "b": changed, "c": bytes(50), "d": changed}
    contents |= {"e": bytes(50), "f": bytes(49) + b"?"}
    shown = f"find_duplicates(files that differ in the {place} byte, partial=4)"
    got = check.call(
        find_duplicates,
        check.copied(files.MemoryFiles(contents)),
        partial=4,
        shown=shown,
    )
    check.equal(
        got,
        by_content(contents),
        shown=shown,
        hint="equal heads and tails are not equal files: compare in full",
    )
for _ in range(60):
    partial = int(rng.integers(1, 9))
    seeds = [rng.bytes(int(size)) for size in rng.integers(0, 40, size=4)]
    contents = {}
    for number in range(int(rng.integers(0, 14))):
        data = bytearray(seeds[rng.integers(len(seeds))])
        if data and rng.random() < 0.4:
            data[rng.integers(len(data))] ^= 1
        contents[f"{rng.integers(3)}/{number:02}"] = bytes(data)
    fs = check.copied(files.MemoryFiles(contents))
    for verify in (True, False):
        shown = f"find_duplicates(MemoryFiles({contents}), {partial=}, {verify=})"
        got = check.call(
            find_duplicates, fs, partial=partial, verify=verify, shown=shown[:200]
        )
        check.equal(got, by_content(contents), shown=shown[:200], ordered=True)
large = files.Pattern(3 << 20, noise=1)
at = (1 << 20) + int(rng.integers(1 << 20))
other = files.Pattern(3 << 20, noise=1, layers=((at, at + 1, b"\0"),))
if other.read(at, 1) == large.read(at, 1):
    other = files.Pattern(3 << 20, noise=1, layers=((at, at + 1, b"\1"),))
shown = "find_duplicates(files of 3 MiB that differ in one byte of the middle)"
fs = check.copied(files.MemoryFiles({"x": large, "y": other, "z": large}))
check.equal(check.call(find_duplicates, fs, shown=shown), [["x", "z"]], shown=shown)

# %% [grade] e3.pruned
contents = {f"unique{n:02}": bytes(n) for n in range(40, 60)}
contents |= {f"empty{n}": b"" for n in range(3)}
contents |= {"short1": b"same!", "short2": b"same!", "short3": b"other"}
contents |= {"just1": bytes(16), "just2": bytes(16)}
fs = files.MemoryFiles(contents)
shown = "find_duplicates(fs, partial=16, verify=False)"
got = check.call(find_duplicates, fs, partial=16, verify=False, shown=shown)
want = [["empty0", "empty1", "empty2"], ["just1", "just2"], ["short1", "short2"]]
check.equal(got, want, shown=shown, hint="empty files are equal to each other")
for path, content in contents.items():
    kind = path.rstrip("0123456789")
    allowed = 0 if kind in ("unique", "empty") else len(content)
    check.at_most(
        fs.bytes_of[path],
        allowed,
        f"bytes read of {path}, a file of {len(content)}",
        shown=shown,
        hint="a head that is the whole file has already compared it",
    )
    if allowed == 0:
        check.at_most(
            fs.opens[path],
            0,
            f"times opened: {path}",
            shown=shown,
            hint="a unique size, or size 0, is settled before anything is opened",
        )


# %% [grade] e3.collisions
class Constant:
    """A hash that knows one digest."""

    def __init__(self, data: bytes = b"") -> None:
        pass

    def update(self, data: bytes) -> None:
        pass

    def digest(self) -> bytes:
        return b""

    def hexdigest(self) -> str:
        return ""


class OneBit(Constant):
    """A hash with two digests: the parity of the bytes."""

    def __init__(self, data: bytes = b"") -> None:
        self.parity = 0
        self.update(data)

    def update(self, data: bytes) -> None:
        self.parity ^= sum(data) & 1

    def digest(self) -> bytes:
        return bytes([self.parity])

    def hexdigest(self) -> str:
        return str(self.parity)


rng = check.rng()
for hasher in (Constant, OneBit):
    for _ in range(10):
        bodies = [rng.bytes(30) for _ in range(3)]
        contents = {
            f"{number:02}": b"head" + bodies[rng.integers(3)] + b"tail"
            for number in range(9)
        }
        classes = {}
        for path, content in contents.items():
            classes.setdefault(content, []).append(path)
        want = sorted(group for group in classes.values() if len(group) > 1)
        shown = f"find_duplicates(fs, partial=4, hasher={hasher.__name__})"
        fs = check.copied(files.MemoryFiles(contents))
        got = check.call(find_duplicates, fs, partial=4, hasher=hasher, shown=shown)
        check.equal(
            got,
            want,
            shown=shown,
            hint="colliding digests: with verify=True compare the bytes of nominees",
        )
late = ((150_000, 150_001, b"0"),), ((150_000, 150_001, b"1"),)
contents = {
    f"{number}": files.Pattern(200_000, noise=5, layers=late[number % 2])
    for number in range(4)
}
shown = "find_duplicates(200,000 bytes, byte 150,000 differs, hasher=Constant)"
got = check.call(
    find_duplicates,
    check.copied(files.MemoryFiles(contents)),
    hasher=Constant,
    shown=shown,
)
check.equal(
    got,
    [["0", "2"], ["1", "3"]],
    shown=shown,
    hint="colliding digests: compare the nominees to their last byte",
)

# %% [grade] e3.bytes
folder = files.shared_drive(int(check.rng().integers(1 << 30)), share=5)
staged = sum(stage.read for stage in files.funnel(folder, 4096))
fs = files.MemoryFiles(folder)
shown = "find_duplicates(shared drive, verify=False)"
got = check.call(find_duplicates, fs, verify=False, shown=shown)
check.equal(got, files.true_groups(folder), shown=shown)
check.at_most(
    fs.bytes_read,
    1.1 * staged,
    "bytes read",
    shown=shown,
    hint="head only where sizes agree, tail only where heads agree, then in full",
)

# %% [grade] e3.hard
body = check.rng().bytes(100)
contents = dict.fromkeys(("a", "b", "broken", "cut"), body)
fs = files.MemoryFiles(
    contents | {"cut": body[:60]}, broken=frozenset({"broken"}), claims={"cut": 100}
)
check.copied(fs)
alone = "a file that raises OSError drops out alone; the others go on"
for verify in (True, False):
    shown = f"find_duplicates(fs, partial=8, {verify=}), one unreadable, one shrunk"
    got = check.call(
        find_duplicates, fs, partial=8, verify=verify, shown=shown, hint=alone
    )
    check.equal(got, [["a", "b"]], shown=shown, hint=alone)

late = body[:50] + bytes([body[50] ^ 1]) + body[51:]
fs = check.copied(files.MemoryFiles({"b": body, "a": body, "c": late}, most=3))
for partial in (8, 128):
    shown = f"find_duplicates(fs, {partial=}), short reads of 3 bytes"
    got = check.call(find_duplicates, fs, partial=partial, shown=shown)
    check.equal(got, [["a", "b"]], shown=shown, hint="a read may return fewer bytes")

fs = files.MemoryFiles(dict.fromkeys("ab", files.Pattern(3 << 19, noise=9)))
for partial in (4096, 2 << 20):
    shown = f"find_duplicates(two equal files of 1.5 MiB, {partial=})"
    got = check.call(find_duplicates, fs, partial=partial, shown=shown)
    check.equal(got, [["a", "b"]], shown=shown)
    check.at_most(
        fs.largest_read,
        1 << 20,
        "bytes in one request",
        shown=shown,
        hint="never ask for a whole file: read in pieces of at most 1 MiB",
    )

shown = "find_duplicates(40 different files of one size)"
fs = files.MemoryFiles(
    {
        f"{number:04}": b"head" + number.to_bytes(4, "big") + bytes(92)
        for number in range(40)
    },
    max_open=32,
)
check.equal(check.call(find_duplicates, fs, partial=4, shown=shown), [], shown=shown)
check.at_most(
    fs.opens.total(),
    240,
    "opens for 40 files",
    shown=shown,
    hint="group by key instead of comparing each pair",
)


# %% [grade] e4.exact
def by_content(contents: dict) -> list[list[str]]:
    classes = {}
    for path in sorted(contents):
        classes.setdefault(contents[path], []).append(path)
    return sorted(group for group in classes.values() if len(group) > 1)


rng = check.rng()
for size in (1, 3, 4, 5, 8, 9, 12, 31, 64):
    for at in range(size):
        changed = bytes(at) + b"!" + bytes(size - at - 1)
        contents = {"a": bytes(size), "b": changed, "c": bytes(size)}
        shown = f"find_duplicates_progressive({size} bytes, byte {at} differs, first=4)"
        got = check.call(
            find_duplicates_progressive,
            check.copied(files.MemoryFiles(contents)),
            first=4,
            block=16,
            shown=shown,
        )
        want = [["a", "c"]]
        check.equal(
            got, want, shown=shown, hint="every byte must lie in one of your blocks"
        )
for _ in range(60):
    first, block = int(rng.integers(1, 7)), int(rng.integers(8, 33))
    seeds = [rng.bytes(int(size)) for size in rng.integers(0, 120, size=4)]
    contents = {}
    for number in range(int(rng.integers(0, 14))):
        data = bytearray(seeds[rng.integers(len(seeds))])
        if data and rng.random() < 0.4:
            data[rng.integers(len(data))] ^= 1
        contents[f"{rng.integers(3)}/{number:02}"] = bytes(data)
    shown = f"find_duplicates_progressive(MemoryFiles({contents}), {first=}, {block=})"
    got = check.call(
        find_duplicates_progressive,
        check.copied(files.MemoryFiles(contents)),
        first=first,
        block=block,
        shown=shown[:200],
    )
    check.equal(got, by_content(contents), shown=shown[:200], ordered=True)

# %% [grade] e4.limits
twenty = {f"{number:02}": files.Pattern(300_000, noise=3) for number in range(20)}
fs = files.MemoryFiles(twenty, max_open=8)
shown = "find_duplicates_progressive(20 equal files, at most 8 open at once)"
got = check.call(find_duplicates_progressive, fs, block=1 << 16, shown=shown)
check.equal(
    got,
    [sorted(twenty)],
    shown=shown,
    hint="open, read one block, close: do not hold a whole class open",
)
check.at_most(fs.largest_read, 1 << 16, "bytes in one request", shown=shown)
check.at_most(
    max(fs.bytes_of.values()),
    300_000,
    "bytes read of a file of 300,000",
    shown=shown,
    hint="each block continues where the last one ended: no byte twice",
)
check.at_most(
    max(fs.requests.values()),
    20,
    "requests for a file of 300,000 bytes (block=65,536)",
    shown=shown,
    hint="let the block double until it is `block` bytes long",
)

body = check.rng().bytes(100)
late = body[:7] + bytes([body[7] ^ 1]) + body[8:]
fs = files.MemoryFiles(
    {"b": body, "a": body, "late": late, "broken": body, "cut": body[:60]},
    broken=frozenset({"broken"}),
    claims={"cut": 100},
    most=7,
)
shown = "find_duplicates_progressive(fs, first=8), short reads, bad files"
got = check.call(find_duplicates_progressive, fs, first=8, shown=shown)
check.equal(
    got,
    [["a", "b"]],
    shown=shown,
    hint="a read may return fewer bytes; a file that raises OSError drops out alone",
)

shown = "find_duplicates_progressive(unique sizes and empty files)"
fs = files.MemoryFiles({"a": b"", "b": b"", "c": b"1", "d": b"22"})
check.equal(
    check.call(find_duplicates_progressive, fs, shown=shown), [["a", "b"]], shown=shown
)
check.at_most(
    fs.opens.total(),
    0,
    "opens",
    shown=shown,
    hint="unique sizes and empty files are settled before anything is opened",
)

# %% [grade] e4.fair
folder = files.shared_drive(int(check.rng().integers(1 << 30)), share=5)
fs = files.MemoryFiles(folder)
shown = "find_duplicates_progressive(shared drive)"
got = check.call(find_duplicates_progressive, fs, shown=shown)
check.equal(got, files.true_groups(folder), shown=shown)
check.at_most(
    fs.bytes_read / files.floor_bytes(folder),
    2.2,
    "times the floor read",
    shown=shown,
    hint="stop reading a file as soon as no other is still equal to it",
)

# %% [grade] e4.best
folder = files.shared_drive(int(check.rng().integers(1 << 30)), share=5)
fs = files.MemoryFiles(folder)
shown = "find_duplicates_progressive(shared drive)"
got = check.call(find_duplicates_progressive, fs, shown=shown)
check.equal(got, files.true_groups(folder), shown=shown)
check.at_most(
    fs.bytes_read / files.floor_bytes(folder),
    1.4,
    "times the floor read",
    shown=shown,
    hint="start small, look at the tail early, and double the block",
)

# %% [grade] e5.cover
rng = check.rng()
for low, average, high in ((2, 8, 20), (16, 64, 200), (64, 64, 65), (1, 4, 4)):
    for size in (0, 1, low, low + 1, high, high + 1, 999):
        data = rng.bytes(size)
        limits = f"min_size={low}, avg_size={average}, max_size={high}"
        shown = f"cdc_chunks({size} random bytes, {limits})"
        got = check.call(
            cdc_chunks,
            data,
            min_size=low,
            avg_size=average,
            max_size=high,
            shown=shown,
        )
        ends = [0]
        for chunk in got:
            check.equal(chunk[0], ends[-1], shown=shown + ": offsets")
            ends.append(chunk[0] + chunk[1])
        check.equal(ends[-1], size, shown=shown + ": end of the last chunk")
        for chunk in got:
            check.at_most(chunk[1], high, "bytes in a chunk", shown=shown)
        for chunk in got[:-1]:
            check.true(
                chunk[1] >= low,
                shown=shown,
                said=f"chunk {chunk} is shorter than min_size",
                hint="the first byte that may end a chunk is byte min_size",
            )
        check.true(
            all(chunk[1] > 0 for chunk in got),
            shown=shown,
            said="a chunk is empty",
            hint="no data, no chunks",
        )

# %% [grade] e5.reuse
data = check.rng().bytes(120_000)
options = {"min_size": 256, "avg_size": 1024, "max_size": 8192}


def chunks_of(content: bytes, shown: str) -> list[bytes]:
    cuts = check.call(cdc_chunks, content, shown=shown, **options)
    return [content[offset : offset + length] for offset, length in cuts]


shown = "cdc_chunks(120,000 random bytes)"
known = set(chunks_of(data, shown))
check.true(
    len(known) > 20,
    shown=shown,
    said="fewer than 20 chunks: nothing was cut by content",
)
edits = {
    "one byte inserted at the start": b"!" + data,
    "one byte inserted in the middle": data[:60_000] + b"!" + data[60_000:],
    "one byte deleted": data[:30_000] + data[30_001:],
    "one byte changed": data[:90_000] + bytes([data[90_000] ^ 255]) + data[90_001:],
}
for edit, content in edits.items():
    shown = f"cdc_chunks(data, …) after {edit}"
    fresh = sum(chunk not in known for chunk in chunks_of(content, shown))
    check.at_most(
        fresh,
        12,
        "chunks that were not there before",
        shown=shown,
        hint="choose cuts by content, not by position",
    )

# %% [grade] e5.local
rng = check.rng()
data = rng.bytes(6000)
options = {"min_size": 16, "avg_size": 64, "max_size": 256}
shown = "cdc_chunks(6,000 random bytes, min_size=16, avg_size=64, max_size=256)"
whole = check.call(cdc_chunks, data, shown=shown, **options)
for number in range(0, len(whole), 5):
    at = whole[number][0]
    rest = check.call(cdc_chunks, data[at:], shown=shown, **options)
    check.equal(
        [(at + offset, length) for offset, length in rest],
        [tuple(chunk) for chunk in whole[number:]],
        shown=f"cdc_chunks(data[{at}:], …), started at one of your own cuts",
        hint="start h at 0 in every chunk: nothing carries over from the one before",
    )
other = tuple(int(n) for n in rng.integers(0, 2**64, 256, dtype=np.uint64))
again = check.call(cdc_chunks, data, gear=other, shown=shown, **options)
check.true(
    [tuple(chunk) for chunk in again] != [tuple(chunk) for chunk in whole],
    shown="cdc_chunks(data, gear=another table)",
    said="cuts in the same places whatever the gear table",
    hint="look the byte up in gear",
)


# %% [grade] e5.rule
def by_the_rule(data, low, average, high, gear):
    strict = 2 ** (64 - round(np.log2(average)) - 1)
    chunks, start, h, at = [], 0, 0, 0
    while at < len(data):
        length = at + 1 - start
        if length > low:
            h = (2 * h + gear[data[at]]) % 2**64
        limit = strict if length < average else 4 * strict
        if length == high or (length > low and h < limit) or at + 1 == len(data):
            chunks.append((start, length))
            start, h = at + 1, 0
        at += 1
    return chunks


rng = check.rng()
gear = tuple(int(n) for n in rng.integers(0, 2**64, 256, dtype=np.uint64))
for low, average, high in ((16, 64, 200), (2, 8, 20), (100, 256, 4000)):
    data = rng.bytes(20_000)
    limits = f"min_size={low}, avg_size={average}, max_size={high}"
    check.case(
        cdc_chunks,
        data,
        min_size=low,
        avg_size=average,
        max_size=high,
        gear=gear,
        want=by_the_rule(data, low, average, high, gear),
        shown=f"cdc_chunks(20,000 random bytes, {limits})",
        hint="two limits: strict below avg_size, four times as wide from then on",
    )
zeros = check.call(
    cdc_chunks,
    bytes(1000),
    min_size=16,
    avg_size=64,
    max_size=256,
    gear=(2**63 + 1,) * 256,
    shown="cdc_chunks(1,000 zeros)",
)
check.equal(
    [chunk[1] for chunk in zeros], [256, 256, 256, 232], shown="cdc_chunks(1,000 zeros)"
)


# %% [grade] e6.events
def by_content(contents: dict) -> list[list[str]]:
    classes = {}
    for path in sorted(contents):
        classes.setdefault(contents[path], []).append(path)
    return sorted(group for group in classes.values() if len(group) > 1)


rng = check.rng()
for _ in range(15):
    fs = files.MemoryFiles({})
    index = check.call(LiveIndex, fs, shown="LiveIndex(fs)")
    story = []
    for _ in range(int(rng.integers(1, 40))):
        known = sorted(fs.contents)
        kind = rng.choice(["add", "add", "modify", "delete", "rename"])
        path = f"f{rng.integers(5)}" if kind == "add" or not known else None
        path = path or known[rng.integers(len(known))]
        if path not in fs.contents:
            kind = "add"
        elif kind == "add":
            kind = "modify"
        event = (str(kind), path)
        if kind == "delete":
            del fs.contents[path]
        elif kind == "rename":
            event += (f"f{rng.integers(5)}",)
            fs.contents[event[2]] = fs.contents.pop(path)
        else:
            fs.contents[path] = bytes([rng.integers(2)]) * int(rng.integers(4))
        story.append(event)
        check.call(index.on_event, *event, none_ok=True, shown=f"on_event{event}")
        if rng.random() < 0.6:
            check.equal(
                check.call(index.groups, shown="groups()"),
                by_content(fs.contents),
                shown=f"groups() after {story[-6:]}",
                hint="compare with a fresh look at all files after this event",
            )
fs = files.MemoryFiles({"a": b"1", "b": b"1"})
index = check.call(LiveIndex, fs, shown="LiveIndex(fs)")
for event in (("add", "a"), ("add", "b"), ("delete", "b")):
    check.call(index.on_event, *event, none_ok=True, shown=f"on_event{event}")
shown = "groups() after add a, add b, delete b, though b is there again"
hint = "believe the event; a file that came back announces itself"
check.equal(check.call(index.groups, shown=shown), [], shown=shown, hint=hint)
fs.contents |= {"a": b"111", "b": b"222", "u": b"4444", "v": b"4444"}
index = check.call(LiveIndex, fs, shown="LiveIndex(fs)")
for event in (("add", "a"), ("add", "b"), ("add", "u")):
    check.call(index.on_event, *event, none_ok=True, shown=f"on_event{event}")
check.equal(check.call(index.groups, shown="groups()"), [], shown="groups()")
fs.contents["a"] = fs.contents.pop("u")
for event in (("rename", "u", "a"), ("add", "v")):
    check.call(index.on_event, *event, none_ok=True, shown=f"on_event{event}")
shown = "groups() after rename u to a, where another a was, and add v, equal to u"
hint = "a rename ends whatever was known of the file it replaces"
check.equal(check.call(index.groups, shown=shown), [["a", "v"]], shown=shown, hint=hint)
check.raises(index.on_event, ValueError, "chmod", "a", shown="on_event('chmod', 'a')")

# %% [grade] e6.lazy
fs = files.MemoryFiles({"a": b"111", "b": b"22", "c": b"", "d": b"333"})
index = check.call(LiveIndex, fs, shown="LiveIndex(fs)")


def tell(*event: str) -> None:
    check.call(index.on_event, *event, none_ok=True, shown=f"on_event{event}")


def costs(limit: int, shown: str, hint: str, want: list) -> None:
    before = fs.bytes_read
    check.equal(check.call(index.groups, shown=shown), want, shown=shown, hint=hint)
    check.at_most(fs.bytes_read - before, limit, "bytes read", shown=shown, hint=hint)


for path in "abc":
    tell("add", path)
unique = "a file of a unique size, or of size 0, need not be read"
costs(0, "groups() after adding files of 3, 2 and 0 bytes", unique, [])
check.at_most(fs.bytes_read, 0, "bytes read", shown="adding three sizes", hint=unique)
tell("add", "d")
costs(6, "groups() once two files have 3 bytes", unique, [])
once = "keep each digest until its file is modified"
costs(0, "groups(), asked again", once, [])
fs.contents["e"] = fs.contents.pop("d")
tell("rename", "d", "e")
costs(0, "groups() after a rename", "a rename moves the digest along", [])
fs.contents["e"] = b"111"
tell("modify", "e")
void = "modify makes the digest void: read that file again, and only that one"
costs(3, "groups() after one file was modified", void, [["a", "e"]])
fs.contents["f"] = b""
tell("add", "f")
costs(0, "groups() with two empty files", unique, [["a", "e"], ["c", "f"]])
fs.contents["g"] = b"111"
tell("add", "g")
del fs.contents["g"]
gone = "a file that cannot be read is left out of the answer"
costs(0, "groups() when a file vanished unannounced", gone, [["a", "e"], ["c", "f"]])
tell("add", "never-there")
costs(0, "groups() after news of a missing file", gone, [["a", "e"], ["c", "f"]])
del fs.contents["a"]
tell("delete", "a")
costs(0, "groups() after a delete", "a deleted file leaves its group", [["c", "f"]])
check.at_most(
    fs.opens["b"] + fs.opens["c"] + fs.opens["f"],
    0,
    "opens of the unique size and the empty files",
    shown="all of the above",
    hint=unique,
)


class Counted:
    """A hash that counts how many were made."""

    made = 0

    def __init__(self) -> None:
        Counted.made += 1
        self.real = hashlib.sha256()
        self.update, self.digest = self.real.update, self.real.digest


twins = files.MemoryFiles({"a": b"1", "b": b"1"})
index = check.call(LiveIndex, twins, hasher=Counted, shown="LiveIndex(fs, hasher=h)")
for path in "ab":
    check.call(index.on_event, "add", path, none_ok=True, shown="on_event('add', …)")
shown = "groups() of two equal files, with LiveIndex(fs, hasher=h)"
check.equal(check.call(index.groups, shown=shown), [["a", "b"]], shown=shown)
check.true(
    Counted.made > 0, shown=shown, said="h was never called", hint="use hasher()"
)
