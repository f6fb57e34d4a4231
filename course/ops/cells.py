"""Render the blocks of a lesson as notebook cells, and take an edited cell back.

`render` makes the cells and `unrender` reverses it for one of them: what the author
wrote comes back, what was generated around it (headings, decorators, tables) goes.
"""

import html
import io
import re
import tokenize
from collections.abc import Iterable
from dataclasses import dataclass, field

from course.ops import lesson as lessons
from course.ops.lesson import (
    BEGIN_SOLUTION,
    END_SOLUTION,
    HINTS,
    Block,
    Lesson,
    LessonError,
    comment,
    prose,
)

BEGIN_HIDDEN, END_HIDDEN = "### BEGIN HIDDEN TESTS", "### END HIDDEN TESTS"
# nbgrader looks for the words only; as a comment they do not show as a heading.
BEGIN_SCHEME, END_SCHEME = "<!-- BEGIN MARK SCHEME -->", "<!-- END MARK SCHEME -->"
RESPONSE = "*Your answer here.*"  # nbgrader_config.py puts the same into a release
# The test imports its checker itself: a learner may have rebound the name.
_HIDDEN_HEAD = f"{BEGIN_HIDDEN}\nfrom course import check\n\n"


@dataclass(frozen=True, slots=True)
class Cell:
    """One rendered notebook cell and the block it comes from.

    `part` is "prompt" or "response" for the two cells of an essay, else "".
    """

    id: str
    markdown: bool
    source: str
    block: Block
    part: str = ""

    @property
    def role(self) -> str:
        """The role that tools look cells up by; an essay's prompt is its card."""
        return "card" if self.part == "prompt" else self.block.role

    @property
    def points(self) -> int | None:
        """Points of a graded cell, or None."""
        return None if self.part == "prompt" else self.block.points

    @property
    def nbgrader(self) -> dict | None:
        """The cell's nbgrader metadata, or None for a cell nbgrader ignores."""
        flags = {  # role: (grade, solution, locked)
            "answer": (False, True, False),
            "check": (True, False, True),
            "grade": (True, False, True),
            "essay": (True, True, False),
            "rubric": (False, False, True),
            "setup": (False, False, True),
        }.get(self.role)
        if flags is None:
            return None
        grade, solution, locked = flags
        found = {
            "schema_version": 3,
            "grade": grade,
            "grade_id": self.id,
            "locked": locked,
            "solution": solution,
            "task": False,
        }
        if grade:
            found["points"] = self.points
        return found


@dataclass(frozen=True, slots=True)
class Edit:
    """What an edited cell changes in its block.

    `text` replaces the block's text, `words` change in its mark ("minutes", and
    "core" to core or stretch), `hidden` replaces the text in the hidden file.
    """

    text: str
    words: dict[str, str] = field(default_factory=dict)
    hidden: str | None = None


def render(lesson: Lesson) -> list[Cell]:
    """Return the cells of a lesson; an essay gives two, every other block one.

    A cell's id is its grade_id. Cells without a name are numbered by position.
    """
    found: list[Cell] = []
    count: dict[tuple[str, str], int] = {}
    for block in lesson.blocks:
        where = f"{lesson.notebook.key}-"
        if block.exercise:
            where += f"{block.exercise}-"
        if block.role == "essay":
            titled = block.core is not None  # else a card of its own stands before
            prompt, response = lessons.essay_parts(block.text)
            if titled:
                prompt = _opening(lesson, block)
            if prompt:
                prompt_id = where + ("card" if titled else "prompt")
                found.append(Cell(prompt_id, True, prompt, block, "prompt"))
            response = response or RESPONSE
            found.append(Cell(f"{where}essay", True, response, block, "response"))
            continue
        if block.role in ("md", "code"):
            end = block.label or f"c{len(found) + 1:03d}"
        elif block.role == "grade":
            end = f"grade-{block.group}"
        elif block.role == "rubric":
            end = f"{found[-1].block.exercise}-rubric"
        else:
            key = (block.role, block.label)
            count[key] = count.get(key, 0) + 1
            end = block.role + (f"-{count[key]}" if count[key] > 1 else "")
        source = _source(lesson, block, where + end)
        found.append(Cell(where + end, block.is_markdown, source, block))
    return found


def unrender(lesson: Lesson, cell: Cell, source: str) -> Edit:
    """Return what the block of `cell` becomes when its source is now `source`.

    Raises LessonError when a generated part was changed: there is no place for
    such a change in a lesson.
    """
    try:
        return _unrender(lesson, cell, source)
    except _Generated as error:
        finding = lesson.finding(cell.block, "adopt", error.message, error.cure)
        raise LessonError([finding]) from None


