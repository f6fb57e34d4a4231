"""The doctor names each lack with its cure, and is honest about the sandbox."""

import shutil

import pytest

from course.grading import sandbox
from course.ops import doctor


@pytest.fixture
def by_name(built_minicourse):
    """Return a function that examines the tiny course: findings by their name."""
    shutil.copy(doctor.install.ROOT / "requirements.lock", built_minicourse)
    return lambda: {one.about: one for one in doctor.examine(built_minicourse)}


def test_healthy_course(by_name):
    found = by_name()
    assert {found[name].state for name in ("Python", "disk", "release")} == {"ok"}
    assert found["packages"].state in ("ok", "note")
    assert found["gradebook"].cure == "course gradebook"


def test_stale_release(by_name, built_minicourse):
    next((built_minicourse / "release").glob("*/*.ipynb")).write_text("{}")
    found = by_name()["release"]
    assert (found.state, found.cure) == ("bad", "course build")


def test_package_that_differs_from_the_lock(by_name, built_minicourse):
    (built_minicourse / "requirements.lock").write_text("numpy==0.1\nnothere==1\n")
    found = by_name()["packages"]
    assert found.state == "note"
    assert "numpy" in found.said
    assert "nothere" not in found.said


def test_no_browser_is_only_a_note(by_name, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert by_name()["Chromium"].state == "note"


@pytest.mark.parametrize(("why", "state"), [("", "ok"), ("no bubblewrap", "note")])
def test_what_confines_strangers_is_named(by_name, monkeypatch, why, state):
    monkeypatch.setattr(sandbox, "obstacle", lambda: why)
    found = by_name()["sandbox"]
    assert found.state == state
    assert why in found.said
    assert found.cure == (sandbox.CURE if why else "")


def test_full_disk_is_bad(by_name, monkeypatch):
    usage = shutil._ntuple_diskusage(10, 10, 0)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    assert by_name()["disk"].state == "bad"


def test_report_prints_cures_and_returns_the_verdict(by_name, monkeypatch, capsys):
    monkeypatch.setattr(
        doctor, "examine", lambda root: [doctor.Finding("ok", "a", "b")]
    )
    assert doctor.report() == 0
    bad = doctor.Finding("bad", "x", "is gone", "type this")
    monkeypatch.setattr(doctor, "examine", lambda root: [bad])
    assert doctor.report() == 1
    out = capsys.readouterr().out
    assert "is gone" in out
    assert "try: type this" in out
