"""Judge lessons, and what was built from them, by the rules of the course.

Each rule is one function that yields findings for a lesson; `lint` runs them all.
What needs a reader (is the prose clear? is the figure right?) is not judged here.
"""

import ast
import builtins
import functools
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from course import fastimport, paths, syllabus  # noqa: F401 - before nbformat
from course.errors import CourseError
from course.ops import leaks
from course.ops import lesson as lessons
from course.ops.doubts import bound, called, doubts, loaded, stored
from course.ops.leaks import SECRET
from course.ops.lesson import (
    BEGIN_SOLUTION,
    Block,
    Finding,
    Lesson,
    LessonError,
    prose,
)

PROSE_WORDS, TASK_WORDS, CODE_LINES, SETUP_LINES, LINE = 120, 80, 25, 8, 88
MINUTES, CORE, POINTS = (60, 75), (3, 5), 100
ORDER = ("card", "hand", "answer", "look", "check", "grade", "hints")

Rule = Callable[[Lesson], Iterator[Finding]]


def lint(target: str | None = None) -> list[Finding]:
    """Return what to change in one week, one notebook or everything, in file order.

    A lesson that cannot be parsed gives the parser's findings and no others. Raises
    CourseError when `target` names nothing.
    """
    root = paths.root()
    weeks = syllabus.weeks(root)
    known = [n for week in weeks for n in week.notebooks]
    chosen = syllabus.resolve(target, root) if target else known
    found = leaks.forbidden(root, chosen if target else None)
    for notebook in chosen:
        try:
            lesson = lessons.read(notebook, root)
        except LessonError as error:
            found += error.findings
        except CourseError as error:
            file = f"lessons/{notebook.week}/{notebook.name}.py"
            found.append(Finding(file, 0, "", "missing", error.message, error.cure))
        else:
            found += lint_lesson(lesson)
            found += leaks.built(lesson, root)
    for week in weeks:
        if week.notebooks and set(week.notebooks) <= set(chosen):
            found += _unlisted(week, root)
    return sorted(set(found), key=lambda f: (f.file, f.line, f.rule))


def _unlisted(week: syllabus.Week, root: Path) -> Iterator[Finding]:
    listed = {notebook.name for notebook in week.notebooks}
    for path in sorted((root / "lessons" / week.name).glob("*.py")):
        if path.name.split(".", 1)[0] not in listed:
            yield Finding(
                path.relative_to(root).as_posix(),
                0,
                "",
                "unlisted",
                "lessons/course.toml does not list this lesson",
                f"add it to [{week.name}] there, or take the file away",
            )


def lint_lesson(lesson: Lesson) -> list[Finding]:
    """Return the findings of every rule that judges a lesson's text."""
    return [finding for rule in RULES for finding in rule(lesson)]


# --- what the rules look at --------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Code:
    """Python of one block, as a tree whose line numbers are those of `file`."""

    block: Block
    file: str
    tree: ast.Module


def _parsed(block: Block, file: str, text: str, first: int) -> _Code:
    return _Code(block, file, _tree(text, first))


@functools.lru_cache(maxsize=1000)
def _tree(text: str, first: int) -> ast.Module:
    return ast.increment_lineno(ast.parse(text), first - 1)


def _codes(lesson: Lesson) -> list[_Code]:
    """Return all code that a learner sees run in the notebook's own names."""
    return [
        _parsed(block, lesson.file, block.text, block.text_line)
        for block in lesson.blocks
        if not block.is_markdown and block.role not in ("check", "grade")
    ]


def _tests(lesson: Lesson) -> list[_Code]:
    """Return the bodies of check and grade cells, wherever they stand."""
    found = []
    hidden_file = lesson.file.removesuffix(".py") + ".hidden.py"
    for block in lesson.blocks:
        if block.role not in ("check", "grade"):
            continue
        where, file = block, lesson.file
        if block.label in lesson.hidden and block.role == "grade":
            where, file = lesson.hidden[block.label], hidden_file
        found.append(_parsed(block, file, where.text, where.text_line))
    return found


