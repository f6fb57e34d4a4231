"""Kernels that strangers' code may run in: Jupyter's provisioner around bubblewrap.

A confined kernel sees the system and the Python environment read-only, a private copy
of the submission's files in memory, and nothing else: no network but its own loopback,
no other process, no file of the course but the package, none of the grader's
environment. It talks to the grader through sockets in a folder of its own. Memory,
processor time, processes and files are limited. See `course/grading/confine.py` for
the second wall. Where bubblewrap cannot do this, `obstacle` says why and grading
refuses; it never goes on unconfined by itself.
"""

import functools
import json
import os
import select
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from jupyter_client.provisioning import LocalProvisioner
from traitlets import Dict, Unicode

from course import paths
from course.errors import CourseError

NAME = "course-sandbox"  # the entry point in pyproject.toml
CURE = "install bubblewrap (Debian, Ubuntu: sudo apt-get install bubblewrap)"
CURE_OPEN = (
    "give Python a folder of its own: make lab (it makes .venv), "
    "or move the course out of that folder"
)
PACKAGE = Path(__file__).resolve().parent.parent
ROOM = {"/notebook": 256 << 20, "/tmp": 64 << 20, "/dev/shm": 64 << 20}  # bytes
LIMITS = {
    "AS": 4 << 30,  # bytes of address space; NumPy and its threads take 1 GB
    "CORE": 0,
    "CPU": 240,  # seconds
    "FSIZE": 256 << 20,  # bytes of one file
    "NOFILE": 1024,
    "NPROC": 128,  # threads count too
}
# Names in the folder of sockets: five sockets and the connection file.
SOCKETS = 16
_PASSED = ("COURSE_SEED", "NBGRADER_EXECUTION", "PYTHONHASHSEED")
_FIRST_UID, _UIDS = 61184, 4336  # the range that systemd keeps for passing users
_SYSTEM = ("/bin", "/lib", "/lib32", "/lib64", "/libx32", "/sbin")
_nursery: list[Path] = []  # the folder of the one that runs
_SETTINGS = ("alternatives", "fonts", "ld.so.cache", "ld.so.conf", "ld.so.conf.d")


class Provisioner(LocalProvisioner):
    """Starts one kernel inside bubblewrap and leaves nothing of it behind.

    `files` is a folder whose content is copied into the kernel's working folder;
    `limits` overrides entries of `LIMITS`. `folder`, which holds the kernel's sockets,
    has the same path inside and outside. Raises CourseError where it cannot confine.
    """

    files = Unicode("").tag(config=True)
    limits = Dict({}).tag(config=True)

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        """Put the kernel's sockets into a private folder, and wrap its command."""
        km = self.parent
        if _nursery:
            self.folder = Path(tempfile.mkdtemp(prefix="k", dir=_nursery[-1]))
        else:
            require()
            # A socket's path holds 107 bytes, so the folder stands high up.
            self.folder = _private("ck")
        km.transport, km.ip = "ipc", str(self.folder / "s")
        km.connection_file = str(self.folder / "kernel.json")
        # A signal does not reach into another PID namespace.
        km.kernel_spec.interrupt_mode = "message"
        uid = _uid(self.folder.name)
        kwargs = await super().pre_launch(**kwargs)
        if uid:
            os.chown(self.folder, uid, uid)
            os.chown(km.connection_file, uid, uid)
        given = kwargs.pop("env", {})
        environment = {name: given[name] for name in _PASSED if name in given}
        if _nursery:
            if self.files:
                shutil.copytree(self.files, self.folder / "in", symlinks=True)
            kwargs["told"] = {
                "folder": str(self.folder),
                "file": km.connection_file,
                "environment": environment,
                "limits": LIMITS | self.limits,
                "room": ROOM,
                "shown": [one for one in _prefixes() if one.startswith("/tmp/")],
                "uid": uid,
            }
            return kwargs
        told = {
            "files": "/in" if self.files else "",
            "limits": LIMITS | self.limits,
            "uid": uid,
        }
        kwargs["cmd"] = [
            *bubblewrap(
                environment,
                *("--bind", str(self.folder), str(self.folder)),
                *(("--ro-bind", self.files, "/in") if self.files else ()),
            ),
            *("--", sys.executable, "-I", "/package/course/grading/confine.py"),
            json.dumps(told),
            *kwargs["cmd"],
        ]
        kwargs["env"] = {"PATH": os.environ.get("PATH", os.defpath)}
        kwargs["cwd"] = "/"
        return kwargs

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> dict[str, Any]:
        """Start the kernel: a process of its own, or a fork of the nursery."""
        if "told" not in kwargs:
            return await super().launch_kernel(cmd, **kwargs)
        self.process = _Remote(_nursery[-1] / "door", kwargs["told"])
        return self.connection_info

    async def poll(self) -> int | None:
        """Say whether the kernel ended; end one that fills its folder of sockets."""
        if self.process and self.folder.is_dir():
            found = list(os.scandir(self.folder))
            sizes = sum(one.stat(follow_symlinks=False).st_size for one in found)
            if len(found) > SOCKETS or sizes > 1 << 20:
                self.process.kill()
        return await super().poll()

    async def cleanup(self, restart: bool = False) -> None:
        """Remove the folder of sockets."""
        if not restart:
            shutil.rmtree(self.folder, ignore_errors=True)
        await super().cleanup(restart)