def _source(lesson: Lesson, block: Block, cell_id: str) -> str:
    """Return the source of the one cell that `block` gives."""
    if block.role == "card":
        return _opening(lesson, block)
    if block.role == "map":
        return f"{prose(block.text)}\n\n{_map_table(lesson)}"
    if block.role == "hints":
        texts = lessons.split_hints(prose(block.text))
        return _details(zip(_HINT_TITLES, texts, strict=True))
    if block.role == "review":
        intro, cards = lessons.split_review(prose(block.text))
        shown = _details((_to_inline(question), answer) for question, answer in cards)
        return f"{intro}\n\n{shown}" if intro else shown
    if block.role == "rubric":
        head, foot = _rubric_frame(lesson, block)
        return head + prose(block.text) + foot
    if block.role in ("check", "grade"):
        visible, body = "", block.text
        if block.role == "grade":
            visible = lessons.visible_and_body(block.text)[0]
            body = lessons.hidden_body(lesson, block)
        head, middle, foot = _test_frame(block, cell_id)
        return (
            head + (f"{visible}\n" if visible else "") + middle + _indent(body) + foot
        )
    return prose(block.text) if block.is_markdown else block.text


def _unrender(lesson: Lesson, cell: Cell, source: str) -> Edit:
    block = cell.block
    if cell.part == "response":
        prompt = prose(block.text).partition(BEGIN_SOLUTION)[0].rstrip("\n")
        if source in (RESPONSE, ""):
            return Edit(comment(prompt))
        answer = f"{BEGIN_SOLUTION}\n{source}\n{END_SOLUTION}"
        return Edit(comment("\n".join(filter(None, [prompt, answer]))))
    if cell.part == "prompt" or block.role == "card":
        text, words = source, {}
        if block.core is not None:
            text, words = _undo_opening(lesson, block, source)
        answer = "".join(prose(block.text).partition(BEGIN_SOLUTION)[1:])
        if cell.part == "prompt" and answer:
            text += f"\n{answer}"
        return Edit(comment(text), words)
    if block.role == "map":
        table = _map_table(lesson)
        text = _take_off(source, "", table, "the table of exercises is made from cards")
        return Edit(comment(text.strip("\n")))
    if block.role == "hints":
        texts = _undo_details(source)
        if tuple(title for title, _ in texts) != _HINT_TITLES:
            raise _Generated(
                "the three hints are no longer nudge, idea and outline",
                "leave each <details><summary>Hint … line as it was",
            )
        found = zip(HINTS, (text for _, text in texts), strict=True)
        return Edit(comment("\n\n".join(f"{name}: {text}" for name, text in found)))
    if block.role == "review":
        intro, mark, rest = source.partition("<details>")
        pairs = _undo_details(mark + rest)
        shown = [f"Q: {_from_inline(question)}\nA: {text}" for question, text in pairs]
        return Edit(comment("\n\n".join([*filter(None, [intro.strip("\n")]), *shown])))
    if block.role == "rubric":
        text = _take_off(
            source, *_rubric_frame(lesson, block), "these lines hide the rubric"
        )
        return Edit(comment(text.strip("\n")))
    if block.role in ("check", "grade"):
        return _undo_test(lesson, cell, source)
    return Edit(comment(source) if cell.markdown else source)


class _Generated(Exception):
    def __init__(self, message: str, cure: str) -> None:
        self.message, self.cure = message, cure


def _take_off(source: str, head: str, foot: str, why: str) -> str:
    """Return what stands between two generated parts, which must be untouched."""
    rest = source.rstrip()
    if not (rest.startswith(head.rstrip()) and rest.endswith(foot.strip())):
        raise _Generated(
            f"a generated part of the cell was changed: {why}",
            f"leave {(head or foot).strip().splitlines()[0]!r} and what follows it "
            "as it was built; change its source in the lesson",
        )
    return rest.removeprefix(head.rstrip()).removesuffix(foot.strip())


# --- tests -----------------------------------------------------------------


def _test_frame(block: Block, cell_id: str) -> tuple[str, str, str]:
    """Return what is generated above the visible comments, above and below the body.

    The body stands in a function that its decorator runs at once: it keeps names
    to itself, and warnings and stderr away from the score.
    """
    kind = "visible" if block.role == "check" else "hidden"
    function = (
        f'@check.{kind}("{cell_id}", points={block.points})\n'
        f"def {block.exercise}_{block.group or 'check'}():\n"
    )
    if block.role == "check":
        return "", function, ""
    worth = _plural(block.points, "point")
    heading = f"# Hidden tests · {block.exercise} {block.group} · {worth}\n"
    return heading, _HIDDEN_HEAD + function, f"\n{END_HIDDEN}"


def _undo_test(lesson: Lesson, cell: Cell, source: str) -> Edit:
    block = cell.block
    head, middle, foot = _test_frame(block, cell.id)
    why = "the test's frame is made from its mark"
    text = _take_off(source, head, foot, why)
    visible, found, body = text.partition(middle)
    if not found:
        raise _Generated(
            f"a generated part of the cell was changed: {why}",
            f"leave {middle.splitlines()[0]!r} and what follows it as it was built",
        )
    try:
        body = _dedent(body.rstrip("\n"))
    except ValueError as error:
        raise _Generated(
            f"{str(error)[:40]!r} stands outside the test function",
            "indent every line of the test by four spaces",
        ) from None
    visible = visible.strip("\n")
    if block.label in lesson.hidden:
        return Edit(visible, hidden=body)
    return Edit(f"{visible}\n{body}" if visible else body)