def _in_exercise(lesson: Lesson) -> list[str | None]:
    """Return for each block the exercise it stands in, from card to hints."""
    where: list[str | None] = [None] * len(lesson.blocks)
    for exercise in lessons.exercises(lesson):
        own = [i for i, b in enumerate(lesson.blocks) if b.exercise == exercise]
        for i in range(own[0], own[-1] + 1):
            where[i] = exercise
    for i, block in enumerate(lesson.blocks):
        if block.role == "rubric":
            where[i] = lesson.blocks[i - 1].exercise
    return where


def _words(text: str) -> int:
    """Count the words of markdown, without code blocks, tables, pictures and links."""
    text = re.sub(r"```.*?```|<[^>]+>|!\[[^\]]*\]\([^)]*\)", " ", text, flags=re.DOTALL)
    text = re.sub(r"\]\([^)]*\)", "] ", text)
    lines = [line for line in text.split("\n") if not line.lstrip().startswith("|")]
    return sum(bool(re.search(r"\w", word)) for word in " ".join(lines).split())


def _spoken(block: Block) -> str:
    """Return the prose of a block without its code, formulas, pictures and links."""
    return re.sub(
        r"```.*?```|``.*?``|`[^`]*`|\$\$.*?\$\$|\$[^$]*\$|<!--.*?-->|!\[|\]\([^)]*\)",
        " ",
        prose(block.text),
        flags=re.DOTALL,
    )


def _lines_of(text: str) -> int:
    return sum(bool(line.strip()) for line in text.split("\n"))


# --- size --------------------------------------------------------------------


def prose_length(lesson: Lesson) -> Iterator[Finding]:
    """A prose cell has at most 120 words, a task at most 80."""
    for block in lesson.blocks:
        if not block.is_markdown or block.role in ("rubric", "review"):
            continue
        texts, limit = [prose(block.text)], PROSE_WORDS
        if block.role == "hints":
            texts = lessons.split_hints(prose(block.text))
        elif block.role == "card":
            texts, limit = [lessons.task(block)], TASK_WORDS
        elif block.role == "essay":
            texts = [lessons.essay_parts(block.text)[0]]
        count = max(_words(text) for text in texts)
        if count > limit:
            rule = "task-length" if block.role == "card" else "prose-length"
            yield lesson.finding(
                block,
                rule,
                f"{count} words; at most {limit}",
                "cut it, or split it around the code that shows it",
            )


def code_length(lesson: Lesson) -> Iterator[Finding]:
    """A code cell shows at most 25 lines, the setup cell at most 8."""
    for block in lesson.blocks:
        if block.is_markdown or block.role == "grade":
            continue
        text = lessons.visible_answer(block) if block.role == "answer" else block.text
        limit = SETUP_LINES if block.role == "setup" else CODE_LINES
        count = _lines_of(text) + (2 if block.role == "check" else 0)
        if count > limit:
            yield lesson.finding(
                block,
                "setup-length" if block.role == "setup" else "code-length",
                f"{count} lines that a learner sees; at most {limit}",
                "split it, or move what is not the point into the package",
            )


def line_length(lesson: Lesson) -> Iterator[Finding]:
    """A line of code has at most 88 characters."""
    for block in [*lesson.blocks, *lesson.hidden.values()]:
        if block.is_markdown:
            continue
        for number, line in enumerate(block.text.split("\n"), block.text_line):
            if len(line) > LINE:
                file = lesson.file
                if block in lesson.hidden.values():
                    file = file.removesuffix(".py") + ".hidden.py"
                yield Finding(
                    file,
                    number,
                    block.name,
                    "line-length",
                    f"{len(line)} characters; at most {LINE}",
                    "break the line",
                )


# --- rhythm ------------------------------------------------------------------


def code_run(lesson: Lesson) -> Iterator[Finding]:
    """Outside an exercise no three code cells stand in a row."""
    run = 0
    for block, exercise in zip(lesson.blocks, _in_exercise(lesson), strict=True):
        run = 0 if block.is_markdown or exercise else run + 1
        if run == 3:
            yield lesson.finding(
                block,
                "code-run",
                "the third code cell in a row",
                "say in a sentence before it what it shows, or join two cells",
            )


