"""Run one submitted notebook, whatever it does, and leave a verdict in each cell.

nbgrader's own `Execute` loses the whole submission when its kernel dies, and
costs points for a warning. This one is put in its place by `nbgrader_config.py`,
so that `course grade` and plain `nbgrader autograde` run the same way.
"""

import asyncio
import copy
import hashlib
import os
import queue
import secrets
import shutil
import signal
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic
from typing import Any

import nbformat
import zmq
import zmq.asyncio
from jupyter_client.asynchronous import AsyncKernelClient
from jupyter_core.utils import ensure_async
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbformat.notebooknode import NotebookNode
from nbgrader import preprocessors, utils
from traitlets import Bool, Integer, Unicode, default

from course.check.cell import title
from course.errors import CourseError
from course.grading import canary, sandbox, trial
from course.grading.cells import as_cell, left_out

SEED = "COURSE_SEED"
TAMPERED = "Tampered"
SERVE = "__import__('course.grading.split', fromlist=['serve']).serve({path!r})"
UNSEEN = "Not run while grading: it only draws or measures, and no test needs it.\n"
# Where a test ran, in its cell's metadata: beside the learner's code, or apart.
BESIDE, APART = "beside", "apart"


def seed(nb: NotebookNode, student: str, notebook: str) -> str:
    """Return the seed of the hidden inputs: eight hex digits.

    It depends on the student, the notebook and the text of the answers, so that
    no output can be hard-coded and the same submission always draws the same
    inputs. `COURSE_SEED` in the environment wins: that replays a recorded run.
    """
    if SEED in os.environ:
        return os.environ[SEED]
    digest = hashlib.sha256(f"{student}\0{notebook}".encode())
    for cell in nb.cells:
        if utils.is_solution(cell):
            digest.update(f"\0{cell.metadata.nbgrader.grade_id}\0".encode())
            digest.update(cell.source.encode("utf-8", "surrogatepass"))
    return digest.hexdigest()[:8]


class Client(AsyncKernelClient):
    """A client that refuses one message too large to hold, and so survives it."""

    MAX_MESSAGE = 100_000_000  # bytes

    @default("context")
    def _limited_context(self) -> zmq.asyncio.Context:
        self._created_context = True
        context = zmq.asyncio.Context()
        context.setsockopt(zmq.MAXMSGSIZE, self.MAX_MESSAGE)
        return context

    async def wait_for_ready(self, timeout: float | None = None) -> None:
        """Wait until the kernel answers and its outputs come through.

        Jupyter's own sleeps for 0.4 s in all. Raises RuntimeError when the kernel
        dies or is not ready in time.
        """
        end = monotonic() + (timeout or 60)
        while monotonic() < end:
            asked = self.kernel_info()
            with suppress(queue.Empty):
                reply = await self.shell_channel.get_msg(timeout=1)
                while True:  # the first outputs may have found nobody listening
                    output = await self.iopub_channel.get_msg(timeout=0.05)
                    ours = output["parent_header"].get("msg_id") == asked
                    if ours and output["content"].get("execution_state") == "idle":
                        self._handle_kernel_info_reply(reply)
                        return
            if not await self._async_is_alive():
                raise RuntimeError("the kernel died before it was ready")
        raise RuntimeError(f"the kernel was not ready in {timeout} s")


