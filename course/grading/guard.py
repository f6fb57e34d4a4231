"""Read a stranger's submission before anything else does, and let the harmless in.

A submission is a folder that somebody else filled: links, devices, FIFOs, files
without end, JSON made to exhaust its reader. A separate process with little memory
and time reads it, through open folders and never through a link; what it admits is
written anew, and the rest is named with its reason. Names and link targets of a
submission are escaped and cut wherever they are told.

Only the standard library is imported here, so that this process starts in 50 ms.
"""

import functools
import json
import math
import os
import re
import select
import shutil
import stat
import subprocess
import sys
import sysconfig
import tempfile
import unicodedata
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from time import monotonic
from typing import Any, BinaryIO

from course.errors import CourseError

MAX_BYTES = 50_000_000  # one notebook
MAX_CELLS = 3000
MAX_DEPTH = 100
MAX_NOTES = 50
EXHAUSTED = "it could not be read within its limits"
MAX_NAME = 100  # characters of a student's name
CODE = (".py", ".pyc", ".so", ".pyd")  # what Python imports

_FOLDER = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0)
# A FIFO would block its reader for ever, and a terminal would become ours.
_PATIENT = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)
_FILE = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | _PATIENT
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
# No startup files, no installed packages, and names in UTF-8 whatever the locale.
_ALONE = ("-I", "-S", "-X", "utf8")
# What nbgrader's reader of times takes without fail: not all that looks like one.
_DAY = r"(\d{4})-(\d\d)-(\d\d)"
_HOUR = r"(\d\d):(\d\d):(\d\d)(?:\.\d{1,6})?"
_ZONE = r"(?: ?(?:Z|UTC|GMT|[+-](?:[01]\d|2[0-3]):?[0-5]\d))?"
_TIMES = (
    rf"{_DAY}[ T]{_HOUR}{_ZONE}",
    rf"{_DAY} {_HOUR} [A-Z]{{3,5}}",
    rf"(\d{{4}})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d){_ZONE}",
)


class Unreadable(CourseError):
    """A file that holds no notebook to grade; says why, in words for its owner."""


class _Odd(Unreadable):
    """Something that no editor makes by accident, so that a human should see it."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one submission may cost; sizes in bytes, times in seconds."""

    files: int = 1000  # supporting files and folders
    depth: int = 8  # folders inside each other
    file: int = 50_000_000
    total: int = 200_000_000  # all supporting files
    memory: int = 1_500_000_000
    cpu: int = 20
    seconds: float = 30  # wall clock


@dataclass(frozen=True, slots=True)
class Admitted:
    """What came through: names of notebooks, reasons of the others, REVIEW flags."""

    notebooks: tuple[str, ...]
    refused: dict[str, str]
    flags: tuple[str, ...] = ()


def admit(
    folder: Path,
    scratch: Path,
    names: Collection[str],
    *,
    limits: Limits | None = None,
    release: Path | None = None,
) -> Admitted:
    """Copy what is harmless in a student's `folder` into the empty `scratch`.

    Of the notebooks only those in `names` (without suffix) come through, each as
    JSON written anew; of the other files only regular ones, with mode 0644, and none
    that Python would import in place of a library's or the course's module. Hidden
    files and `__pycache__` are left out without a word, anything else with a flag.
    Never raises for what a submission holds; raises ValueError when `scratch` is not
    empty, and CourseError when the reading process cannot start here.

    `release` is the folder of the assignment as it was given out; by default that of
    the course which `folder` is in. What it ships may come back.
    """
    if any(scratch.iterdir()):
        raise ValueError(f"{scratch} is not empty")
    limits = limits or Limits()
    wanted = sorted(set(names))
    try:
        source = _open_submission(folder)
    except Unreadable as error:
        refused = dict.fromkeys(wanted, error.message)
        odd = (error.message,) if isinstance(error, _Odd) else ()
        return Admitted((), refused, odd)
    target = os.open(scratch, _FOLDER)
    try:
        known = _modules(release or _released(folder))
        found = _ask(source, target, wanted, limits, known)
        if found is not None:
            return found
        # Something in it is too much. Each part alone, so that only that part fails.
        _clear(scratch)
        end = monotonic() + 2 * limits.seconds
        parts = [_ask(source, target, (), limits, known, others=wanted, end=end)]
        if parts[0] is None:
            _clear(scratch)
            parts[0] = Admitted((), {}, (f"supporting files: {EXHAUSTED}",))
        for name in wanted:
            part = _ask(source, target, (name,), limits, {}, files=False, end=end)
            if part is None:
                (scratch / f"{name}.ipynb").unlink(missing_ok=True)
                part = Admitted((), {name: EXHAUSTED}, (f"{name}.ipynb: {EXHAUSTED}",))
            parts.append(part)
    finally:
        os.close(source)
        os.close(target)
    return Admitted(
        tuple(name for part in parts for name in part.notebooks),
        {name: why for part in parts for name, why in part.refused.items()},
        tuple(flag for part in parts for flag in part.flags),
    )