def introduced(lesson: Lesson) -> Iterator[Finding]:
    """Seven in ten code cells outside exercises follow a prose cell."""
    where = _in_exercise(lesson)
    alone, count = [], 0
    for i, block in enumerate(lesson.blocks):
        if block.is_markdown or where[i]:
            continue
        count += 1
        if i == 0 or not lesson.blocks[i - 1].is_markdown:
            alone.append(block)
    if count and len(alone) > 0.3 * count:
        yield lesson.finding(
            alone[0],
            "introduced",
            f"{len(alone)} of {count} code cells outside exercises follow no prose",
            "write a sentence before it: what to look at",
        )


# --- exercises ---------------------------------------------------------------


def exercise_order(lesson: Lesson) -> Iterator[Finding]:
    """An exercise is complete, in order, and in one piece; numbers count up."""
    exercises = lessons.exercises(lesson)
    for number, (exercise, opening) in enumerate(exercises.items(), 1):
        own = [b for b in lesson.blocks if b.exercise == exercise]
        have = [b.role for b in own]
        if exercise != f"e{number}":
            yield lesson.finding(
                opening,
                "exercise-order",
                f"exercise {exercise} stands where e{number} would",
                "number the exercises in their order, from e1 and without gaps",
            )
        if "essay" in have:
            extra = set(have) - {"card", "essay"}
            for block in own:
                if block.role in extra or (block.role == "card" and block != own[0]):
                    yield lesson.finding(
                        block,
                        "exercise-order",
                        f"[{block.role}] does not belong to an essay exercise",
                        "an essay is: card (or none), essay, rubric",
                    )
            continue
        for role in ORDER:
            if role not in have:
                yield lesson.finding(
                    opening,
                    "exercise-parts",
                    f"exercise {exercise} has no [{role}]",
                    f"add '# %% [{role}] {exercise} …'; the order is {' '.join(ORDER)}",
                )
        for before, block in pairwise(own):
            if ORDER.index(before.role) > ORDER.index(block.role):
                yield lesson.finding(
                    block,
                    "exercise-order",
                    f"[{block.role}] stands after [{before.role}]",
                    f"the order is {' '.join(ORDER)}",
                )
    where = _in_exercise(lesson)
    for block, exercise in zip(lesson.blocks, where, strict=True):
        if block.exercise and exercise != block.exercise:
            yield lesson.finding(
                block,
                "exercise-order",
                f"it stands inside exercise {exercise}",
                "finish one exercise before the next begins",
            )


def core_path(lesson: Lesson) -> Iterator[Finding]:
    """3-5 core exercises fill 60-75 minutes, or what course.toml gives."""
    core = [block for block in lessons.exercises(lesson).values() if block.core]
    if not CORE[0] <= len(core) <= CORE[1]:
        yield lesson.finding(
            None,
            "core-count",
            f"{len(core)} core exercises; {CORE[0]} to {CORE[1]} fill one sitting",
            "mark others as stretch, or split the notebook",
        )
    minutes = sum(block.minutes for block in core)
    low = min(MINUTES[0], lesson.notebook.minutes)
    high = max(MINUTES[1], lesson.notebook.minutes)
    if not low <= minutes <= high:
        yield lesson.finding(
            None,
            "core-minutes",
            f"the core exercises take {minutes} minutes; {low} to {high} are planned",
            "change minutes=… of the cards, or minutes in lessons/course.toml",
        )


def points_total(lesson: Lesson) -> Iterator[Finding]:
    """A notebook is worth 100 points."""
    total = sum(block.points or 0 for block in lesson.blocks)
    if total != POINTS:
        worth = ", ".join(
            f"{e} {lessons.points(lesson, e)}" for e in lessons.exercises(lesson)
        )
        yield lesson.finding(
            None,
            "points-total",
            f"{total} points instead of {POINTS} ({worth})",
            "change points=… of check, grade and essay cells",
        )


