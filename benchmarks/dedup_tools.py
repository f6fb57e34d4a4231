"""Bytes that well-known programs read to find the duplicates of the course's folder.

    python benchmarks/dedup_tools.py [--quick] [--write]

Writes `course.sim.files.shared_drive()` to disk, runs each installed program on it
under strace and adds up what its read calls returned from files of that folder.
`--write` puts the figures where the notebooks read them; `--quick` uses a tenth of
the size. Needs Linux, strace, and any of fdupes, jdupes, rdfind, rmlint.
"""

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from course.sim import files

FIGURES = Path(files.__file__).with_name("dedup_tools.json")
PROGRAMS = {
    "fdupes": ["fdupes", "-r", "-q"],
    "jdupes": ["jdupes", "-r", "-q"],
    "rdfind": ["rdfind", "-dryrun", "true"],
    "rmlint": ["rmlint", "-o", "csv:/dev/null"],
}
READ = re.compile(
    r"\b(?:read|pread64|readv|preadv)\(\d+<(?P<path>[^>]*)>.*= (?P<n>\d+)$"
)


def write_folder(root: Path, scale: float) -> None:
    """Write the folder below `root`."""
    for name, content in files.shared_drive(scale=scale).items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.read(0, content.size))


def version(program: str) -> str:
    """Return the program's own version, as Debian's package database has it."""
    query = ["dpkg-query", "-W", "-f", "${Version}", program]
    found = subprocess.run(query, capture_output=True, text=True, check=False)
    upstream = found.stdout.strip().split(":")[-1].split("-")[0]
    return upstream or "unknown"


def bytes_read(command: list[str], root: Path, log: Path) -> int:
    """Run `command` on `root` and return the bytes it read from files in there.

    A read that is split over two lines by another thread is joined by the number
    of its thread. Raises CalledProcessError when the program fails.
    """
    trace = ["strace", "-f", "-y", "-qq", "-e", "trace=read,pread64,readv,preadv"]
    subprocess.run(
        [*trace, "-o", str(log), *command, str(root)],
        check=True,
        cwd=log.parent,  # rdfind leaves a results.txt
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    total = 0
    begun: dict[str, str] = {}
    for line in log.read_text("utf-8", "replace").splitlines():
        thread, _, call = line.partition(" ")
        if call.rstrip().endswith("<unfinished ...>"):
            begun[thread] = call.rsplit("<unfinished", 1)[0]
            continue
        if "resumed>" in call:
            call = begun.pop(thread, "") + call.split("resumed>", 1)[1]
        found = READ.search(call)
        if found and found["path"].startswith(f"{root}/"):
            total += int(found["n"])
    return total


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="a tenth of the size")
    parser.add_argument("--write", action="store_true", help="update the figures")
    options = parser.parse_args()
    if not shutil.which("strace"):
        print("strace is not installed (apt install strace): nothing measured")
        return 1
    scale = 0.1 if options.quick else 1.0
    figures = {}
    with tempfile.TemporaryDirectory(prefix="dedup-") as scratch:
        root = Path(scratch).resolve() / "folder"
        write_folder(root, scale)
        for name, command in PROGRAMS.items():
            if not shutil.which(name):
                print(f"{name}: not installed, skipped")
                continue
            read = bytes_read(command, root, Path(scratch, "trace"))
            figures[name] = {"bytes": read, "version": version(name)}
            print(f"{name:8} {read / 1e6:8.1f} MB  ({figures[name]['version']})")
    folder = files.shared_drive(scale=scale)
    floor = files.floor_bytes(folder)
    if options.write:
        FIGURES.write_text(json.dumps(figures, indent=1) + "\n", "utf-8")
    values = [f"{name}_mb={one['bytes'] / 1e6:.1f}" for name, one in figures.items()]
    print(f"result: floor_mb={floor / 1e6:.1f} {' '.join(values)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