def check(
    folder: Path,
    names: Collection[str] = (),
    *,
    limits: Limits | None = None,
    release: Path | None = None,
) -> None:
    """Raise CourseError where nbgrader must not open a submission as it stands.

    nbgrader copies a whole folder through its links, hidden files included. So one
    link, device, FIFO, odd name, module that hides another or unreadable notebook (of
    `names`) is enough, and the message names the first. Nothing is written. `release`
    is as for `admit`. (Windows cannot do this: there it does nothing.)
    """
    if os.name == "nt":
        return
    problems: list[str]
    try:
        source = _open_submission(folder)
    except Unreadable as error:
        problems = [error.message]
    else:
        try:
            known = _modules(release or _released(folder))
            found = _ask(source, None, sorted(set(names)), limits or Limits(), known)
        finally:
            os.close(source)
        if found is None:
            problems = [EXHAUSTED]
        else:
            problems = list(found.flags)
            told = {flag.partition(".ipynb")[0] for flag in found.flags}
            for name, why in found.refused.items():
                if name not in told:
                    problems.append(f"{name}.ipynb: {why}")
    if problems:
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        place = "/".join(shown(part) for part in folder.parts[-2:])
        raise CourseError(
            f"the submission {place} was refused: {problems[0]}{more}",
            cure="take that entry out of the folder, or ask for the work again",
        )


def misnamed(student: str) -> str:
    """Return why a student's folder may not have this name, or "" where it may.

    Such a name stands in pages, logs, addresses and commands.

    >>> misnamed("Zoë.Ng-2@uni.edu")
    ''
    >>> misnamed("-<b>")
    '-<b>: a student may not have such a name; letters, digits and _ . @ + - are fine'
    """
    plain = all(
        unicodedata.category(char)[0] in "LMN" or char in "_.@+- " for char in student
    )
    ends = not student or student[0] in ".@+- " or student[-1] == " "
    if plain and not ends and len(student) <= MAX_NAME:
        return ""
    return (
        f"{shown(student)}: a student may not have such a name; "
        "letters, digits and _ . @ + - are fine"
    )


def read(path: Path) -> dict[str, Any]:
    """Return the notebook in `path` as plain JSON values.

    Raises Unreadable when it is no regular file, too large, empty, not UTF-8, not
    JSON, not a notebook, or in another notebook format than 4; OSError when it
    cannot be opened. Follows links: it reads the learner's own files, and what
    `admit` wrote.
    """
    with open(path, "rb", opener=lambda p, flags: os.open(p, flags | _PATIENT)) as file:
        return _parse(file)


def shown(name: str, width: int = 80) -> str:
    r"""Return a name of a stranger's as text that can do no harm on a screen.

    >>> shown("a\x1b[2Jb\n")
    'a\\x1b[2Jb\\n'
    """
    cut = name[:width]
    safe = "".join(
        char if char.isprintable() and char != "\\" else _escaped(char) for char in cut
    )
    return safe if len(safe) <= width and cut == name else f"{safe[:width]}…"