def hints_code(lesson: Lesson) -> Iterator[Finding]:
    """Hints never show the code: no fence, and no line of the reference."""
    secret = {
        line
        for block in lesson.blocks
        if block.role == "answer"
        for line in lessons.reference_lines(block)
        if len(line) > SECRET
    }
    for block in lesson.blocks:
        if block.role != "hints":
            continue
        text = prose(block.text)
        told = [line for line in secret if line in text]
        if "```" in text or told:
            what = "a code block" if "```" in text else f"the reference's {told[0]!r}"
            yield lesson.finding(
                block,
                "hints-code",
                f"a hint shows {what}",
                "say in words what to do",
            )


def stub(lesson: Lesson) -> Iterator[Finding]:
    """An answer is functions or classes with types and a docstring, and a stub."""
    for block in lesson.blocks:
        if block.role != "answer":
            continue
        for number, line in enumerate(block.text.split("\n"), block.text_line):
            if line.startswith(BEGIN_SOLUTION):
                yield Finding(
                    lesson.file,
                    number,
                    block.name,
                    "stub",
                    "the reference stands outside a function, so the released cell "
                    "raises as soon as it runs",
                    "indent the two marks into the function they fill",
                )
        try:
            tree = ast.parse(lessons.visible_answer(block))
        except SyntaxError as error:
            yield lesson.finding(
                block,
                "stub",
                f"the released cell is not valid Python: {error.msg}",
                "put whole statements between the two marks",
            )
            continue
        for node in tree.body:
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                lacks = _lacks(node)
                if lacks and not node.name.startswith("_"):
                    yield Finding(
                        lesson.file,
                        block.text_line + node.lineno - 1,
                        block.name,
                        "stub",
                        f"{node.name} has no {' and no '.join(lacks)}",
                        "write what a learner needs to know outside the reference",
                    )