class _Remote:
    """A kernel of the nursery's, as a `subprocess.Popen`: a connection is its life."""

    pid = None
    stdin = stdout = stderr = None

    def __init__(self, door: Path, told: dict[str, Any]) -> None:
        self.returncode: int | None = None
        self.line = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.line.connect(str(door))
        self.line.send(json.dumps(told).encode())

    def poll(self, seconds: float = 0) -> int | None:
        """Return the exit status once the kernel has ended.

        Raises RuntimeError when it could not even start.
        """
        if self.returncode is None and select.select([self.line], [], [], seconds)[0]:
            said, _, status = self.line.recv(1000).decode().partition(": ")
            self.line.close()
            self.returncode = int(status) if said == "ended" else 1
            if said != "ended":
                raise RuntimeError(f"no kernel came from the nursery: {said} {status}")
        return self.returncode

    def wait(self) -> int:
        """Wait for the end."""
        while self.poll(1) is None:
            pass
        return self.returncode

    def kill(self) -> None:
        """End the kernel and every process it has started."""
        if self.returncode is None:
            self.line.shutdown(socket.SHUT_WR)
            self.wait()

    def send_signal(self, number: int) -> None:
        """End it, whatever the signal: nothing milder crosses a PID namespace."""
        if number:
            self.kill()

    terminate = kill


@contextmanager
def nursery() -> Iterator[Callable[[], None]]:
    """Keep a process from which this one and its forks start kernels warm.

    It imports once what notebooks import; what is yielded waits until it has, and
    raises CourseError where it cannot start. Kernels are started warm from then on.
    """
    require()
    folder = _private("cn")
    command = [
        *bubblewrap(
            {"PYTHONHASHSEED": "0", "NBGRADER_EXECUTION": "autograde"},
            *("--bind", str(folder), str(folder)),
            forks=True,
        ),
        *("--", sys.executable, "-I", "/package/course/grading/nursery.py"),
        str(folder),
    ]
    running = subprocess.Popen(
        command, cwd="/", stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )

    def ready() -> None:
        if running.stdout.readline() != "ready\n":
            running.kill()
            said = (running.stderr.read().strip().splitlines() or ["no reason"])[-1]
            raise CourseError(f"The nursery of kernels did not start: {said}", CURE)
        _nursery.append(folder)

    try:
        yield ready
    finally:
        if folder in _nursery:
            _nursery.remove(folder)
        running.kill()
        running.communicate()
        shutil.rmtree(folder, ignore_errors=True)


def require() -> None:
    """Raise CourseError where strangers' code cannot be confined."""
    if why := obstacle():
        raise CourseError(
            f"This machine cannot confine the code of a submission: {why}. "
            "Without that it would run with your rights, so nothing was run",
            cure=f"{cure()}; or, only for people you trust: --Execute.trust=True",
        )


def cure() -> str:
    """Return what to do about the obstacle."""
    return CURE_OPEN if _exposed() else CURE


def obstacle() -> str:
    """Return why this machine cannot confine a kernel, or "" when it can."""
    if not sys.platform.startswith("linux"):
        return "bubblewrap exists for Linux only"
    return _exposed() or _unfit()


