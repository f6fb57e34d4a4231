"""The ways in agree with each other: pyproject, lock, conda, make, CI."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from course.ops import install
from course.ops.doctor import locked

HERE = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((HERE / "pyproject.toml").read_text("utf-8"))["project"]
LOCK = (HERE / "requirements.lock").read_text("utf-8")


def plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def required() -> list[str]:
    extras = PROJECT.get("optional-dependencies", {})
    lines = [*PROJECT["dependencies"], *extras["dev"]]
    return [plain(re.match(r"[A-Za-z0-9._-]+", line)[0]) for line in lines]


def test_lock_is_names_and_versions_only():
    for line in LOCK.splitlines():
        assert line.startswith("#") or re.fullmatch(r"[\w.-]+==[\w.]+", line), line
    names = [plain(name) for name, _ in locked(HERE / "requirements.lock")]
    assert len(names) == len(set(names))
    assert names


@pytest.mark.parametrize("name", required())
def test_every_dependency_is_locked(name):
    assert name in [plain(one) for one, _ in locked(HERE / "requirements.lock")]


def test_locked_versions_satisfy_pyproject():
    from packaging.requirements import Requirement

    have = {
        plain(name): version for name, version in locked(HERE / "requirements.lock")
    }
    for line in PROJECT["dependencies"] + PROJECT["optional-dependencies"]["dev"]:
        wanted = Requirement(line)
        assert have[plain(wanted.name)] in wanted.specifier


def test_conda_installs_the_same():
    import yaml

    environment = yaml.safe_load((HERE / "environment.yml").read_text("utf-8"))
    python, pip, by_pip = environment["dependencies"]
    assert python == f"python{PROJECT['requires-python']}"
    assert pip == "pip"
    assert by_pip == {"pip": ["-c requirements.lock", "-e ."]}


def test_versions_of_python_agree():
    oldest, newest = install.OLDEST, install.NEWEST
    above = f"{newest[0]}.{newest[1] + 1}"
    assert PROJECT["requires-python"] == f">={oldest[0]}.{oldest[1]},<{above}"


def make(*words: str) -> subprocess.CompletedProcess:
    """Run make as a person would, though `make test` may be what runs this."""
    outer = {"MAKEFLAGS", "MAKELEVEL", "MFLAGS", "MAKEOVERRIDES"}
    environment = {k: v for k, v in os.environ.items() if k not in outer}
    return subprocess.run(
        ["make", *words], cwd=HERE, env=environment, capture_output=True, text=True
    )


@pytest.mark.skipif(not shutil.which("make"), reason="no make on this machine")
@pytest.mark.parametrize(
    ("word", "ends"),
    [
        ("lab", "course lab"),
        ("grade", "course grade week1_coding --as sample --work build/sample"),
        ("test", "pytest"),
        ("audit", "course audit"),
        ("build", "course build"),
        ("lint", "course lint"),
        ("doctor", "course doctor"),
    ],
)
def test_make_knows_the_word(word, ends):
    out = make("-n", word)
    assert out.returncode == 0, out.stderr
    assert ends in out.stdout.splitlines()[-1]
    assert "work" not in re.sub(r"week\S+|--work \S+", "", out.stdout)


@pytest.mark.skipif(not shutil.which("make"), reason="no make on this machine")
def test_make_alone_lists_the_words():
    out = make().stdout
    for word in ("lab", "grade", "test", "audit", "build", "lint"):
        assert f"make {word} " in out


def test_ci_requires_the_browser_and_names_no_index():
    script = HERE / ".ci" / "run"
    assert os.access(script, os.X_OK)
    text = script.read_text("utf-8")
    assert "COURSE_REQUIRE_BROWSER=1" in text
    assert text.rstrip().splitlines()[-1].startswith("make test")
    for file in (".ci/run", "Makefile", "environment.yml", "requirements.lock"):
        assert "://" not in (HERE / file).read_text("utf-8"), file
        assert "index-url" not in (HERE / file).read_text("utf-8"), file


@pytest.mark.parametrize("version", [(3, 10), (3, 14), (2, 7)])
def test_wrong_python_is_told_what_to_type(version, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: name == "python3.12")
    said = install.complaint(version)
    assert f"Python {version[0]}.{version[1]}" in said
    assert "3.11 to 3.13" in said
    assert "try: make lab PYTHON=python3.12" in said
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert "conda env create -f environment.yml" in install.complaint(version)


@pytest.mark.parametrize("version", [(3, 11), (3, 12), (3, 13)])
def test_right_python_has_no_complaint(version):
    assert install.complaint(version) == ""


@pytest.mark.parametrize("module", ["venv", "ensurepip"])
def test_missing_venv_module_is_told_what_to_type(module, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(SystemExit) as stop:
        install.make_venv(tmp_path / ".venv")
    assert f"module {module}" in str(stop.value)
    assert "sudo apt-get install python3." in str(stop.value)
    assert not (tmp_path / ".venv").exists()


def test_installs_once_until_the_recipe_changes(tmp_path, monkeypatch):
    ran = []
    monkeypatch.setattr(install.subprocess, "call", lambda *a, **k: ran.append(a) or 0)
    install.install(tmp_path)
    install.install(tmp_path)
    assert len(ran) == 1
    install.install(tmp_path, "dev")
    install.install(tmp_path)  # dev holds all that a learner needs
    assert len(ran) == 2
    monkeypatch.setattr(install, "recipe", lambda extra: f"newer {extra}")
    install.install(tmp_path)
    assert len(ran) == 3


def test_failed_install_leaves_no_stamp(tmp_path, monkeypatch):
    monkeypatch.setattr(install.subprocess, "call", lambda *a, **k: 1)
    with pytest.raises(SystemExit, match="try: the same command"):
        install.install(tmp_path)
    assert not (tmp_path / ".installed").exists()
