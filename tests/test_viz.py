"""Figures: style, size, alt text where it is read, and nothing drawn while grading."""

import base64
import doctest
import io
import itertools
import os
import subprocess
import sys

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.image import imread

from course import viz
from course.viz import drawing, page

ALT = "A line that rises from one to three."


@pytest.fixture
def shown(monkeypatch):
    """Return the list of what a notebook would display: (data, metadata, more)."""
    import IPython.display

    found = []
    monkeypatch.setattr(page, "in_notebook", lambda: True)
    monkeypatch.delenv("NBGRADER_EXECUTION", raising=False)
    monkeypatch.delenv("COURSE_HEADLESS", raising=False)
    monkeypatch.setattr(
        IPython.display,
        "publish_display_data",
        lambda data, notes, **more: found.append((data, notes, more)),
    )
    return found


def line():
    fig, ax = viz.figure("narrow")
    ax.plot([1, 2, 3], label="requests")
    ax.set(xlabel="second", ylabel="requests", title="It rises")
    viz.label_lines(ax)
    return fig


def letters(fig):
    """Return the visible texts of a figure after it has been laid out."""
    fig.draw_without_rendering()
    return [
        text
        for text in fig.findobj(mpl.text.Text)
        if text.get_visible() and text.get_text().strip()
    ]


@pytest.mark.parametrize("module", [drawing, page])
def test_the_examples_in_docstrings_run(module):
    assert doctest.testmod(module).failed == 0


def test_letters_are_readable_and_nothing_is_clipped():
    fig, axes = viz.figure("wide", rows=2, cols=2)
    for ax in axes.flat:
        for n in range(3):
            ax.plot(np.arange(10) * (1 + n / 50), label=f"a longer label {n}")
        ax.set(
            xlabel="step", ylabel="loss", title="A title that is far too long for it"
        )
        viz.label_lines(ax)
    drawing.png(fig, 96)
    edge = fig.bbox
    for text in letters(fig):
        assert text.get_fontsize() >= 9
        box = text.get_window_extent()
        if text.get_text().startswith(("a longer", "A title", "step", "loss")):
            assert box.x0 >= -1
            assert box.x1 <= edge.x1 + 1
            assert box.y0 >= -1
            assert box.y1 <= edge.y1 + 1
    assert "\n" in axes[0, 0].get_title("left")


def test_a_figure_fits_a_laptop_and_its_face_is_white():
    for width in ("wide", "square", "narrow"):
        fig, _ = viz.figure(width)
        assert fig.get_figwidth() * 96 <= 820
        assert fig.get_facecolor() == (1, 1, 1, 1)
    assert viz.figure("wide", height=2)[0].get_figheight() == 2
    assert viz.figure("wide", 2, 3)[1].shape == (2, 3)
    with pytest.raises(ValueError, match="'huge'"):
        viz.figure("huge")


def test_titles_stand_left():
    _, ax = viz.figure()
    ax.set_title("It rises")
    assert ax.get_title(loc="left") == "It rises"


def test_show_gives_picture_and_words(shown):
    viz.show(line(), alt=ALT)
    ((data, notes, more),) = shown
    assert data["text/plain"] == ALT
    assert f'alt="{ALT}"' in data["text/html"]
    assert notes["image/png"]["alt"] == ALT
    assert more == {"transient": None, "update": False}
    picture = imread(io.BytesIO(base64.b64decode(data["image/png"])))
    assert np.allclose(picture[0, 0, :3], 1)
    width = notes["image/png"]["width"]
    assert picture.shape[1] == pytest.approx(1.75 * width, abs=2)


def test_alt_is_escaped_and_must_say_something(shown):
    viz.show(line(), alt='A <b>"bold"</b> line, rising.')
    assert 'alt="A &lt;b&gt;&quot;bold&quot;' in shown[0][0]["text/html"]
    for poor in ("", "a line", " " * 40, None):
        with pytest.raises(ValueError, match="describe the picture"):
            viz.show(line(), alt=poor)


def test_show_takes_a_figure_of_pyplot_and_closes_it(shown):
    mpl.use("agg")
    from matplotlib import pyplot as plt

    fig, ax = plt.subplots()
    ax.plot([1, 2])
    viz.show(fig, alt=ALT)
    assert len(shown) == 1
    assert not plt.fignum_exists(fig.number)


@pytest.mark.parametrize("switch", ["NBGRADER_EXECUTION", "COURSE_HEADLESS"])
def test_nothing_is_drawn_while_grading(shown, monkeypatch, switch):
    monkeypatch.setenv(switch, "autograde")

    def never(*args):
        raise AssertionError("drawn")

    viz.show(never, alt=ALT)
    assert [data for data, _, _ in shown] == [{"text/plain": ALT}]
    viz.beside([1], [2], never, alt=ALT)
    with pytest.raises(ValueError, match="describe"):
        viz.show(never, alt="short")


def test_outside_a_notebook_nothing_is_printed(capsys):
    viz.show(line(), alt=ALT)
    assert capsys.readouterr().out == ""


def test_the_same_drawing_gives_the_same_bytes():
    code = (
        "import hashlib; from course.viz import drawing, figure;"
        "fig, ax = figure(); ax.plot([1, 3, 2], label='a'); ax.set_title('x' * 90);"
        "print(hashlib.sha256(drawing.png(fig, 168)).hexdigest())"
    )
    made = {
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        ).stdout
        for _ in range(2)
    }
    assert len(made) == 1


def test_importing_viz_leaves_matplotlib_alone():
    code = (
        "import sys; from course import check, desk, viz;"
        "viz.show(lambda: 1 / 0, alt='a picture that nobody draws');"
        "print('matplotlib' in sys.modules, 'ipywidgets' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "COURSE_HEADLESS": "1"},
    )
    assert done.stdout == "False False\n"
    with pytest.raises(AttributeError, match="no attribute 'pie'"):
        viz.pie  # noqa: B018