@functools.cache
def _unfit() -> str:
    """Return why bubblewrap does not work, or "".

    It is tried, not guessed: a program is started as a kernel would be.
    """
    if not shutil.which("bwrap"):
        return "bubblewrap is not installed"
    told = {"files": "", "limits": LIMITS, "uid": _uid("")}
    command = [
        *bubblewrap({}),
        *("--", sys.executable, "-I", "/package/course/grading/confine.py"),
        *(json.dumps(told), sys.executable, "-I", "-c", "print('confined')"),
    ]
    try:
        done = subprocess.run(
            command, cwd="/", capture_output=True, text=True, timeout=20
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"bubblewrap does not run here ({error})"
    if done.stdout != "confined\n":
        said = done.stderr.strip().splitlines() or ["no reason given"]
        return f"bubblewrap does not run here ({said[-1]})"
    return ""


def _exposed() -> str:
    """Return which folder a kernel sees although it holds what none may see, or ""."""
    for shown in (*_prefixes(), "/usr"):
        # A service may have its home in /usr, where every user can look anyway.
        private = [] if shown == "/usr" else [("your home folder", _home())]
        private += [("this course", room) for room in _rooms()]
        for what, place in private:
            if place.resolve().is_relative_to(Path(shown).resolve()):
                return f"a kernel sees {shown}, and {what} ({place}) is in there"
    return ""


def _rooms() -> list[Path]:
    """Return the folders of the course, some of which may be links to elsewhere."""
    roots = [PACKAGE.parent] if (PACKAGE.parent / paths.MARKER).is_file() else []
    with suppress(CourseError):
        roots.append(paths.root())
    names = ("source", "release", "submitted", "autograded", "feedback", "gradebook.db")
    return [*roots, *(root / name for root in roots for name in names)]


def bubblewrap(
    environment: dict[str, str], *mounts: str, forks: bool = False
) -> list[str]:
    """Return the command that opens an empty world with Python in it.

    Everything that it shows of this machine is read-only. `environment` is all that
    is passed on, beside what Python and Matplotlib need. `mounts` are further words
    of bubblewrap's, such as "--ro-bind", "from", "to". With `forks`, what runs in it
    may open further namespaces, as the nursery does and nothing else may.
    """
    if os.geteuid() == 0:
        # What it takes to become another user for real, with nothing left.
        needed = ["SETUID", "SETGID", "CHOWN", "SETPCAP"]
        if forks:  # mounts, network, and files of other users it must copy
            needed += ["SYS_ADMIN", "NET_ADMIN", "DAC_OVERRIDE", "KILL"]
        rights = ["--cap-drop", "ALL"]
        for name in needed:
            rights += ["--cap-add", f"CAP_{name}"]
    else:
        rights = ["--unshare-user", *(() if forks else ("--disable-userns",))]
    shown = ["--ro-bind", "/usr", "/usr"]
    for path in _SYSTEM:
        if os.path.islink(path):
            shown += ["--symlink", os.readlink(path), path]
        elif os.path.isdir(path):
            shown += ["--ro-bind", path, path]
    for name in _SETTINGS:
        shown += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
    for prefix in _prefixes():
        shown += [*_passable(prefix), "--ro-bind", prefix, prefix]
    private = []
    for path, size in ROOM.items():
        private += ["--perms", "1777", "--size", str(size), "--tmpfs", path]
    if fonts := _fonts():
        private += ["--perms", "1777", "--dir", "/tmp/mpl"]
        private += ["--ro-bind", str(fonts), f"/tmp/mpl/{fonts.name}"]
    environment = {
        "HOME": "/notebook",
        "IPYTHONDIR": "/tmp/ipython",
        "LANG": "C.UTF-8",
        "MPLCONFIGDIR": "/tmp/mpl",
        # One thread: the same on every machine, and memory limits hold.
        "OPENBLAS_NUM_THREADS": "1",
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
        # A submission's own .local could bring modules, and code that runs at start.
        "PYTHONNOUSERSITE": "1",
        "PYTHONPATH": "/package",
        "TMPDIR": "/notebook/tmp",
        "USER": "learner",
        **environment,
    }
    names = [word for pair in environment.items() for word in ("--setenv", *pair)]
    return [
        *("bwrap", *rights, "--die-with-parent", "--new-session", "--unshare-ipc"),
        *("--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try"),
        *("--hostname", "grading", "--proc", "/proc", "--dev", "/dev"),
        *(*private, *shown),
        *(*_passable("/package/course"), "--ro-bind", str(PACKAGE), "/package/course"),
        *(*mounts, "--remount-ro", "/", "--remount-ro", "/dev"),
        *("--chdir", "/notebook", "--clearenv", *names),
    ]


def _prefixes() -> list[str]:
    """Return the folders that hold this Python and its packages, but for /usr."""
    both = dict.fromkeys((sys.base_prefix, sys.prefix))
    return [one for one in both if not Path(one).is_relative_to("/usr")]


def _private(kind: str) -> Path:
    """Make a folder in /tmp; remove those that killed processes have left there."""
    for left in Path("/tmp").glob("c[kn]-*-*"):
        pid = left.name.split("-")[1]
        if pid.isdigit() and not Path("/proc", pid).exists():
            shutil.rmtree(left, ignore_errors=True)
    return Path(tempfile.mkdtemp(prefix=f"{kind}-{os.getpid()}-", dir="/tmp"))


def _passable(path: str) -> list[str]:
    """Make the folders above `path` ones that every user may pass through."""
    above = [str(folder) for folder in reversed(Path(path).parents)][1:]
    return [word for folder in above for word in ("--perms", "755", "--dir", folder)]


def _uid(name: str) -> int:
    """Return a user id of nobody's for the kernel whose folder has this name.

    Only root can change it, so for others it is 0: keep your own.
    """
    if os.geteuid() != 0:
        return 0
    return _FIRST_UID + hash(name) % _UIDS


def _fonts() -> Path | None:
    """Return Matplotlib's list of fonts, which takes it seconds to make."""
    places = [
        os.environ.get("MPLCONFIGDIR", ""),
        os.path.join(
            os.environ.get("XDG_CACHE_HOME") or str(_home() / ".cache"), "matplotlib"
        ),
    ]
    for place in filter(None, places):
        for file in sorted(Path(place).glob("fontlist-*.json"), reverse=True):
            if stat.S_ISREG(file.lstat().st_mode):
                return file
    return None


def _home() -> Path:
    return Path(os.path.expanduser("~"))
