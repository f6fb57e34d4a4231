"""Widgets: a static default everywhere, live where there is a front end, no grades."""

import asyncio
import doctest
from concurrent.futures import ThreadPoolExecutor

import ipywidgets
import pytest

from course import viz, widgets
from course.study import log
from course.viz import page

ALT = "A line that rises with the number of threads."


def model(threads=3, kind="flat", fast=False):
    if threads == 9:
        raise ValueError("nine <threads> are too many")
    return {"threads": threads, "kind": kind, "fast": fast}


@pytest.fixture
def put(monkeypatch):
    """Return the list of pictures put on the page: (figure, alt, options)."""
    found = []
    monkeypatch.delenv("NBGRADER_EXECUTION", raising=False)
    monkeypatch.delenv("COURSE_HEADLESS", raising=False)
    monkeypatch.setattr(page, "in_notebook", lambda: True)
    monkeypatch.setattr(
        page, "put", lambda fig, alt, **kw: found.append((fig, alt, kw))
    )
    return found


@pytest.fixture
def displayed(monkeypatch):
    found = []
    monkeypatch.setattr(widgets, "display", lambda data, raw: found.append(data))
    return found


def panel(view=lambda data: data, **controls):
    knobs = {
        name: widgets._knob(name, control, widgets._defaults(model).get(name))
        for name, control in controls.items()
    }
    box = widgets._panel(model, view, ALT, knobs, "explore-x")
    return knobs, box.children[-1]


def test_the_examples_in_docstrings_run():
    assert doctest.testmod(widgets).failed == 0


def test_controls_become_widgets_that_start_at_the_models_default():
    knob = widgets._knob("threads", (1, 10, 1), 3)
    assert (type(knob), knob.value) == (ipywidgets.IntSlider, 3)
    assert widgets._knob("threads", (1, 10, 1), 99).value == 5
    assert widgets._knob("x", (0, 10, 2)).value in (4, 6)
    knob = widgets._knob("share", (0.0, 1.0, 0.25))
    assert (type(knob), knob.value) == (ipywidgets.FloatSlider, 0.5)
    assert knob.readout_format == ".2f"
    knob = widgets._knob("size", [4096, 256, 512])
    assert (type(knob), knob.value) == (ipywidgets.SelectionSlider, 4096)
    assert [label for label, _ in knob.options] == ["256", "512", "4,096"]
    knob = widgets._knob("kind", ["flat", "steep"], "steep")
    assert (type(knob), knob.value) == (ipywidgets.Dropdown, "steep")
    assert widgets._knob("fast", False, True).value is True
    for bad in ("abc", (1, 2), (1, 2, 0), [], 3, None):
        with pytest.raises(ValueError, match="control 'x' must be"):
            widgets._knob("x", bad)


def test_explore_shows_the_default_then_the_controls(put, displayed):
    widgets.explore(
        model,
        lambda data: data,
        question="How many threads?",
        alt=ALT,
        threads=(1, 10, 1),
        kind=["flat", "steep"],
    )
    ((figure, alt, options),) = put
    assert figure == {"threads": 3, "kind": "flat", "fast": False}
    assert alt == ALT
    assert options["name"].startswith("explore-")
    question, controls = displayed
    assert question["text/plain"] == "How many threads?"
    assert controls["text/plain"] == "threads = 3, kind = flat"
    assert "application/vnd.jupyter.widget-view+json" in controls


def test_moving_a_control_replaces_the_picture(put):
    knobs, _ = panel(threads=(1, 10, 1), kind=["flat", "steep"])
    knobs["threads"].value = 4
    knobs["kind"].value = "steep"
    assert [figure["threads"] for figure, _, _ in put] == [4, 4]
    assert put[-1][0]["kind"] == "steep"
    assert put[-1][1] == f"threads = 4, kind = steep. At the start: {ALT}"
    assert put[-1][2] == {"name": "explore-x", "again": True}
    knobs["threads"].value, knobs["kind"].value = 3, "flat"
    assert put[-1][1] == ALT


