"""A tiny course that tests may build, break and grade."""

import shutil
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.fixture
def minicourse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a private copy of `tests/minicourse`, with nothing built in it.

    It carries the real `nbgrader_config.py`, and `COURSE_ROOT` names it.
    """
    return _copy(HERE / "minicourse", tmp_path / "course", monkeypatch)


@pytest.fixture
def built_minicourse(
    _built_once: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """Return a private copy of the tiny course with `source/` and `release/` built."""
    return _copy(_built_once, tmp_path / "course", monkeypatch)


@pytest.fixture(scope="session")
def _built_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from course.ops.build import build

    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("built") / "course"
        _copy(HERE / "minicourse", folder, patch)
        build()
    return folder


def _copy(course: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(course, folder)
    shutil.copy(HERE.parent / "nbgrader_config.py", folder)
    monkeypatch.setenv("COURSE_ROOT", str(folder))
    return folder
