"""Make .venv what pyproject.toml and requirements.lock say, once.

`make` runs this file with whatever Python 3 it finds, before anything is
installed, so it needs the standard library only and stays readable to an old
Python, to be able to say that it is too old. `python course/ops/install.py` serves
learners; with the word `dev` it installs what the tests need as well.
"""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
OLDEST, NEWEST = (3, 11), (3, 13)


def dotted(version):
    """Return (3, 11) as "3.11"."""
    return ".".join(map(str, version))


def complaint(version):
    """Return what is wrong with a Python version, and its cure; "" if nothing is."""
    if OLDEST <= tuple(version) <= NEWEST:
        return ""
    names = [f"python3.{minor}" for minor in range(NEWEST[1], OLDEST[1] - 1, -1)]
    found = [name for name in names if shutil.which(name)]
    if found:
        cure = f"make lab PYTHON={found[0]}"
    else:
        cure = (
            f"install Python {dotted(NEWEST)}, then make lab PYTHON={names[0]};\n"
            "       or with conda: conda env create -f environment.yml"
        )
    return (
        f"{sys.executable} is Python {dotted(version)}. The course needs "
        f"{dotted(OLDEST)} to {dotted(NEWEST)},\n"
        f"for which its libraries are pinned.\n  try: {cure}"
    )


def make_venv(folder):
    """Create the environment; anew where another Python version had made it."""
    here, have = dotted(sys.version_info[:2]), ""
    if (folder / "bin" / "python").exists():
        ask = "import sys; print('%d.%d' % sys.version_info[:2])"
        command = [str(folder / "bin" / "python"), "-c", ask]
        have = subprocess.run(command, stdout=subprocess.PIPE).stdout.decode().strip()
    if have == here:
        return
    try:
        import ensurepip  # noqa: F401
        import venv
    except ImportError as error:
        sys.exit(
            f"Python {here} cannot make an environment: its module {error.name} is\n"
            "missing. Debian and Ubuntu ship it as a package of its own.\n"
            f"  try: sudo apt-get install python{here}-venv"
        )
    if have:
        print(f"Replacing {folder.name}: Python {have} made it, this is {here}.")
    else:
        print(f"Creating {folder.name} with Python {here}.")
    venv.create(str(folder), clear=True, with_pip=True)


def recipe(extra):
    """Return a line that changes when what must be installed changes."""
    digest = hashlib.sha256()
    for name in ("pyproject.toml", "requirements.lock"):
        digest.update((ROOT / name).read_bytes())
    return f"{digest.hexdigest()} {extra}\n"


def install(folder, extra=""):
    """Install the course into the environment unless its stamp says it is there."""
    stamp = folder / ".installed"
    done = stamp.read_text() if stamp.exists() else ""
    if done in (recipe("dev"), recipe(extra)):
        return
    print("Installing the course, which takes a few minutes…", flush=True)
    what = f".[{extra}]" if extra else "."
    command = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet"]
    command += ["--disable-pip-version-check", "-c", "requirements.lock", "-e", what]
    if subprocess.call(command, cwd=str(ROOT)):
        sys.exit(
            "pip could not install the course; its reason stands above.\n"
            "  try: the same command once more when the network is back,\n"
            f"       or rm -rf {folder.name} and then the same command"
        )
    stamp.write_text(recipe(extra))


def main(extra=""):
    """Check this Python, make .venv with it, install."""
    wrong = complaint(sys.version_info[:2])
    if wrong:
        sys.exit(wrong)
    make_venv(ROOT / ".venv")
    install(ROOT / ".venv", extra)


if __name__ == "__main__":
    main(*sys.argv[1:2])
