"""Submissions that an editor, a slip or a disk has bent, and what is made of them."""

import copy
import json
from pathlib import Path

import nbformat
import pytest

from course.grading import repair

ANSWER = "def total(numbers):\n    return sum(numbers)"
ESSAY = "Rounding makes the order matter."


@pytest.fixture(scope="module")
def template(_built_once: Path) -> nbformat.NotebookNode:
    return nbformat.read(_built_once / "release/week1_demo/01_sums.ipynb", 4)


@pytest.fixture
def sent(template: nbformat.NotebookNode) -> nbformat.NotebookNode:
    nb = copy.deepcopy(template)
    cell(nb, "m1-sums-e1-answer").source = ANSWER
    cell(nb, "m1-sums-e3-essay").source = ESSAY
    return nb


def cell(nb, name):
    return next(one for one in nb.cells if one.get("id") == name)


def expected(template):
    """Return the cells of the template with the two answers of `sent`."""
    done = copy.deepcopy(template)
    cell(done, "m1-sums-e1-answer").source = ANSWER
    cell(done, "m1-sums-e3-essay").source = ESSAY
    return done.cells


def place(nb, name):
    return nb.cells.index(cell(nb, name))


def rebuilt(template, sent):
    """Rebuild, and hold what must hold for every submission."""
    done, notes = repair.rebuild(template, json.loads(json.dumps(sent)))
    nbformat.validate(done)
    ids = [one.id for one in done.cells]
    own = [one.id for one in template.cells]
    assert [name for name in ids if name in own] == own
    assert len(ids) == len(set(ids))
    again, silence = repair.rebuild(template, done)
    assert again == done
    assert not [note for note in silence if "not found" not in note]
    return done, notes


def test_an_honest_submission_passes_unchanged(template, sent):
    done, notes = rebuilt(template, sent)
    assert done == sent
    assert notes == []


def test_a_copied_answer_counts_once_where_it_was_written(template, sent):
    twin = copy.deepcopy(cell(sent, "m1-sums-e1-answer"))
    twin.id = "abc"
    cell(sent, "m1-sums-e1-answer").source = cell(template, "m1-sums-e1-answer").source
    sent.cells.insert(place(sent, "m1-sums-e1-answer") + 1, twin)
    done, notes = rebuilt(template, sent)
    assert cell(done, "m1-sums-e1-answer").source == ANSWER
    assert len(done.cells) == len(template.cells)
    assert notes == ["e1 answer: stood here twice; the copy was left out"]


def test_two_written_copies_both_run_in_the_learners_order(template, sent):
    twin = copy.deepcopy(cell(sent, "m1-sums-e1-answer"))
    twin.id, twin.source = "abc", ANSWER.replace("sum(", "len(")
    sent.cells.insert(place(sent, "m1-sums-e1-answer") + 1, twin)
    done, _ = rebuilt(template, sent)
    at = place(done, "m1-sums-e1-answer")
    assert done.cells[at].source == ANSWER
    assert done.cells[at + 1].source == twin.source
    assert "nbgrader" not in done.cells[at + 1].metadata


@pytest.mark.parametrize("name", ["m1-sums-e1-check", "m1-sums-e1-grade-edges"])
def test_a_deleted_test_comes_back(template, sent, name):
    sent.cells.remove(cell(sent, name))
    done, notes = rebuilt(template, sent)
    assert cell(done, name) == cell(template, name)
    assert len(notes) == 1
    assert "was missing; put back" in notes[0]


def test_a_changed_test_is_put_back(template, sent):
    cell(sent, "m1-sums-e1-check").source = "pass"
    done, notes = rebuilt(template, sent)
    assert cell(done, "m1-sums-e1-check") == cell(template, "m1-sums-e1-check")
    assert notes == ["e1 check: differs from the release, which was used"]


def test_a_copied_test_is_left_out(template, sent):
    twin = copy.deepcopy(cell(sent, "m1-sums-e1-check"))
    twin.id = "abc"
    twin.source += "\n# mine"
    sent.cells.append(twin)
    done, notes = rebuilt(template, sent)
    assert done.cells == expected(template)
    assert notes == ["e1 check: stood here twice; the copy was left out"]


def test_moved_cells_go_back_to_their_places(template, sent):
    moved = cell(sent, "m1-sums-e1-answer")
    sent.cells.remove(moved)
    sent.cells.append(moved)
    done, notes = rebuilt(template, sent)
    assert done.cells == expected(template)
    assert notes == ["e1 answer: had moved; put back in its place"]