def test_an_error_in_the_model_or_the_view_shows_under_the_controls(put):
    knobs, trouble = panel(threads=(1, 10, 1))
    knobs["threads"].value = 9
    assert "threads = 9" in trouble.value
    assert "nine &lt;threads&gt; are too many" in trouble.value
    assert put == []
    knobs["threads"].value = 8
    assert trouble.value == ""
    assert len(put) == 1

    knobs, trouble = panel(view=lambda data: 1 / 0, threads=(1, 10, 1))
    knobs["threads"].value = 8
    assert "ZeroDivisionError" in trouble.value


def test_explore_before_the_answer_is_written(put, displayed, capsys):
    def mine(n):
        raise NotImplementedError

    widgets.explore(mine, lambda data: data, question="?", alt=ALT, n=(1, 3, 1))
    assert "mine needs an answer that is not written yet" in capsys.readouterr().out
    assert put == []


def test_explore_refuses_too_many_controls_and_too_few_words():
    with pytest.raises(ValueError, match="1 to 4 controls, got 5"):
        widgets.explore(
            model, print, question="?", alt=ALT, **dict.fromkeys("abcde", True)
        )
    with pytest.raises(ValueError, match="1 to 4 controls, got 0"):
        widgets.explore(model, print, question="?", alt=ALT)
    with pytest.raises(ValueError, match="alt must describe"):
        widgets.explore(model, print, question="?", alt="a line", threads=(1, 10, 1))


@pytest.mark.parametrize("switch", ["NBGRADER_EXECUTION", "COURSE_HEADLESS"])
def test_all_are_inert_while_grading(put, displayed, monkeypatch, switch, capsys):
    monkeypatch.setenv(switch, "validate")

    def never(**values):
        raise AssertionError("called")

    widgets.explore(never, never, question="?", alt=ALT, threads=(1, 10, 1))
    widgets.predict("floor", "How much?", unit="MB")
    widgets.reveal("floor", 15.858)
    assert displayed == []
    assert capsys.readouterr().out == "measured: 15.9 MB\n"


# -- predict and reveal --------------------------------------------------------------


def form(name, **options):
    widgets._units[name] = options.get("unit", "")
    widgets._guesses.pop(name, None)
    box = widgets._form(
        name, "How <much>?", options.get("unit", ""), options.get("options")
    )
    parts = [
        one for child in box.children for one in getattr(child, "children", [child])
    ]
    field = next(p for p in parts if hasattr(p, "value") and hasattr(p, "disabled"))
    button = next(p for p in parts if isinstance(p, ipywidgets.Button))
    said = [p for p in parts if isinstance(p, ipywidgets.HTML)][-1]
    return field, button, said


@pytest.fixture
def told(monkeypatch):
    found = []
    monkeypatch.setattr(widgets, "_listeners", [])
    widgets.listen(lambda event, **facts: found.append((event, facts)))
    return found


def test_a_guess_is_locked_told_and_compared(told, capsys):
    field, button, said = form("floor", unit="MB")
    field.value = "forty"
    button.click()
    assert "a number" in said.value
    assert told == []
    field.value = "1,200"
    button.click()
    assert said.value == "Noted: 1,200 MB. Run the next cell."
    assert field.disabled
    assert button.disabled
    widgets.reveal("floor", 600.0, explain="Copies.")
    assert capsys.readouterr().out == (
        "measured: 600 MB; your guess: 1,200 MB (2 times too much)\nCopies.\n"
    )
    assert told == [
        ("guess", {"name": "floor", "guess": 1200.0}),
        ("reveal", {"name": "floor", "guess": 1200.0, "measured": 600.0}),
    ]


def test_a_choice_must_be_made(told, capsys):
    field, button, said = form("which", options=["disk", "memory"])
    button.click()
    assert said.value == "choose one first"
    field.value = "disk"
    button.click()
    widgets.reveal("which", "disk")
    widgets.reveal("which", "memory")
    assert capsys.readouterr().out.splitlines() == [
        "measured: disk; your guess: disk (right)",
        "measured: memory; your guess: disk",
    ]