class Execute(preprocessors.Execute):
    """Run every cell within budgets; what cannot run fails, and says why.

    A cell that exceeds its time fails alone. A kernel that dies, ignores the
    interrupt, or floods its output fails that cell and every later one: each of
    them gets an error output, so that nbgrader gives it no points. What a test
    cell writes to stderr is kept for the feedback and costs nothing.
    """

    trust = Bool(
        False,
        help="Run submissions with your own rights, outside the sandbox. For your "
        "own work, or for people you trust.",
    ).tag(config=True)
    canaries = Bool(
        True,
        help="Around each test that passed beside the learner's code, run copies that "
        "must fail. One that passes shows that tests were tampered with: then all of "
        "the notebook count 0. Not where `trust` is set.",
    ).tag(config=True)
    timeout = Integer(15, help="Seconds for one cell.").tag(config=True)
    repeat_timeout = Integer(
        5, help="Seconds for a cell of an exercise that already ran out of time."
    ).tag(config=True)
    notebook_timeout = Integer(180, help="Seconds for one notebook.").tag(config=True)
    cell_output = Integer(1_000_000, help="Characters kept of one cell's output.").tag(
        config=True
    )
    notebook_output = Integer(
        50_000_000, help="Characters of output after which the notebook is stopped."
    ).tag(config=True)

    source = Unicode(
        "",
        help="The folder of notebooks with hidden tests; by default the course's. "
        "From it come the processes in which tests of mode=split run.",
    ).tag(config=True)

    def _source(self, details: dict[str, str]) -> Path:
        folder = self.source
        if not folder and hasattr(self.parent, "parent"):
            place = self.parent.parent.coursedir
            folder = str(Path(place.root, place.source_directory))
        name = details.get("notebook", "")
        return Path(folder, details.get("assignment", ""), f"{name}.ipynb")

    @default("shutdown_kernel")
    def _shutdown_kernel_default(self) -> str:
        return "immediate"  # it saves half a second, and nothing there is kept

    def preprocess(self, nb, resources, km=None):
        """Run `nb` in a scratch folder and record the seed it ran with.

        Raises CourseError where the kernel cannot be confined, unless `trust` is set.
        """
        if not self.trust:
            sandbox.require()
        details = resources.get("nbgrader", {})
        self._seed = seed(nb, details.get("student", ""), details.get("notebook", ""))
        nb.metadata.setdefault("course", NotebookNode())["seed"] = self._seed
        self._deadline = monotonic() + self.notebook_timeout
        self._stopped = ""
        self._printed = self._cell_printed = 0
        self._slow: set[str] = set()
        self._judging: trial.Judging | None = None  # tests under way
        self._verdicts: dict[str, trial.Outcome] = {}
        self._judges = None if self.trust else trial.judges(self._source(details))
        home = resources.get("metadata", {}).get("path")
        code = [as_cell(cell) for cell in nb.cells if cell.cell_type == "code"]
        self._left_out = left_out(code)
        self._tampered: list[str] = []
        self._unwatched: list[str] = []  # tests of which no copy ran
        self._watched = 0.0  # seconds that copies took
        with self._scratch(home), tempfile.TemporaryFile() as self._noise:
            nb, resources = super().preprocess(nb, resources, km)
        if self._unwatched:
            places = ", ".join(dict.fromkeys(self._unwatched))
            nb.metadata.course["notes"] = [f"too slow to watch over {places}"]
        if self._tampered:
            nb.metadata.course["flags"] = self._tampered
            for flag in self._tampered:
                self.log.warning("TAMPERING: %s", flag)
            for cell in nb.cells:
                if utils.is_grade(cell) and cell.cell_type == "code":
                    _add_error(cell, TAMPERED, "; ".join(self._tampered[:3]))
        return nb, resources

    def preprocess_cell(self, cell, resources, index):
        """Run one cell; after the notebook was stopped, fail it instead."""
        if cell.cell_type != "code":
            return cell, resources
        if cell.id in self._left_out:
            cell.outputs = [nbformat.v4.new_output("stream", text=UNSEEN)]
            return cell, resources
        self._cell_printed = 0
        seconds = self._get_timeout(cell)
        if not self._stopped and seconds <= 0:
            self._stop(f"the notebook ran longer than {self.notebook_timeout} s")
        if self._stopped:
            _add_error(cell, "NotRun", f"not run: {self._stopped}")
            return cell, resources
        if utils.is_grade(cell) and self._is_apart(cell):
            self._judge_apart(cell, resources, index, seconds)
            return cell, resources
        watched = utils.is_grade(cell) and self.canaries and not self.trust
        alive = watched and secrets.randbelow(2) and self._lives(cell, resources, index)
        self._run(cell, resources, index, seconds)
        if utils.is_grade(cell):
            cell.metadata.setdefault("course", NotebookNode())["judged"] = BESIDE
            for output in cell.outputs:
                if output.output_type == "stream":
                    output.name = "stdout"
        failed = any(output.output_type == "error" for output in cell.outputs)
        if watched and not failed and not self._stopped:
            alive = alive or self._lives(cell, resources, index, first=False)
            if alive:
                self._tampered.append(
                    f"{_place(cell)} passed, and so did a copy of it that must fail"
                )
        return cell, resources

    def _run(
        self, cell: NotebookNode, resources: Any, index: int, seconds: float
    ) -> None:
        """Run one cell in the kernel; leave an error in it where that goes wrong."""
        self._interrupted = False
        self.error_on_timeout = _error(
            "CellTimeoutError", f"still running after {seconds} s, so it was stopped"
        )
        try:
            super().preprocess_cell(cell, resources, index)
        except DeadKernelError:
            if not self._stopped:
                self._stop(f"the kernel died in {_place(cell)}")
            _add_error(cell, "KernelDied", self._stopped)
        except CellTimeoutError:
            if self._interrupted:
                self._stop(f"{_place(cell)} could not be interrupted")
                said = (
                    f"still running after {seconds} s; interrupted, "
                    "the kernel gave no sign for another 4 s"
                )
            else:
                self._stop(f"{_place(cell)} printed more at once than can be held")
                said = self._stopped
            _add_error(cell, "KernelHung", said)
        else:
            if self._stopped:
                _add_error(cell, "KernelStopped", self._stopped)
        if any(out.get("ename") == "CellTimeoutError" for out in cell.outputs):
            self._slow.add(_exercise(cell))

    def _is_apart(self, cell: NotebookNode) -> bool:
        return (
            self._judges is not None
            and cell.metadata.get("course", {}).get("mode") == "split"
        )

    def _judge_apart(
        self, cell: NotebookNode, resources: Any, index: int, seconds: float
    ) -> None:
        """Let a test be judged in a process of its own, with a line to the kernel.

        The tests of an exercise that stand together are judged together; one that
        stops the others is then passed over, and they are judged one by one.
        """
        cell.metadata.setdefault("course", NotebookNode())["judged"] = APART
        errors: list[NotebookNode] = []
        for cells in (self._together(index), [cell]):
            if cell.id not in self._verdicts and not self._stopped:
                errors = self._ask_judges(cells, resources, index, seconds)
        test = as_cell(cell)
        found = self._verdicts.get(cell.id)
        if found is None:
            cell.outputs = errors
            if not errors:
                _add_error(cell, "Wrong", "it could not be judged")
        elif found.passed:
            replay = f" (hidden inputs: seed {self._seed})" * (test.role == "grade")
            said = f"{title(test.id)}: passed{replay}\n"
            cell.outputs = [nbformat.v4.new_output("stream", text=said)]
        else:
            lines = found.message.splitlines()
            told = {"ename": "Wrong", "evalue": found.message, "traceback": lines}
            cell.outputs = [nbformat.v4.new_output("error", **told)]

    def _together(self, index: int) -> list[NotebookNode]:
        """Return the tests from `index` on that may be judged in one go."""
        found = [self.nb.cells[index]]
        for cell in self.nb.cells[index + 1 :]:
            if cell.cell_type != "code":
                continue
            same = _exercise(cell) == _exercise(found[0])
            if not (same and utils.is_grade(cell) and self._is_apart(cell)):
                break
            found.append(cell)
        return found

    def _ask_judges(
        self,
        cells: list[NotebookNode],
        resources: Any,
        index: int,
        seconds: float,
    ) -> list[NotebookNode]:
        """Have tests of one exercise judged; return the errors of the kernel's side.

        The cell that runs in the kernel only serves the line. What it says of itself
        counts for nothing, unless the kernel goes down with it.
        """
        tests = [as_cell(cell) for cell in cells]
        exercise = tests[0].exercise
        path = str(self.km.provisioner.folder / f"line-{secrets.token_hex(4)}")
        try:
            self._judges.open()
            self._judging = self._judges.judge(
                exercise,
                [test.group for test in tests],
                self._seed,
                path,
                deadline=seconds,
            )
        except (CourseError, OSError, EOFError) as error:
            return [_fault("NotJudged", f"no process judges this test: {error}")]
        cell = self.nb.cells[index]
        serving = copy.deepcopy(cell)
        serving.source = SERVE.format(path=path)
        self._run(serving, resources, index, seconds + 2)
        self.nb.cells[index] = cell  # nbclient has put the other there
        cell.metadata["execution"] = serving.metadata.get("execution", {})
        if not self._judging.done():
            with suppress(OSError), socket.socket(socket.AF_UNIX) as wire:
                wire.settimeout(1)  # it may be the learner's by now, and deaf
                wire.connect(path)  # if nobody else has: hang up at once
        judging, self._judging = self._judging, None
        try:
            outcomes = judging.outcomes()
        except (CourseError, OSError, EOFError) as error:
            return [_fault("NotJudged", f"this test came to no end: {error}")]
        self._verdicts |= {one.cell_id: one for one in outcomes}
        if any(one.seconds >= seconds for one in outcomes):
            self._slow.add(exercise)
        return [out for out in serving.outputs if out.output_type == "error"]

    async def _async_poll_kernel_alive(self) -> None:
        """Watch the kernel, and interrupt it when it works for a test that is over."""
        watching = asyncio.ensure_future(self._follow_the_judge())
        try:
            await super()._async_poll_kernel_alive()
        finally:
            watching.cancel()

    async def _follow_the_judge(self) -> None:
        if judging := self._judging:
            while not judging.done():
                await asyncio.sleep(0.05)
            await asyncio.sleep(0.5)
            await ensure_async(self.km.interrupt_kernel())

    def _lives(
        self,
        cell: NotebookNode,
        resources: Any,
        index: int,
        *,
        first: bool = True,
    ) -> bool:
        """Run a copy of a test that must fail; return whether it passes all the same.

        The `first` statement of the copy is false, or one of its expected values is
        wrong; a test that names none has a false statement somewhere. So tests are
        found out that are skipped, silenced, cut short, patched or read. It is a
        detector and no wall: code in the same kernel that knows of it can tell the
        copy apart.
        """
        sign, start = "", monotonic()
        if self._watched >= self.notebook_timeout:
            self._unwatched.append(_place(cell))
            return False
        if not first and (copies := canary.wrong_values(cell.source)):
            source = secrets.choice(copies)
        elif found := canary.false_statement(cell.source, first=first):
            source, sign = found
        else:
            return False
        copied = copy.deepcopy(cell)  # its times are not the test's
        copied.source, copied.outputs = source, []
        kept, self._cell_printed = self._cell_printed, 0
        try:
            super().preprocess_cell(copied, resources, index)
        except (DeadKernelError, CellTimeoutError):
            return False
        finally:
            self._cell_printed = kept
            self.nb.cells[index] = cell  # nbclient has put the copy there
            # The learner does not pay for it, and has a budget of it.
            self._watched += monotonic() - start
            self._deadline += monotonic() - start
        said = [out for out in copied.outputs if out.output_type == "error"]
        return not any(sign in out.evalue for out in said)

    def _get_timeout(self, cell: NotebookNode | None) -> int:
        """Return the seconds this cell may take: its own limit or what is left."""
        if cell is None:  # the kernel's greeting
            return 60
        limit = self.repeat_timeout if _exercise(cell) in self._slow else self.timeout
        return min(limit, int(self._deadline - monotonic()))

    async def _async_handle_timeout(self, timeout: int, cell: Any = None):
        self._interrupted = True
        return await super()._async_handle_timeout(timeout, cell)

    def process_message(self, msg: dict[str, Any], cell: NotebookNode, index: int):
        """Take one message of the running cell, within the output budgets."""
        kind, content = msg["msg_type"], msg["content"]
        if kind.startswith("comm"):
            return None  # widgets have no front end here
        if kind in ("stream", "display_data", "execute_result"):
            room = self.cell_output - self._cell_printed
            size = _size(content)
            self._cell_printed += size
            self._printed += size
            if self._printed > self.notebook_output and not self._stopped:
                self._stop(f"{_place(cell)} printed without end")
            if room <= 0:
                return None
            if size > room:
                kept = content["text"][:room] if kind == "stream" else ""
                msg["msg_type"] = "stream"
                msg["content"] = {
                    "name": content.get("name", "stdout"),
                    "text": f"{kept}\n… output cut here: {self.cell_output:,} "
                    "characters are kept of one cell\n",
                }
        elif kind == "error":
            content["evalue"] = content["evalue"][:10_000]
            content["traceback"] = [line[:10_000] for line in content["traceback"]]
        return super().process_message(msg, cell, index)

    def start_new_kernel(self, **kwargs: Any) -> None:
        """Start the kernel with its seed, in its own folder, silent."""
        kwargs["env"] = {
            **os.environ,
            SEED: self._seed,
            # Sets and dicts then iterate alike in every regrade.
            "PYTHONHASHSEED": "0",
        }
        if self._folder:
            kwargs["cwd"] = str(self._folder)
            kwargs["env"]["TMPDIR"] = str(self._folder / "tmp")
        if not self.trust:
            # Into the spec itself: if it is not obeyed, no kernel starts at all.
            self.km.kernel_spec.metadata["kernel_provisioner"] = {
                "provisioner_name": sandbox.NAME,
                "config": {"files": str(self._folder or "")},
            }
        self.km.client_class = f"{Client.__module__}.{Client.__name__}"
        super().start_new_kernel(stdout=self._noise, stderr=self._noise, **kwargs)

    def start_new_kernel_client(self, **kwargs: Any):
        """Connect to the kernel; where that fails, log what the kernel said."""
        try:
            return super().start_new_kernel_client(**kwargs)
        except Exception:
            self._noise.seek(0)
            self.log.error("%s", self._noise.read(20_000).decode(errors="replace"))
            raise

    @contextmanager
    def setup_kernel(self, **kwargs: Any) -> Iterator[None]:
        """Start a kernel, and leave none of its processes behind."""
        with super().setup_kernel(**kwargs):
            try:
                yield
            finally:
                self._kill()

    @contextmanager
    def _scratch(self, home: str | None) -> Iterator[None]:
        """Give the kernel a fresh folder with the notebook's supporting files.

        A file that one run leaves behind can then not change the next.
        """
        self._folder = None
        if not home:
            yield
            return
        with tempfile.TemporaryDirectory(
            prefix="course-grade-", ignore_cleanup_errors=True
        ) as folder:
            self._folder = Path(folder, "work")
            shutil.copytree(
                home,
                self._folder,
                symlinks=True,
                ignore=shutil.ignore_patterns("*.ipynb", ".ipynb_checkpoints"),
            )
            (self._folder / "tmp").mkdir(exist_ok=True)
            yield

    def _stop(self, reason: str) -> None:
        self.log.warning("Stopping the notebook: %s", reason)
        self._stopped = reason
        self._kill()

    def _kill(self) -> None:
        """Kill the kernel and every process it started in its group."""
        process = getattr(self.km and self.km.provisioner, "process", None)
        if process is not None:
            with suppress(OSError):
                if process.pid and hasattr(os, "killpg"):
                    os.killpg(process.pid, signal.SIGKILL)
                else:
                    process.kill()


def _exercise(cell: NotebookNode) -> str:
    course = cell.metadata.get("course", {})
    return course.get("exercise") or f"cell {cell.get('id', '')}"


def _place(cell: NotebookNode) -> str:
    return f"cell {cell.get('id', '?')}"


def _size(content: dict[str, Any]) -> int:
    if "text" in content:
        return len(content["text"])
    return sum(len(str(value)) for value in content.get("data", {}).values())


def _error(name: str, value: str) -> dict[str, Any]:
    return {
        "ename": name,
        "evalue": value,
        "traceback": [f"\x1b[0;31m{name}\x1b[0m: {value}"],
    }


def _fault(name: str, value: str) -> NotebookNode:
    return NotebookNode(output_type="error", **_error(name, value))


def _add_error(cell: NotebookNode, name: str, value: str) -> None:
    cell.setdefault("outputs", []).append(_fault(name, value))