def _lacks(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> list[str]:
    """Return what a definition keeps from the learner.

    A docstring may give a type that an annotation would only blur: `read(n: int)`.
    """
    said = ast.get_docstring(node) or ""
    lacks = [] if said else ["docstring"]
    if not isinstance(node, ast.ClassDef):
        given = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        lacks += [
            f"type for {arg.arg}"
            for arg in given
            if arg.annotation is None and not re.search(rf"\b{arg.arg}\b", said)
        ]
        if node.returns is None and not re.search(r"\breturn", said, re.I):
            lacks.append("type for its result")
    return lacks


def unproven(lesson: Lesson) -> Iterator[Finding]:
    """A graded cell must not give full marks by accident."""
    answers = {c.block.exercise: c for c in _codes(lesson) if c.block.role == "answer"}
    for code in _tests(lesson):
        answer = answers.get(code.block.exercise)
        for line, message, cure in doubts(code.tree, answer and bound(answer.tree)):
            line, name = line or code.block.line, code.block.name
            yield Finding(code.file, line, name, "unproven", message, cure)


# --- names and style ----------------------------------------------------------


def bound_twice(lesson: Lesson) -> Iterator[Finding]:
    """No name carries a value from one cell to another and is bound in two.

    A name that every cell binds before it reads it (`fig` in each drawing cell) is
    harmless, as is the same import twice.
    """
    codes = _codes(lesson)
    first: dict[str, _Code] = {}
    read_elsewhere: set[str] = set()
    for code in [*codes, *_tests(lesson)]:
        read_elsewhere |= loaded(code.tree) - bound(code.tree)
    for code in codes:
        made = {
            node.name
            for node in code.tree.body
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
        }
        for name in sorted(bound(code.tree)):
            before = first.setdefault(name, code)
            if before is code or _imports(before, name) & _imports(code, name):
                continue
            if name in made or name in read_elsewhere:
                yield lesson.finding(
                    code.block,
                    "bound-twice",
                    f"{name} is bound here and in [{before.block.name}], line "
                    f"{before.block.line}",
                    "give one of them another name, so that cells can be re-run",
                )
    for code in codes:
        for node in code.tree.body:
            if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
                earlier = [n for n in code.tree.body if n.lineno < node.lineno]
                if not any(node.target.id in stored(n) for n in earlier):
                    yield Finding(
                        lesson.file,
                        node.lineno,
                        code.block.name,
                        "bound-twice",
                        f"{node.target.id} changes each time this cell is run",
                        "bind it in this cell first",
                    )


def _imports(code: _Code, name: str) -> set[str]:
    return {
        ast.unparse(node)
        for node in code.tree.body
        if isinstance(node, (ast.Import, ast.ImportFrom)) and name in stored(node)
    }


def builtin(lesson: Lesson) -> Iterator[Finding]:
    """Builtins are not shadowed."""
    taken = {name for name in dir(builtins) if not name.startswith("_")}
    for code in [*_codes(lesson), *_tests(lesson)]:
        fields = {
            id(one)
            for node in ast.walk(code.tree)
            if isinstance(node, ast.ClassDef)
            for statement in node.body
            for one in _named(statement)
        }
        for node in ast.walk(code.tree):
            for one, name in ((one, _named(one).get(one)) for one in _named(node)):
                if name in taken and id(one) not in fields:
                    yield Finding(
                        code.file,
                        one.lineno,
                        code.block.name,
                        "builtin",
                        f"{name} hides the builtin of that name",
                        "choose a word of the field",
                    )


def _named(node: ast.AST) -> dict[ast.AST, str]:
    """Return the nodes that bind a name here: targets, arguments, definitions."""
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return {node: node.name}
    if isinstance(node, ast.arg):
        return {node: node.arg}
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        return {node: node.id}
    if isinstance(node, (ast.AnnAssign, ast.Assign)):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        return {t: t.id for t in targets if isinstance(t, ast.Name)}
    return {}


def exclamation(lesson: Lesson) -> Iterator[Finding]:
    """Prose has no exclamation marks."""
    for block in lesson.blocks:
        if not block.is_markdown:
            continue
        text = re.sub(r"!=", " ", _spoken(block))
        if "!" in text:
            near = text[max(0, text.index("!") - 30) : text.index("!") + 1]
            yield lesson.finding(
                block,
                "exclamation",
                f"an exclamation mark: {' '.join(near.split())!r}",
                "end the sentence with a full stop",
            )


def magic(lesson: Lesson) -> Iterator[Finding]:
    """No IPython magics: a lesson runs as plain Python."""
    for code in [*_codes(lesson), *_tests(lesson)]:
        if "get_ipython" in loaded(code.tree):
            yield lesson.finding(
                code.block,
                "magic",
                "it calls get_ipython",
                "do it in plain Python, or in course.desk",
            )


def alt_text(lesson: Lesson) -> Iterator[Finding]:
    """A figure is shown by viz.show or its kin, with a text that replaces it."""
    for code in _codes(lesson):
        for node in ast.walk(code.tree):
            name = called(node)
            last = name.rpartition(".")[2]
            if name in ("plt.show", "fig.show", "pyplot.show"):
                message = f"{name}() shows a figure without alt text"
            elif last in ("beside", "explore") or name in ("viz.show", "show"):
                alt = [k.value for k in node.keywords if k.arg == "alt"]
                alt += node.args[1:2] if last == "show" else []
                if not alt:
                    message = f"{name}() has no alt text"
                elif isinstance(alt[0], ast.Constant) and len(str(alt[0].value)) < 20:
                    message = f"the alt text of {name}() is too short to replace it"
                else:
                    continue
            else:
                continue
            yield Finding(
                code.file,
                node.lineno,
                code.block.name,
                "alt",
                message,
                'viz.show(fig, alt="what the figure shows, in one sentence")',
            )


# --- opening and close ----------------------------------------------------------


def opening(lesson: Lesson) -> Iterator[Finding]:
    """A title, three verbs, a map, where it is asked, setup; a figure before e1."""
    first = next((i for i, e in enumerate(_in_exercise(lesson)) if e), None)
    before = lesson.blocks[:first]
    title = lesson.blocks[0]
    if title.role != "md" or not prose(title.text).startswith("# "):
        yield lesson.finding(
            title,
            "opening",
            "the notebook does not start with its title",
            "start with '# %% [md]', '# # Title' and a sentence that promises",
        )
    wanted = {
        "You will be able to": _index(before, "md", "You will be able to"),
        "[map]": _index(before, "map", ""),
        "Where this is asked": _index(before, "md", "Where this is asked"),
        "[setup]": _index(before, "setup", ""),
    }
    for name, at in wanted.items():
        if at is None:
            yield lesson.finding(
                before[0] if before else None,
                "opening",
                f"{name!r} does not stand before the first exercise",
                f"open with the title, {', '.join(wanted)}",
            )
    found = [at for at in wanted.values() if at is not None]
    if found != sorted(found):
        yield lesson.finding(
            before[found[0]],
            "opening",
            "the opening is not in its order",
            f"the order is: title, {', '.join(wanted)}",
        )
    able = wanted["You will be able to"]
    if able is not None:
        text = prose(before[able].text).partition("You will be able to")[2]
        verbs = re.findall(r"^\s*(?:[-*]|\d+\.) ", text, re.M)
        if len(verbs) != 3:
            yield lesson.finding(
                before[able],
                "opening",
                f"'You will be able to' lists {len(verbs)} things instead of three",
                "list three that start with a verb and can be tested",
            )
    if first is not None and not any(_draws(block) for block in before):
        yield lesson.finding(
            lesson.blocks[first],
            "figure-first",
            "no figure stands before the first exercise",
            "explain with a worked example and a figure first (viz.show)",
        )


def close(lesson: Lesson) -> Iterator[Finding]:
    """Say it out loud, follow-ups, at most three links, review cards: at the end."""
    inside = [i for i, e in enumerate(_in_exercise(lesson)) if e]
    start = inside[-1] + 1 if inside else 0
    after = lesson.blocks[start:]
    wanted = {
        "Say it out loud": _index(after, "md", "Say it out loud"),
        "Follow-ups": _index(after, "md", "Follow-ups"),
        "Go deeper": _index(after, "md", "Go deeper"),
        "[review]": _index(after, "review", ""),
    }
    for name, at in wanted.items():
        if at is None:
            yield lesson.finding(
                lesson.blocks[-1],
                "close",
                f"{name!r} does not stand after the last exercise",
                f"close with {', '.join(wanted)}",
            )
    found = [at for at in wanted.values() if at is not None]
    if found != sorted(found):
        yield lesson.finding(
            after[found[0]],
            "close",
            "the close is not in its order",
            f"the order is: {', '.join(wanted)}",
        )
    at = wanted["Go deeper"]
    if at is not None:
        text = prose(after[at].text).partition("Go deeper")[2]
        links = len(re.findall(r"https?://", text))
        if links > 3:
            yield lesson.finding(
                after[at],
                "links",
                f"{links} links to go deeper; at most three",
                "keep the three that repay reading most",
            )


def _index(blocks: tuple[Block, ...], role: str, words: str) -> int | None:
    heading = re.compile(rf"^#+ .*{re.escape(words)}|^\W*{re.escape(words)}", re.M)
    for i, block in enumerate(blocks):
        if block.role == role and (not words or heading.search(prose(block.text))):
            return i
    return None


def _draws(block: Block) -> bool:
    if block.is_markdown:
        return bool(re.search(r"!\[[^\]]+\]\(", block.text))
    return bool(re.search(r"\b(viz\.show|beside|explore)\(", block.text))


RULES: tuple[Rule, ...] = (
    prose_length,
    code_length,
    line_length,
    code_run,
    introduced,
    exercise_order,
    core_path,
    points_total,
    hints_code,
    stub,
    unproven,
    bound_twice,
    builtin,
    exclamation,
    magic,
    alt_text,
    opening,
    close,
)