def _escaped(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")


def _parse(file: BinaryIO) -> dict[str, Any]:
    """Return what `read` returns, from a file that is open."""
    info = os.fstat(file.fileno())
    if not stat.S_ISREG(info.st_mode):
        raise Unreadable(f"it is {_kind(info)}, not a file")
    raw = b"" if info.st_size > MAX_BYTES else file.read(MAX_BYTES + 1)
    if info.st_size > MAX_BYTES or len(raw) > MAX_BYTES:
        raise Unreadable(
            f"the file is larger than {MAX_BYTES // 10**6} MB; "
            "clear its outputs in JupyterLab and save it"
        )
    if not raw.strip():
        raise Unreadable("the file is empty")
    deep = "the file is not a notebook: it nests too deep"
    try:
        nb = json.loads(
            raw.decode("utf-8-sig"), parse_constant=_not_finite, parse_float=_finite
        )
    except UnicodeDecodeError as error:
        raise Unreadable(f"the file is not UTF-8 text (byte {error.start})") from None
    except json.JSONDecodeError as error:
        raise Unreadable(
            f"the file is not valid JSON: {error.msg}, line {error.lineno}"
        ) from None
    except ValueError:  # Python reads no integer of more than 4300 digits
        raise Unreadable(
            "the file is not valid JSON: a number in it has too many digits"
        ) from None
    except RecursionError:
        raise Unreadable(deep) from None
    level = [nb] if isinstance(nb, dict | list) else []
    for _ in range(MAX_DEPTH):
        level = [
            inner
            for one in level
            for inner in (one.values() if isinstance(one, dict) else one)
            if isinstance(inner, dict | list)
        ]
        if not level:
            break
    else:
        raise Unreadable(deep)
    if not isinstance(nb, dict) or "nbformat" not in nb:
        raise Unreadable("the file is JSON, but not a notebook")
    if type(nb["nbformat"]) is not int or nb["nbformat"] != 4:
        known = shown(json.dumps(nb["nbformat"]), 20)
        raise Unreadable(f"the notebook has format {known}, not 4")
    if not isinstance(nb.get("cells"), list):
        raise Unreadable("the notebook has no list of cells")
    if len(nb["cells"]) > MAX_CELLS:
        raise Unreadable(f"the notebook has more than {MAX_CELLS} cells")
    return nb


def _not_finite(text: str) -> float:
    raise Unreadable(f"the file is not valid JSON: {text} is no number of JSON")


def _finite(text: str) -> float:
    value = float(text)
    return value if math.isfinite(value) else _not_finite(text[:20])


def _kind(info: os.stat_result) -> str:
    """Return what an entry of a folder is, in plain words."""
    mode = info.st_mode
    kinds = {
        stat.S_ISREG: "a file",
        stat.S_ISDIR: "a folder",
        stat.S_ISLNK: "a link",
        stat.S_ISFIFO: "a FIFO",
        stat.S_ISSOCK: "a socket",
    }
    return next((name for test, name in kinds.items() if test(mode)), "a device")


def _open_submission(folder: Path) -> int:
    """Open `submitted/<student>/<week>`, where neither of the two may be a link."""
    if why := misnamed(folder.parent.name):
        raise _Odd(why)
    try:
        at = os.open(folder.parent.parent, _FOLDER & ~getattr(os, "O_NOFOLLOW", 0))
    except OSError as error:
        raise Unreadable(f"nothing was submitted ({error.strerror})") from None
    for part in (folder.parent.name, folder.name):
        try:
            if not part.isprintable():
                raise _Odd(f"{shown(part)}: a folder may not have such a name")
            inner = _open_folder(part, at)
        except FileNotFoundError:
            raise Unreadable("nothing was submitted") from None
        finally:
            os.close(at)
        at = inner
    return at


def _open_folder(name: str, at: int) -> int:
    """Open the folder `name` in the open folder `at`.

    Raises _Odd when it is something else, FileNotFoundError when there is none.
    """
    try:
        return os.open(name, _FOLDER, dir_fd=at)
    except FileNotFoundError:
        raise
    except OSError as error:
        with suppress(OSError):
            info = os.stat(name, dir_fd=at, follow_symlinks=False)
            if not stat.S_ISDIR(info.st_mode):
                raise _Odd(_refusal(name, at, info)) from None
        raise Unreadable(
            f"{shown(name)}: cannot be opened ({error.strerror})"
        ) from None


def _refusal(name: str, at: int, info: os.stat_result) -> str:
    """Return the sentence for an entry that is not what it has to be."""
    if stat.S_ISLNK(info.st_mode):
        try:
            where = shown(os.readlink(name, dir_fd=at))
        except OSError:
            where = "?"
        return f"{shown(name)} -> {where}: it is a link, and links are refused"
    if stat.S_ISREG(info.st_mode):
        return (
            f"{shown(name)}: it is a hard link (the same file has another name), "
            "and links are refused"
        )
    return f"{shown(name)}: it is {_kind(info)}, not a file"


def _released(folder: Path) -> Path:
    """Return the release of the submission `submitted/<student>/<week>`."""
    return folder.parent.parent.parent / "release" / folder.name


def _modules(release: Path) -> dict[str, list[str]]:
    """Return what the notebook can import: `modules`, and folders without __init__.

    `shipped` are the files of the release among them, which may be in a submission.
    """
    modules, namespaces = _installed()
    shipped = [
        file.relative_to(release).as_posix()
        for file in release.rglob("*")
        if file.suffix in CODE and "__pycache__" not in file.parts
    ]
    return {
        "modules": sorted({*modules, *map(_module, shipped)}),
        "namespaces": sorted(namespaces),
        "shipped": shipped,
    }


@functools.cache
def _installed() -> tuple[set[str], set[str]]:
    """Return the modules of libraries, and those that any folder can add to."""
    modules = {*sys.stdlib_module_names, "course", "sitecustomize", "usercustomize"}
    namespaces = set()
    places = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    places.update(one for one in sys.path if one.endswith("-packages"))
    for place in filter(os.path.isdir, places):
        for entry in os.scandir(place):
            if entry.name.endswith(CODE):
                modules.add(_module(entry.name))
            elif entry.is_dir() and entry.name.isidentifier():
                modules.add(entry.name)
                inner = os.listdir(entry.path)
                if not any(name.startswith("__init__.") for name in inner):
                    namespaces.add(entry.name)
    return modules, namespaces - {"__pycache__"}


def _module(path: str) -> str:
    """Return what is imported from a file: `a/b` from a/b.py or a/b/__init__.so."""
    folder, _, name = path.rpartition("/")
    module = "/".join(filter(None, (folder, name.partition(".")[0])))
    return module.removesuffix("/__init__")


def _ask(
    source: int,
    target: int | None,
    names: Collection[str],
    limits: Limits,
    known: dict[str, list[str]],
    *,
    files: bool = True,
    others: Collection[str] = (),
    end: float = math.inf,
) -> Admitted | None:
    """Let a limited process read the notebooks `names`, and with `files` the rest.

    `known` is what `_modules` returned, for the files; `others` are notebooks of the
    assignment that are read another time. Returns None when that process died or took
    too long.
    """
    asked = json.dumps(
        {
            "source": source,
            "target": target,
            "limits": asdict(limits),
            "names": list(names),
            "files": files,
            "others": list(others),
            "known": known,
        }
    )
    home = str(Path(__file__).resolve().parent.parent.parent)
    code = (
        "import sys; sys.path.append(sys.argv[1]); "
        "from course.grading import guard; guard._serve(sys.argv[2])"
    )
    kept = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")  # some Pythons start only so
    seconds = min(limits.seconds, end - monotonic())
    if seconds <= 0:
        return None
    with tempfile.TemporaryFile() as answer:
        child = subprocess.Popen(
            [sys.executable, *_ALONE, "-c", code, home, asked],
            stdin=subprocess.DEVNULL,
            stdout=answer,
            stderr=subprocess.STDOUT,
            cwd="/",
            env={name: os.environ[name] for name in kept if name in os.environ},
            pass_fds=[source] if target is None else [source, target],
            start_new_session=True,
        )
        try:
            _wait(child, seconds)
        finally:
            if child.poll() is None:
                child.kill()
                child.wait()
        answer.seek(0)
        first, _, reply = answer.read(1_000_000).partition(b"\n")
    if first != b"ready":
        said = first + b"\n" + reply
        raise CourseError(
            "the process that reads submissions could not start: "
            + shown(said.decode(errors="replace").strip()[-300:], 400),
            cure="course doctor",
        )
    if child.returncode != 0:
        return None
    return _answer(reply, names)


def _wait(child: subprocess.Popen, seconds: float) -> None:
    """Wait until `child` has ended, at most `seconds`; on Linux without naps."""
    if hasattr(os, "pidfd_open"):
        ended = os.pidfd_open(child.pid)
        try:
            select.select([ended], [], [], seconds)
        finally:
            os.close(ended)
    with suppress(subprocess.TimeoutExpired):
        child.wait(0 if hasattr(os, "pidfd_open") else seconds)


def _answer(reply: bytes, names: Collection[str]) -> Admitted | None:
    """Return what the process found, believing only what has the right form."""
    try:
        found = json.loads(reply)
        notebooks, refused, flags = (
            found[key] for key in ("notebooks", "refused", "flags")
        )
        known = sorted([*notebooks, *refused]) == sorted(names)
        told = [*refused.values(), *flags]
        if not known or not all(isinstance(one, str) for one in told):
            return None
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    return Admitted(tuple(notebooks), refused, tuple(flags))


def _clear(folder: Path) -> None:
    for entry in folder.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()


# --- what follows runs in the limited process ---------------------------------------


def _serve(request: str) -> None:
    """Read one submission as `_ask` wants it; print "ready", then the answer."""
    asked = json.loads(request)
    limits = Limits(**asked["limits"])
    _confine(limits)
    print("ready", flush=True)
    known = {name: frozenset(found) for name, found in asked["known"].items()}
    reader = _Reader(asked["source"], asked["target"], limits, **known)
    reader.take(asked["names"])
    if asked["files"]:
        reader.take_files({*asked["names"], *asked["others"]})
    print(reader.answer())


def _confine(limits: Limits) -> None:
    """Give up what this process does not need; macOS knows only some of these."""
    import gc

    from course.grading import confine

    gc.disable()  # nothing here is cyclic, and it is slow on millions of lists
    wanted = {
        "AS": limits.memory,
        "CPU": limits.cpu,
        "FSIZE": 2 * max(limits.file, MAX_BYTES),
        "CORE": 0,
        "NOFILE": 128,
    }
    for name, most in wanted.items():
        with suppress(AttributeError, OSError, ValueError):
            confine.limit({name: most})


@dataclass(slots=True)
class _Reader:
    """Reads the open folder `source`; copies into `target`, where there is one."""

    source: int
    target: int | None
    limits: Limits
    modules: frozenset[str] = frozenset()  # see `_modules`
    namespaces: frozenset[str] = frozenset()
    shipped: frozenset[str] = frozenset()
    notebooks: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    flags: list[str] = field(default_factory=list)
    more: int = 0  # flags beyond MAX_NOTES
    files: int = 0
    bytes: int = 0

    def take(self, names: Collection[str]) -> None:
        """Take the notebooks of these names."""
        for name in names:
            try:
                self._notebook(f"{name}.ipynb")
            except Unreadable as error:
                self.refused[name] = error.message.removeprefix(f"{name}.ipynb: ")
                if isinstance(error, _Odd):
                    self._flag("", error.message)
            except (MemoryError, OverflowError):
                self.refused[name] = EXHAUSTED
                self._flag("", f"{name}.ipynb: {EXHAUSTED}")
            else:
                self.notebooks.append(name)

    def take_files(self, notebooks: Collection[str]) -> None:
        """Take all files but the `notebooks`, as far as the limits go.

        The time of submission comes first: no heap of files can crowd it out.
        """
        done = {f"{name}.ipynb" for name in notebooks}
        with suppress(FileNotFoundError):
            os.stat("timestamp.txt", dir_fd=self.source, follow_symlinks=False)
            self._entry("timestamp.txt", self.source, self.target, "", 0)
        try:
            for name in self._names(self.source):
                if name not in done and name != "timestamp.txt":
                    self._entry(name, self.source, self.target, "", 0)
        except _Full as error:
            self._flag("", error.message)

    def answer(self) -> str:
        """Return what was found as bounded JSON."""
        if self.more:
            self.flags.append(f"and {self.more} more of the kind")
        keys = ("notebooks", "refused", "flags")
        return json.dumps({key: getattr(self, key) for key in keys})

    def _flag(self, inside: str, text: str) -> None:
        """Keep a REVIEW flag about an entry of the folder `inside`."""
        if len(self.flags) < MAX_NOTES:
            self.flags.append(shown(inside) + text if inside else text)
        else:
            self.more += 1

    def _notebook(self, name: str) -> None:
        with self._opened(name, self.source) as file:
            nb = _parse(file)
        if self.target is None:
            return
        minor = nb.get("nbformat_minor")
        if type(minor) is not int or not 0 <= minor < 100:
            nb["nbformat_minor"] = 5
        text = json.dumps(
            nb,
            ensure_ascii=False,
            allow_nan=False,
            sort_keys=True,
            separators=(",", ":"),
        )
        # Half of a surrogate pair is no character, and could not be written.
        raw = text.encode("utf-8", "replace")
        try:
            with self._new(name, self.target) as copy:
                copy.write(raw + b"\n")
        except OSError:
            os.unlink(name, dir_fd=self.target)
            raise Unreadable(EXHAUSTED) from None

    def _entry(
        self, name: str, source: int, target: int | None, inside: str, depth: int
    ) -> None:
        """Take one entry of the open folder `source`, which `inside` names."""
        if target is not None and (name.startswith(".") or name == "__pycache__"):
            return
        if not name.isprintable() or "\\" in name or len(os.fsencode(name)) > 200:
            self._flag(inside, f"{shown(name)}: a file may not have such a name")
        elif target is not None and name.lower().endswith(".ipynb"):
            self._flag(inside, f"{shown(name)}: not a notebook of this assignment")
        elif hidden := self._hides(inside + name):
            self._flag(
                inside,
                f"{shown(name)}: the notebook would import it in place of {hidden}",
            )
        else:
            try:
                info = os.stat(name, dir_fd=source, follow_symlinks=False)
                if not stat.S_ISDIR(info.st_mode):
                    self._file(name, source, target, inside)
                elif depth < self.limits.depth:
                    self._count()
                    self._folder(name, source, target, inside, depth)
                else:
                    self._flag(inside, f"{shown(name)}: folders nest too deep here")
            except Unreadable as error:
                self._flag(inside, error.message)
            except OSError as error:
                self._flag(inside, f"{shown(name)}: left out ({error.strerror})")

    def _hides(self, path: str) -> str:
        """Return the module in whose place Python would import this file, or ""."""
        if not path.endswith(CODE) or path in self.shipped:
            return ""
        module = _module(path)
        added = module.partition("/")[0] in self.namespaces
        return module if added or module in self.modules else ""

    def _names(self, source: int) -> list[str]:
        """Return the names in a folder, sorted; of an endless folder, the first."""
        names = []
        again = os.open(".", _FOLDER, dir_fd=source)  # from its start, whoever read it
        try:
            with os.scandir(again) as entries:
                for entry in entries:
                    names.append(entry.name)
                    if len(names) > 20 * self.limits.files:
                        break
        finally:
            os.close(again)
        return sorted(names)

    def _folder(
        self, name: str, source: int, target: int | None, inside: str, depth: int
    ) -> None:
        inner, copy = _open_folder(name, source), None
        try:
            if target is not None:
                os.mkdir(name, 0o755, dir_fd=target)
                copy = os.open(name, _FOLDER, dir_fd=target)
            for entry in self._names(inner):
                self._entry(entry, inner, copy, f"{inside}{name}/", depth + 1)
        finally:
            os.close(inner)
            if copy is not None:
                os.close(copy)

    def _file(self, name: str, source: int, target: int | None, inside: str) -> None:
        with self._opened(name, source) as file:
            size = os.fstat(file.fileno()).st_size
            if size > self.limits.file:
                most = self.limits.file / 10**6
                raise _Odd(f"{shown(name)}: it is larger than {most:g} MB")
            if not inside and name == "timestamp.txt":
                self._timestamp(file)
            self._count(size)
            if target is not None:
                self._copy(file, name, target, size)

    def _copy(self, file: BinaryIO, name: str, target: int, size: int) -> None:
        """Copy `size` bytes, though the file may have grown meanwhile."""
        try:
            with self._new(name, target) as copy:
                while size > 0 and (part := file.read(min(size, 1 << 20))):
                    copy.write(part)
                    size -= len(part)
        except FileExistsError:  # a folder that tells no capitals from small letters
            raise
        except OSError:
            os.unlink(name, dir_fd=target)
            raise

    def _count(self, size: int = 0) -> None:
        """Count one entry of `size` bytes; raises _Full when it is one too many."""
        if self.files + 1 > self.limits.files:
            raise _Full(
                f"more than {self.limits.files} supporting files: "
                "the others were left out"
            )
        if self.bytes + size > self.limits.total:
            raise _Full(
                f"more than {self.limits.total / 10**6:g} MB of supporting files: "
                "the others were left out"
            )
        self.files += 1
        self.bytes += size

    def _timestamp(self, file: BinaryIO) -> None:
        """Raise _Odd unless nbgrader can read the time in the file `file`."""
        text = file.read(200).decode("ascii", "replace").strip()
        file.seek(0)
        found = filter(None, (re.fullmatch(form, text) for form in _TIMES))
        try:
            year, *rest = (int(part) for part in next(found).groups())
            datetime(year, *rest)
            # Near its ends the calendar has no room for the offset of a time zone.
            if not 1900 <= year < 3000:
                raise ValueError(year)
        except (StopIteration, ValueError):
            raise _Odd("timestamp.txt: it holds no date and time") from None

    @contextmanager
    def _opened(self, name: str, at: int) -> Iterator[BinaryIO]:
        """Open a regular file of one name; raises _Odd when it is anything else.

        It is looked at before, because opening a device may set it going, and
        again when it is open, because the entry may have been exchanged.
        """
        try:
            _plain(name, at, os.stat(name, dir_fd=at, follow_symlinks=False))
            handle = os.open(name, _FILE, dir_fd=at)
        except FileNotFoundError:
            raise Unreadable("there is no such file") from None
        except OSError as error:
            with suppress(OSError):
                _plain(name, at, os.stat(name, dir_fd=at, follow_symlinks=False))
            raise Unreadable(
                f"{shown(name)}: cannot be opened ({error.strerror})"
            ) from None
        with open(handle, "rb") as file:
            _plain(name, at, os.fstat(handle))
            yield file

    @contextmanager
    def _new(self, name: str, at: int) -> Iterator[BinaryIO]:
        """Make a file that was not there; a link of its name is not followed."""
        handle = os.open(name, _NEW, 0o644, dir_fd=at)
        with open(handle, "wb") as file:
            os.fchmod(handle, 0o644)
            yield file


class _Full(Exception):
    """The supporting files exceed a limit of the whole submission."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


def _plain(name: str, at: int, info: os.stat_result) -> None:
    """Raise _Odd unless `info` is that of a regular file with one name."""
    if not stat.S_ISREG(info.st_mode) or info.st_nlink > 1:
        raise _Odd(_refusal(name, at, info))
