"""The mock interview, and the text to review."""

import ast

import pytest

from course.sim import review
from course.study import interview, log
from course.study.interview import QUESTIONS, Interview, Store
from course.study.sitting import Sitting


@pytest.fixture
def noted(monkeypatch):
    """What the study log would hear."""
    heard = []
    monkeypatch.setattr(log, "record", lambda event, **facts: heard.append(facts))
    monkeypatch.setattr("course.viz.inert", lambda: False)
    return heard


def test_the_draw_is_stable_and_reaches_every_question():
    drawn = {interview.draw(f"name {number}") for number in range(40)}
    assert drawn == set(QUESTIONS)
    assert interview.draw("Ada") == interview.draw("Ada")


@pytest.mark.parametrize("name", QUESTIONS)
def test_only_the_question_is_shown_at_first(name, capsys, noted):
    talk = Interview(name)
    talk.question()
    shown = capsys.readouterr().out
    question = QUESTIONS[name]
    assert question.statement in shown
    hidden = [point.answer for point in question.points]
    assert not any(text in shown for text in [*hidden, *question.hints])
    assert talk.reveals == []


@pytest.mark.parametrize("name", QUESTIONS)
def test_each_point_can_be_asked_for_by_its_topic(name, capsys, noted):
    for point in QUESTIONS[name].points:
        talk = Interview(name)
        talk.ask(f"What about {point.topic}?")
        assert capsys.readouterr().out.strip() == point.answer
    assert [one["kind"] for one in noted] == ["ask"] * len(QUESTIONS[name].points)


def test_what_nobody_knows_is_yours_to_decide(capsys, noted):
    talk = Interview("seats")
    talk.ask("colour?")
    assert "yours to decide" in capsys.readouterr().out
    assert talk.reveals == [("unanswered", "colour?")]


def test_without_words_it_names_points_until_none_is_open(capsys, noted):
    talk = Interview("copies")
    for point in QUESTIONS["copies"].points:
        talk.ask()
        assert point.topic in capsys.readouterr().out
        talk.ask(point.topic)
        capsys.readouterr()
    talk.ask()
    assert "nothing is open" in capsys.readouterr().out


def test_hints_and_follow_ups_come_one_by_one_with_the_time(capsys, noted):
    clock = iter([0.0] + [12.4 * 60] * 9)
    timed = Sitting("screen", {"all": 45}, clock=lambda: next(clock))
    talk = Interview("frames", timed)
    for number in range(4):
        talk.hint()
        shown = capsys.readouterr().out
        if number < 3:
            assert QUESTIONS["frames"].hints[number] in shown
            assert "[12 of 45 minutes]" in shown
    assert "the last one" in shown
    talk.follow_up()
    talk.debrief()
    shown = capsys.readouterr().out
    assert "hints: 3" in shown
    assert shown.count("not asked") == 5


def test_reveals_of_an_attempt_survive_a_restart(noted, monkeypatch):
    first = Sitting("screen", {"all": 45}, number=1)
    talk = Interview("seats", first)
    talk.hint()
    talk.ask("what of sold seats?")
    Interview("seats").hint()
    lines = [{"event": "reveal", **facts} for facts in noted]
    lines += [{"event": "reveal"}, {"event": "open", "notebook": "w1-mock"}]
    monkeypatch.setattr(log, "events", lambda: lines)
    assert Interview("seats", first).reveals == talk.reveals
    assert Interview("frames", first).reveals == []
    second = Sitting("screen", {"all": 45}, number=2)
    assert Interview("seats", second).reveals == []


def test_an_unknown_question_is_refused():
    with pytest.raises(ValueError, match="no question"):
        Interview("words")
    with pytest.raises(ValueError, match="no question"):
        interview.example("words")


@pytest.mark.parametrize("name", QUESTIONS)
def test_every_question_has_its_example(name):
    given, want = interview.example(name)
    assert given
    assert want
    assert len(QUESTIONS[name].hints) == len(QUESTIONS[name].follow_ups) == 3


def test_the_store_bills_and_refuses():
    store = Store({"a": b"12345", "b": b"x" * 5000}, damaged=["b"])
    assert store.sizes() == {"a": 5, "b": 5000}
    assert store.read("a", 3, 9) == b"45"
    assert store.bytes_read == 2
    with pytest.raises(ValueError, match="at most"):
        store.read("b", 0, 4097)
    with pytest.raises(OSError, match="cannot be read"):
        store.read("b", 0, 1)


@pytest.mark.parametrize("text", [review.WORKED, review.REQUEST])
def test_what_is_to_be_reviewed_is_python(text):
    ast.parse(text)
    assert review.numbered(text).count("\n") == len(text.splitlines()) - 1
    assert max(map(len, text.splitlines())) <= 88


def test_the_request_runs_and_keeps_its_pictures(tmp_path):
    names = {}
    exec(review.REQUEST, names)
    store = names["Thumbnails"](bytes.upper, 2, str(tmp_path / "kept.json"))
    assert [store.get(one) for one in (b"a", b"b", b"a", b"c")] == [
        *(b"A", b"B", b"A", b"C")
    ]
    store.save()
    again = names["Thumbnails"](bytes.upper, 2, store.path)
    assert again.load() == 2
    assert list(again.kept.values()) == [b"A", b"C"]