# -- yours beside expected -----------------------------------------------------------


@pytest.fixture
def drawn(monkeypatch):
    """Return the list of figures that were shown."""
    figures = []
    monkeypatch.setattr(drawing, "inert", lambda: False)
    monkeypatch.setattr(drawing, "show", lambda fig, alt: figures.append(fig))
    return figures


def draw(ax, data):
    ax.plot(data)
    ax.set(xlabel="item", ylabel="value")


def words(fig):
    return " ".join(" ".join(text.get_text().split()) for text in letters(fig))


def test_beside_draws_both_on_one_scale(drawn):
    viz.beside([1, 2, 30], [1, 2, 3], draw, alt=ALT, titles=("yours", "wanted"))
    left, right = drawn[0].axes
    assert left.get_ylim() == right.get_ylim()
    assert (left.get_title("left"), right.get_title("left")) == ("yours", "wanted")


def test_beside_leaves_limits_that_were_set(drawn):
    def upside_down(ax, data):
        draw(ax, data)
        ax.invert_yaxis()

    viz.beside([1, 2, 30], [1, 2, 3], upside_down, alt=ALT)
    left, right = drawn[0].axes
    assert left.get_ylim() == right.get_ylim()
    assert left.get_ylim()[0] > left.get_ylim()[1]


def stub():
    raise NotImplementedError


class Stub:
    def __init__(self):
        raise NotImplementedError


def broken():
    raise ValueError("no such " + "size " * 40)


@pytest.mark.parametrize(
    ("yours", "said"),
    [
        (None, "nothing came back (None)"),
        (lambda: viz.attempt(stub), "stub is not written yet"),
        (lambda: viz.attempt(Stub), "Stub is not written yet"),
        (lambda: viz.attempt(broken), "raised ValueError: no such size"),
        ({"a": object()}, "this result cannot be drawn: raised"),
        ("text", "cannot be drawn"),
    ],
)
def test_beside_says_why_there_is_nothing_to_draw(drawn, yours, said):
    def strict(ax, data):
        ax.plot([float(one) for one in data])

    viz.beside(yours() if callable(yours) else yours, [1, 2], strict, alt=ALT)
    assert said in words(drawn[0])
    assert len(drawn[0].axes[1].get_lines()) == 1


def test_an_expected_result_that_cannot_be_drawn_is_the_authors_error(drawn):
    with pytest.raises(ZeroDivisionError):
        viz.beside([1], [2], lambda ax, data: 1 / 0, alt=ALT)


# -- labels ----------------------------------------------------------------------


def test_line_labels_do_not_overlap_and_stay_in_the_panel():
    fig, ax = viz.figure("wide")
    for n in range(6):
        ax.plot([0, 1], [0, 1 + n / 1000], label=f"line {n}")
    ax.plot([0, 1], [0, 0.5])  # no label, no words
    viz.label_lines(ax)
    fig.draw_without_rendering()
    boxes = sorted((t.get_window_extent() for t in ax.texts), key=lambda b: b.y0)
    assert len(boxes) == 6
    for below, above in itertools.pairwise(boxes):
        assert below.y1 <= above.y0 + 1
    assert boxes[-1].x1 <= fig.bbox.x1


def test_line_labels_on_a_log_axis_follow_the_line():
    fig, ax = viz.figure("wide")
    ax.set_yscale("log")
    ax.plot([0, 1], [1, 10], label="low")
    ax.plot([0, 1], [1, 1e6], label="high")
    viz.label_lines(ax)
    fig.draw_without_rendering()
    low, high = (text.get_window_extent() for text in ax.texts)
    for box, end in ((low, 10), (high, 1e6)):
        y = ax.transData.transform((1, end))[1]
        assert box.y0 - 12 <= y <= box.y1 + 12
    viz.label_lines(viz.figure()[1])  # no lines


def test_bars_say_their_values():
    _, ax = viz.figure()
    viz.bars(ax, ["a", "you", "c"], [1234567, 0, 0.1234], "bytes", highlight={"you"})
    assert [text.get_text() for text in ax.texts] == ["1,234,567", "0", "0.123"]
    weights = [tick.get_fontweight() for tick in ax.get_yticklabels()]
    assert weights == ["normal", "bold", "normal"]
    bottom, top = ax.get_ylim()
    assert bottom > top
    viz.bars(viz.figure()[1], [], [], "bytes")


# -- in real notebooks ------------------------------------------------------------


@pytest.mark.slow
def test_a_kernel_and_both_html_templates_carry_the_alt_text(monkeypatch):
    import nbclient
    import nbformat
    from nbconvert import HTMLExporter

    from course import fastimport  # noqa: F401

    monkeypatch.delenv("NBGRADER_EXECUTION", raising=False)
    monkeypatch.delenv("COURSE_HEADLESS", raising=False)
    source = (
        "from course import viz\n"
        "fig, ax = viz.figure('narrow')\n"
        "ax.plot([1, 2, 3])\n"
        f"viz.show(fig, alt={ALT!r})"
    )
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
    nbclient.NotebookClient(book, kernel_name="python3").execute()
    (output,) = book.cells[0].outputs
    assert output.output_type == "display_data"
    for template in ("lab", "classic"):
        page_text, _ = HTMLExporter(template_name=template).from_notebook_node(book)
        assert f'alt="{ALT}"' in page_text

    del output["data"]["text/html"]  # what a cleaned feedback is left with
    page_text, _ = HTMLExporter(template_name="classic").from_notebook_node(book)
    assert " ".join(page_text.split()).count(f'alt="{ALT}"') == 1
