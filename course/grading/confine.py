"""The last program before a confined kernel: copy its files, drop all rights, go on.

It runs inside bubblewrap and is started by path, before anything of the course can be
imported, so it needs the standard library only:

    python -I confine.py '{"files": …, "limits": …, "uid": …}' python -m ipykernel …
"""

import ctypes
import errno
import json
import os
import platform
import resource
import shutil
import struct
import sys

PR_SET_NO_NEW_PRIVS, PR_CAPBSET_DROP, PR_SET_SECCOMP = 38, 24, 22

# What a notebook has no use for and an attack on the system would start with: other
# namespaces, mounts, other processes' memory, kernel modules, keys, wide interfaces.
# Numbers of x86_64 and of aarch64, from Linux's syscall tables.
_DENIED = {
    "x86_64": (
        *(101, 155, 161, 163, 165, 166, 167, 168, 169, 175, 176, 179, 246, 248),
        *(249, 250, 272, 298, 303, 304, 308, 310, 311, 313, 320, 321, 323),
        *(425, 426, 427, 428, 429, 430, 431, 432, 433, 442),
    ),
    "aarch64": (
        *(39, 40, 41, 51, 60, 89, 97, 104, 105, 106, 117, 142, 217, 218, 219),
        *(224, 225, 241, 264, 265, 268, 270, 271, 273, 280, 282, 294),
        *(425, 426, 427, 428, 429, 430, 431, 432, 433, 442),
    ),
}
MACHINES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_CLONE = {"x86_64": 56, "aarch64": 220}
_SOCKET = {"x86_64": 41, "aarch64": 198}
_CLONE3 = 435
_NAMESPACES = 0x7E020000  # every CLONE_NEW… flag
_FAMILIES = (1, 2, 10, 16)  # unix, inet, inet6, netlink


def main() -> None:
    """Confine this process and become the command that follows."""
    told, command = json.loads(sys.argv[1]), sys.argv[2:]
    if told["files"]:
        shutil.copytree(told["files"], ".", symlinks=True, dirs_exist_ok=True)
    os.makedirs("tmp", exist_ok=True)
    if told["uid"]:
        hand_over(".", told["uid"])
    limit(told["limits"])
    give_up(told["uid"])
    os.execv(command[0], command)


def hand_over(folder: str, uid: int) -> None:
    """Give a folder and all that is in it to a user."""
    for place, below, names in os.walk(folder):
        for name in (place, *(os.path.join(place, one) for one in (*below, *names))):
            os.lchown(name, uid, uid)


def limit(limits: dict[str, int]) -> None:
    """Set each resource limit, named as in `resource` without RLIMIT_."""
    for name, amount in limits.items():
        kind = getattr(resource, f"RLIMIT_{name}")
        hard = resource.getrlimit(kind)[1]
        if hard != resource.RLIM_INFINITY:
            amount = min(amount, hard)
        resource.setrlimit(kind, (amount, amount))


def give_up(uid: int) -> None:
    """Drop every right for good; with a `uid`, become that user for real."""
    libc = ctypes.CDLL(None, use_errno=True)
    for capability in range(64):
        libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
    if uid:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    _drop_capabilities(libc)
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "no_new_privs")
    _filter_calls(libc)


def _drop_capabilities(libc: ctypes.CDLL) -> None:
    """Empty the effective, permitted and inheritable sets (see capset(2))."""
    header = struct.pack("Ii", 0x20080522, 0)
    if libc.capset(header, bytes(24)):
        raise OSError(ctypes.get_errno(), "capset")


def _filter_calls(libc: ctypes.CDLL) -> None:
    """Install the seccomp filter, where this machine and this kernel have one."""
    machine = platform.machine()
    if machine not in MACHINES:
        return
    program = _program(machine)
    code = ctypes.create_string_buffer(b"".join(program))

    class Program(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))

    filled = Program(len(program), ctypes.addressof(code))
    refused = libc.prctl(PR_SET_SECCOMP, 2, ctypes.byref(filled), 0, 0)
    if refused and ctypes.get_errno() != errno.EINVAL:  # that: built without seccomp
        raise OSError(ctypes.get_errno(), "seccomp")


def _program(machine: str) -> list[bytes]:
    """Return the filter as instructions of classic BPF (see seccomp(2))."""
    load, equal, above, bits, give = 0x20, 0x15, 0x35, 0x45, 0x06
    allow, kill, fail = 0x7FFF0000, 0x80000000, 0x00050000

    def step(code: int, value: int, yes: int = 0, no: int = 0) -> bytes:
        return struct.pack("HBBI", code, yes, no, value)

    # Offsets of struct seccomp_data: the call, the architecture, the first argument.
    call, arch, first = 0, 4, 16
    lines = [
        step(load, arch),
        step(equal, MACHINES[machine], yes=1),
        step(give, kill),
        step(load, call),
        step(above, 0x40000000, no=1),  # x32, a second table of calls
        step(give, kill),
    ]
    for number in _DENIED[machine]:
        lines += [step(equal, number, no=1), step(give, fail | errno.EPERM)]
    # clone3 keeps its flags in memory, out of sight: libc falls back to clone.
    lines += [step(equal, _CLONE3, no=1), step(give, fail | errno.ENOSYS)]
    lines += [
        step(equal, _CLONE[machine], no=4),
        step(load, first),
        step(bits, _NAMESPACES, no=1),
        step(give, fail | errno.EPERM),
        step(give, allow),
        step(equal, _SOCKET[machine], no=len(_FAMILIES) + 2),
        step(load, first),
        *(
            step(equal, family, yes=len(_FAMILIES) - place)
            for place, family in enumerate(_FAMILIES)
        ),
        step(give, fail | errno.EAFNOSUPPORT),
        step(give, allow),
    ]
    return lines


if __name__ == "__main__":
    main()
