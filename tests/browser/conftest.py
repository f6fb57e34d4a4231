"""A real JupyterLab, started as a learner starts it, and a real Chromium on it.

Without Chromium these tests skip and say so; with COURSE_REQUIRE_BROWSER=1 that
skip is a failure. COURSE_SCREENSHOTS names a folder that keeps the pictures.
"""

import os
import secrets
import shutil
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic, sleep

import pytest

FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update"),
    "--disable-sync",
)
NAMES = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="session")
def chromium() -> str:
    """Return the path of Chromium, or skip (fail where it is required)."""
    for name in NAMES:
        if path := shutil.which(name):
            return path
    reason = f"no Chromium: none of {', '.join(NAMES)} is on PATH"
    if os.environ.get("COURSE_REQUIRE_BROWSER") == "1":
        pytest.fail(f"{reason}, and COURSE_REQUIRE_BROWSER=1")
    pytest.skip(reason)


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator:
    """Return a running headless browser."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield running
        running.close()


@pytest.fixture
def page(browser) -> Iterator:
    """Return a fresh window."""
    context = browser.new_context(viewport={"width": 1360, "height": 900})
    context.set_default_timeout(60_000)
    yield context.new_page()
    context.close()


@pytest.fixture
def picture(tmp_path: Path, request: pytest.FixtureRequest) -> Callable[[str], str]:
    """Return a function from a name to the path where its screenshot goes."""
    folder = Path(os.environ.get("COURSE_SCREENSHOTS", tmp_path / "screenshots"))
    folder.mkdir(parents=True, exist_ok=True)
    return lambda name: str(folder / f"{request.node.name}-{name}.png")


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Callable[..., Callable[[str], str]]]:
    """Return a function that starts `course lab` in a folder.

    It returns a function from a path in that folder to the address to open.
    """
    running = []

    def start(course: Path, *options: str) -> Callable[[str], str]:
        port, token = _free_port(), secrets.token_hex(8)
        own = ("CONFIG_DIR", "DATA_DIR", "RUNTIME_DIR")
        log = (tmp_path / "lab.log").open("w")
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "course", "lab", "--no-browser"),
                *(f"--port={port}", f"--IdentityProvider.token={token}", *options),
            ],
            cwd=course,
            env=os.environ
            | {f"JUPYTER_{name}": str(tmp_path / "jupyter" / name) for name in own}
            | {"COURSE_ROOT": str(course), "IPYTHONDIR": str(tmp_path / "ipython")},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        running.append(process)
        _wait(f"http://127.0.0.1:{port}/api", process, Path(log.name))
        return lambda path: f"http://127.0.0.1:{port}/lab/tree/{path}?token={token}"

    yield start
    for process in running:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _wait(address: str, process: subprocess.Popen, log: Path) -> None:
    end = monotonic() + 60
    while monotonic() < end:
        if process.poll() is not None:
            pytest.fail(f"course lab ended at once:\n{log.read_text()}")
        try:
            urllib.request.urlopen(address, timeout=5)
            return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            sleep(0.2)
    pytest.fail(f"course lab did not answer:\n{log.read_text()}")