@pytest.mark.parametrize(
    ("guess", "measured", "said"),
    [
        (100, 104, " (close)"),
        (10, 100, " (10 times too little)"),
        (0, 100, ""),
        (0, 0, " (close)"),
        (-5, 5, ""),
    ],
)
def test_how_far_a_guess_is_off(guess, measured, said):
    assert widgets._verdict(guess, measured) == said


def test_revealing_without_a_guess_prints_the_measurement_only(capsys):
    widgets.reveal("never asked", 12)
    assert capsys.readouterr().out == "measured: 12\n"


# -- the study log -------------------------------------------------------------------


@pytest.fixture
def place(tmp_path, monkeypatch):
    (tmp_path / "nbgrader_config.py").touch()
    monkeypatch.setenv("COURSE_ROOT", str(tmp_path))
    monkeypatch.setattr(log, "_current", [])
    return tmp_path / ".course" / "log.jsonl"


def test_the_log_is_appended_line_by_line(place):
    log.begin("w1-dedup")
    assert log.record("guess", name="floor", guess=40.0, odd=object())
    assert [event["event"] for event in log.events()] == ["open", "guess"]
    assert log.events()[1]["notebook"] == "w1-dedup"
    with place.open("a") as file:
        file.write('{"torn": \n[1]\n\x00\n')
    log.record("check", test="e1.check", passed=True)
    assert [event["event"] for event in log.events()] == ["open", "guess", "check"]
    assert place.read_text().count("\n") == 6


def test_a_log_that_cannot_be_written_disturbs_nothing(place, monkeypatch):
    place.parent.write_text("a file stands where the folder should")
    assert log.record("guess") is False
    assert log.events() == []
    loop = []
    loop.append(loop)
    assert log.record("guess", value=loop) is False
    monkeypatch.setenv("COURSE_ROOT", "/nowhere/at/all")
    monkeypatch.chdir(place.parent.parent)
    assert log.record("guess") is False


# -- in a real kernel ----------------------------------------------------------------

NOTEBOOK = [
    """
from course import viz, widgets

def model(threads=3):
    if threads == 9:
        raise ValueError("too many")
    return threads

def view(threads):
    fig, ax = viz.figure("narrow")
    ax.plot([0, threads])
    return fig
""",
    f"""
widgets.explore(model, view, question="How many?", alt="{ALT}", threads=(1, 10, 1))
""",
    'widgets.predict("floor", "How much?", unit="MB")',
    'widgets.reveal("floor", 15.858)',
]
MOVE = """
from ipywidgets import IntSlider
from ipywidgets.widgets.widget import _instances
(slider,) = [one for one in _instances.values() if isinstance(one, IntSlider)]
for value in (4, 5, 9, 6):
    slider.value = value
"""


def executed(cells):
    import nbclient
    import nbformat

    from course import fastimport  # noqa: F401

    book = nbformat.v4.new_notebook()
    book.cells = [nbformat.v4.new_code_cell(cell.strip()) for cell in cells]
    nbclient.NotebookClient(book, kernel_name="python3").execute()
    return book


@pytest.mark.slow
def test_a_kernel_without_a_front_end_leaves_the_default_behind(monkeypatch):
    monkeypatch.delenv("NBGRADER_EXECUTION", raising=False)
    monkeypatch.delenv("COURSE_HEADLESS", raising=False)
    still = executed(NOTEBOOK)
    moved = executed([*NOTEBOOK, MOVE])
    for book in (still, moved):
        question, picture, controls = book.cells[1].outputs
        assert question.data["text/plain"] == "How many?"
        assert "image/png" in picture.data
        assert "widget-view" in str(controls.data)
        assert book.cells[3].outputs[0].text == "measured: 15.9 MB\n"
    before, after = (book.cells[1].outputs[1].data for book in (still, moved))
    assert before["image/png"] != after["image/png"]
    assert after["text/plain"].startswith("threads = 6.")
    assert moved.cells[4].outputs == []


