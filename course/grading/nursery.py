"""Warm and confined kernels: one process that imports once and forks each kernel.

    python nursery.py /tmp/cn-…       (inside bubblewrap; see `sandbox.nursery`)

It never runs a learner's code. Each kernel is a fork of it that first moves into
namespaces, mounts and a user id of its own, and then becomes an IPython kernel. So
nothing of one submission can reach the next, and no import is paid twice.

A kernel's life is a connection: the grader sends what to start, gets "ended" when it
is over, and ends it by closing. Three processes stand behind it: one that holds the
connection, the first process of the new PID namespace, which takes all others with it
when it goes, and the kernel.
"""

import contextlib
import ctypes
import fcntl
import gc
import importlib
import json
import os
import random
import select
import shutil
import signal
import socket
import struct
import sys
from pathlib import Path

# Started by path, with -I: what stands beside this file is found explicitly.
sys.path.insert(0, "/package")

from course.grading import confine

CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC = 0x20000, 0x4000000, 0x8000000
CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x10000000, 0x20000000, 0x40000000
MS_NOSUID, MS_NODEV, MS_REC, MS_BIND, MS_PRIVATE = 2, 4, 1 << 14, 1 << 12, 1 << 18
PR_SET_PDEATHSIG = 1
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1
REQUEST = 65536

IMPORTS = (
    *("ipykernel.debugger", "ipykernel.ipkernel", "ipykernel.kernelapp"),
    *("ipykernel.zmqshell", "jupyter_client.localinterfaces", "psutil"),
    *("ipywidgets", "matplotlib.backends.backend_agg", "matplotlib.font_manager"),
    *("matplotlib_inline.backend_inline", "numpy.random", "pytest", "unittest.mock"),
    *("course.check", "course.desk", "course.grading.split", "course.sim.disk"),
    *("course.sim.files", "course.viz.drawing", "course.widgets"),
)

_libc = ctypes.CDLL(None, use_errno=True)


def main() -> None:
    """Import what notebooks import, then fork a kernel for each connection."""
    folder = Path(sys.argv[1])
    import_everything()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # no zombies
    gc.collect()
    gc.freeze()
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as door:
        door.bind(str(folder / "door"))
        door.listen(64)
        print("ready", flush=True)
        while True:
            grader, _ = door.accept()
            if os.fork() == 0:
                door.close()
                with contextlib.suppress(BrokenPipeError, ConnectionError):
                    _hold(grader)
                os._exit(0)
            grader.close()


def import_everything() -> None:
    """Import what a kernel and a notebook of this course need, and start nothing."""
    for name in IMPORTS:
        importlib.import_module(name)


def _hold(grader: socket.socket) -> None:
    """Start the kernel that `grader` asks for; end it when the connection ends."""
    told = json.loads(grader.recv(REQUEST))
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    try:
        first = _move(told, grader)
    except OSError as error:
        grader.send(f"failed: {error}".encode())
        return
    ended = os.pidfd_open(first)
    watch = select.poll()
    watch.register(ended, select.POLLIN)
    watch.register(grader, select.POLLIN | select.POLLHUP)
    ready = {fd for fd, _ in watch.poll()}
    if ended not in ready:
        os.kill(first, signal.SIGKILL)
    _, status = os.waitpid(first, 0)
    grader.send(f"ended: {os.waitstatus_to_exitcode(status)}".encode())


def _move(told: dict, grader: socket.socket) -> int:
    """Enter new namespaces and start their first process; return its pid."""
    uid = told["uid"]
    spaces = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS
    if uid:
        _do(_libc.unshare(spaces), "unshare")
    else:
        mine, group = os.getuid(), os.getgid()
        _do(_libc.unshare(spaces | CLONE_NEWUSER), "unshare")
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{mine} {mine} 1")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
    _mount(None, "/", None, MS_REC | MS_PRIVATE)
    _loopback()
    own = Path(told["folder"])
    # What stands in /tmp and must still be seen there when it is covered.
    kept = {name: os.open(name, os.O_PATH) for name in (str(own), *told["shown"])}
    rooms = dict(told["room"])
    last = rooms.pop("/tmp")
    for path, size in rooms.items():
        _mount_memory(path, size)
    if (own / "in").is_dir():
        shutil.copytree(own / "in", "/notebook", symlinks=True, dirs_exist_ok=True)
        shutil.rmtree(own / "in")
    # Over the folder that holds the sockets of every kernel: then only its own.
    _mount_memory("/tmp", last)
    os.umask(0o022)
    for name, opened in kept.items():
        os.makedirs(name, exist_ok=True)
        _mount(f"/proc/self/fd/{opened}", name, None, MS_BIND)
        os.close(opened)
    for name in ("mpl", "ipython"):
        os.mkdir(f"/tmp/{name}")
    os.makedirs("/notebook/tmp", exist_ok=True)
    first = os.fork()
    if first == 0:
        status = 1
        try:
            grader.close()
            _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
            _mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV)
            if uid:
                for folder in ("/notebook", "/tmp/mpl", "/tmp/ipython"):
                    confine.hand_over(folder, uid)
            status = _be_first(told)
        finally:
            os._exit(status)
    return first


def _be_first(told: dict) -> int:
    """Start the kernel, then reap whatever is left to reap until it ends."""
    kernel = os.fork()
    if kernel == 0:
        status = 1
        try:
            _be_kernel(told)
            status = 0
        finally:
            os._exit(status)
    while True:
        pid, status = os.wait()
        if pid == kernel:
            return min(abs(os.waitstatus_to_exitcode(status)), 255)


def _be_kernel(told: dict) -> None:
    """Give up every right, and become the kernel of a connection file."""
    os.setsid()
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(null, stream)
    os.closerange(3, 4096)
    os.chdir("/notebook")
    os.environ.update(told["environment"])
    confine.limit(told["limits"])
    confine.give_up(told["uid"])
    random.seed()
    import matplotlib
    import numpy as np
    from ipykernel.kernelapp import IPKernelApp

    np.random.seed()
    # what Matplotlib reads from the environment when a kernel imports it
    matplotlib.rcParams["backend"] = "module://matplotlib_inline.backend_inline"
    # No database of what was typed: it costs a thread, and nobody will look back.
    options = ["-f", told["file"], "--HistoryManager.enabled=False"]
    sys.argv = ["ipykernel_launcher.py", *options]
    # as `python -m` has it: the notebook's own folder comes first
    sys.path.insert(0, "")
    kernel = IPKernelApp.instance()
    kernel.initialize(sys.argv[1:])
    kernel.start()


def _loopback() -> None:
    """Bring up the one interface of the new network: loopback."""
    form = "16sh14x"  # struct ifreq: a name and its flags
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        asked = struct.pack(form, b"lo", 0)
        _, flags = struct.unpack(form, fcntl.ioctl(any_socket, SIOCGIFFLAGS, asked))
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack(form, b"lo", flags | IFF_UP))


def _mount_memory(where: str, size: int) -> None:
    told = f"size={size},mode=1777"
    _mount("tmpfs", where, "tmpfs", MS_NOSUID | MS_NODEV, told)


def _mount(
    what: str | None, where: str, kind: str | None, flags: int, told: str = ""
) -> None:
    words = [word.encode() if word else None for word in (what, where, kind)]
    done = _libc.mount(*words, ctypes.c_ulong(flags), told.encode() if told else None)
    _do(done, f"mount {where}")


def _do(result: int, what: str) -> None:
    if result:
        raise OSError(ctypes.get_errno(), f"{what}: {os.strerror(ctypes.get_errno())}")


if __name__ == "__main__":
    main()