def _indent(code: str) -> str:
    inside = _inside_strings(code)
    return "\n".join(
        f"    {line}" if line.strip() and n not in inside else line
        for n, line in enumerate(code.split("\n"), 1)
    )


def _dedent(code: str) -> str:
    """Undo `_indent`. Raises ValueError with the first line that is not indented."""
    inside = _inside_strings(f"if True:\n{code}")
    lines = []
    for n, line in enumerate(code.split("\n"), 2):
        if line.strip() and n not in inside:
            if not line.startswith("    "):
                raise ValueError(line)
            line = line[4:]
        lines.append(line)
    return "\n".join(lines).strip("\n")


def _inside_strings(code: str) -> set[int]:
    """Return the numbers of the lines that begin inside a string."""
    inside: set[int] = set()
    opened: list[int] = []
    try:
        for token in tokenize.generate_tokens(io.StringIO(code).readline):
            kind = tokenize.tok_name[token.type]
            if kind == "STRING":
                inside.update(range(token.start[0] + 1, token.end[0] + 1))
            elif kind == "FSTRING_START":  # Python 3.12 takes f-strings apart
                opened.append(token.start[0])
            elif kind == "FSTRING_END":
                inside.update(range(opened.pop() + 1, token.end[0] + 1))
    except (tokenize.TokenError, SyntaxError):
        pass  # not Python: the parser reports it, with its line
    return inside


# --- cards, the map, essays -------------------------------------------------


def _plural(n: int, word: str) -> str:
    return f"{n} {word}" if n == 1 else f"{n} {word}s"


def _path(block: Block) -> str:
    return "core" if block.core else "stretch"


def _opening(lesson: Lesson, block: Block) -> str:
    """Return the cell that opens an exercise: its heading, facts and task."""
    minutes = _plural(block.minutes, "minute")
    worth = _plural(lessons.points(lesson, block.exercise), "point")
    heading = f"### Exercise {block.exercise[1:]} · {lessons.title(block)}"
    parts = [heading, f"*{minutes} · {worth} · {_path(block)}*", lessons.task(block)]
    return "\n\n".join(filter(None, parts))


def _undo_opening(lesson: Lesson, block: Block, source: str) -> tuple[str, dict]:
    """Return title and task, and what the facts now say of minutes and path."""
    worth = _plural(lessons.points(lesson, block.exercise), "point")
    match = re.fullmatch(
        rf"### Exercise {block.exercise[1:]} · ([^\n]+)\n\n"
        rf"\*([1-9]\d*) minutes? · {worth} · (core|stretch)\*(?:\n\n(.*))?",
        source.rstrip("\n"),
        re.DOTALL,
    )
    if not match:
        raise _Generated(
            "the two lines that open an exercise do not read as they were built",
            f"write '### Exercise {block.exercise[1:]} · title' and '*N minutes · "
            f"{worth} · core*'; points change in the marks of check and grade cells",
        )
    title, minutes, path, text = match.groups()
    words = {}
    if int(minutes) != block.minutes:
        words["minutes"] = minutes
    if path != _path(block):
        words["core"] = path
    return f"{title}\n\n{text}" if text else title, words


def _map_table(lesson: Lesson) -> str:
    rows = ["| exercise | minutes | points | |", "|:---|---:|---:|:---|"]
    for exercise, block in lessons.exercises(lesson).items():
        rows.append(
            f"| {exercise[1:]} · {lessons.title(block)} | {block.minutes} "
            f"| {lessons.points(lesson, exercise)} | {_path(block)} |"
        )
    return "\n".join(rows)


def _rubric_frame(lesson: Lesson, block: Block) -> tuple[str, str]:
    """Return what stands around a rubric: nbgrader takes it out of a release."""
    essay = lesson.blocks[lesson.blocks.index(block) - 1]
    return (
        f"**How exercise {essay.exercise[1:]} is judged.** The rubric appears here "
        f"with your feedback.\n\n{BEGIN_SCHEME}\n\n",
        f"\n\n{END_SCHEME}",
    )


# --- folded text ------------------------------------------------------------

_HINT_TITLES = tuple(f"Hint {n} · {name}" for n, name in enumerate(HINTS, 1))


def _details(pairs: Iterable[tuple[str, str]]) -> str:
    return "\n\n".join(
        f"<details><summary>{summary}</summary>\n\n{text}\n\n</details>"
        for summary, text in pairs
    )


def _undo_details(source: str) -> list[tuple[str, str]]:
    one = r"<details><summary>(.*?)</summary>\n\n(.*?)\n\n</details>"
    if re.sub(one, "", source, flags=re.DOTALL).strip():
        raise _Generated(
            "text stands outside the <details> of a hint or review card",
            "move it into a [md] cell",
        )
    return re.findall(one, source, flags=re.DOTALL)


def _to_inline(text: str) -> str:
    """Render a question for a <summary>, where markdown is not: only `code` stays."""
    escaped = html.escape(text, quote=False)
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escaped)


def _from_inline(text: str) -> str:
    return html.unescape(re.sub(r"<code>(.*?)</code>", r"`\1`", text, flags=re.DOTALL))