@pytest.mark.slow
def test_a_kernel_that_grades_shows_words_only(monkeypatch):
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    book = executed([*NOTEBOOK, "import sys; print('matplotlib' in sys.modules)"])
    (words,) = book.cells[1].outputs
    assert words.data == {"text/plain": ALT}
    assert book.cells[2].outputs == []
    assert book.cells[4].outputs[0].text == "False\n"
    assert viz.inert()


# -- clock ---------------------------------------------------------------------------


class Timed:
    """A sitting of which each number can be set."""

    open = True

    def __init__(self, now=0.0, **reached):
        self.now, self.done = now, reached

    def elapsed(self):
        return self.now

    def marks(self):
        return {"read": 12, "write": 30}

    def reached(self):
        return self.done


@pytest.mark.parametrize(
    ("timed", "said"),
    [
        (Timed(), "30 minutes left; next: read, by minute 12."),
        (Timed(14.5), "16 minutes left; next: read, by minute 12 (behind the plan)."),
        (Timed(14.5, read=10), "16 minutes left; next: write, by minute 30."),
        (Timed(29, read=10, write=29), "1 minute left."),
        (Timed(42, read=10), "12 minutes over; next: write, by minute 30 (behind"),
    ],
)
def test_what_a_clock_says(timed, said, monkeypatch, capsys):
    monkeypatch.delenv("NBGRADER_EXECUTION", raising=False)
    monkeypatch.delenv("COURSE_HEADLESS", raising=False)
    monkeypatch.setattr(page, "in_notebook", lambda: False)
    widgets.clock(timed)
    assert capsys.readouterr().out.startswith(said)


def test_a_clock_that_has_stopped_says_how_long_it_took():
    timed = Timed(25)
    timed.open = False
    assert widgets._clock_words(timed) == "Finished after 25 of 30 minutes."


def test_a_clock_shows_the_marks_and_goes_on_by_itself(put, displayed, monkeypatch):
    monkeypatch.setattr(widgets, "_TICK", 0.001)
    timed = Timed(3, read=2)
    faces = []
    kind = ipywidgets.HTML
    monkeypatch.setattr(
        ipywidgets, "HTML", lambda value: faces.append(kind(value)) or faces[-1]
    )

    async def until(condition):
        for _ in range(5000):  # of 1 ms: a busy machine may take its time
            if condition():
                return
            await asyncio.sleep(0.001)
        raise TimeoutError([face.value for face in faces])

    async def sit():
        widgets.clock(timed)
        timed.now = 14
        await until(lambda: "16 minutes left" in faces[0].value)
        widgets.clock(timed)  # the cell is run again: only one clock goes on
        first, second = widgets._ticking[-1], faces[1]
        assert len(widgets._ticking) == 1
        timed.now = 20
        await until(lambda: "10 minutes left" in second.value)
        timed.open = False
        await until(first.done)
        return first, second

    # In a thread of its own: a browser's test may have left a loop running in this one.
    with ThreadPoolExecutor(1) as pool:
        task, face = pool.submit(asyncio.run, sit()).result()
    assert task.done()
    assert "16 minutes left" in faces[0].value
    assert "Finished after 20" in face.value
    assert "✓ read · 12" in face.value
    assert [words["text/plain"][:10] for words in displayed] == [
        "27 minutes",
        "16 minutes",
    ]


def test_a_clock_without_a_loop_stands_still_and_while_grading_there_is_none(
    put, displayed, monkeypatch, capsys
):
    widgets.clock(Timed(3))
    assert len(displayed) == 1
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    widgets.clock(Timed(3))
    assert len(displayed) == 1
    assert capsys.readouterr().out == ""


def test_a_button_begins_a_sitting_and_gives_its_place_to_the_clock(
    put, displayed, monkeypatch
):
    begun = []
    widgets.clock(lambda: begun.append(Timed(0)) or begun[-1])
    assert displayed[0]["text/plain"] == "The clock stands."
    assert begun == []
    box = widgets._beginning(lambda: begun.append(Timed(0)) or begun[-1])
    (button,) = box.children
    button.click()
    (face,) = box.children
    assert len(begun) == 1
    assert "30 minutes left" in face.value