def test_a_retyped_answer_is_code_again(template, sent):
    bent = cell(sent, "m1-sums-e1-answer")
    bent.cell_type = "markdown"
    del bent["outputs"], bent["execution_count"]
    done, notes = rebuilt(template, sent)
    assert cell(done, "m1-sums-e1-answer").cell_type == "code"
    assert cell(done, "m1-sums-e1-answer").source == ANSWER
    assert notes == ["e1 answer: was a markdown cell; taken as code again"]


def test_stripped_metadata_and_ids_are_no_loss(template, sent):
    for number, one in enumerate(sent.cells):
        one.metadata = {}
        one.id = f"new-{number}"
    sent.metadata = {}
    done, notes = rebuilt(template, sent)
    assert done.cells == expected(template)
    assert notes == []
    for one in sent.cells:
        del one["id"]
    done, notes = rebuilt(template, sent)
    assert done.cells == expected(template)


def test_forged_metadata_is_dropped(template, sent):
    for one in sent.cells:
        one.metadata["tags"] = ["skip-execution"]
        if "nbgrader" in one.metadata:
            one.metadata.nbgrader.update(schema_version=99, points=1000, solution=True)
    sent.metadata.kernelspec = {"name": "evil", "display_name": "evil"}
    done, _ = rebuilt(template, sent)
    assert done.cells == expected(template)
    assert done.metadata == template.metadata


def test_own_cells_stay_where_they_are_as_ordinary_cells(template, sent):
    new = nbformat.v4.new_code_cell("print(1)", id="mine")
    new.metadata["nbgrader"] = {"grade_id": "invented", "grade": True, "points": 9}
    sent.cells.insert(place(sent, "m1-sums-e1-answer"), new)
    done, notes = rebuilt(template, sent)
    assert done.cells[place(done, "m1-sums-e1-answer") - 1].source == "print(1)"
    assert cell(done, "mine").metadata == {}
    assert notes == []


def test_a_changed_plain_cell_runs_as_released_and_then_as_changed(template, sent):
    cell(sent, "m1-sums-running").source = "steps = 'mine'"
    done, notes = rebuilt(template, sent)
    at = place(done, "m1-sums-running")
    assert done.cells[at] == cell(template, "m1-sums-running")
    assert done.cells[at + 1].source == "steps = 'mine'"
    assert notes == ["m1-sums-running: runs as released, then as yours"]


def test_a_deleted_answer_that_stands_elsewhere_is_found_by_its_name(template, sent):
    sent.cells.remove(cell(sent, "m1-sums-e1-answer"))
    sent.cells.append(nbformat.v4.new_code_cell(ANSWER, id="mine"))
    done, _ = rebuilt(template, sent)
    assert cell(done, "m1-sums-e1-answer").source == ANSWER
    sent.cells.append(nbformat.v4.new_code_cell(ANSWER + "  # or this", id="more"))
    done, notes = rebuilt(template, sent)
    assert "e1 answer: not found, so it counts as not written" in notes


def test_nonsense_among_the_cells_is_left_out(template, sent):
    sent.cells += [None, 7, {"cell_type": "evil"}, {"cell_type": "code", "source": 3}]
    done, notes = rebuilt(template, sent)
    assert done.cells == expected(template)
    assert notes == ["4 malformed cells were left out"]


def test_ten_thousand_cells_are_refused(template, sent):
    sent.cells += [nbformat.v4.new_code_cell("1") for _ in range(10_000)]
    with pytest.raises(repair.Unreadable, match="more than 300 cells of your own"):
        repair.rebuild(template, sent)


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"", "empty"),
        (b" \n", "empty"),
        (b'{"cells": [', "not valid JSON"),
        ("{'é'}".encode("latin-1"), "not UTF-8"),
        (b"[1]", "not a notebook"),
        (b'{"nbformat": 3, "worksheets": []}', "format 3"),
        (b'{"nbformat": 4, "cells": {}}', "no list of cells"),
        (b'{"a":' * 100_000, "nests too deep"),
        (b'{"nbformat": ' + b"9" * 5000 + b"}", "not valid JSON"),
    ],
    ids=["empty", "blank", "cut", "latin-1", "list", "v3", "cells", "deep", "digits"],
)
def test_a_file_that_holds_no_notebook_says_why(tmp_path, raw, said):
    file = tmp_path / "x.ipynb"
    file.write_bytes(raw)
    with pytest.raises(repair.Unreadable, match=said):
        repair.read(file)


def test_a_huge_file_is_not_read(tmp_path):
    file = tmp_path / "x.ipynb"
    with file.open("wb") as handle:
        handle.truncate(repair.MAX_BYTES + 1)
    with pytest.raises(repair.Unreadable, match="larger than 50 MB"):
        repair.read(file)
