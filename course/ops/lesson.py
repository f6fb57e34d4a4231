"""Read a lesson (a percent script with role words) and turn it into notebook cells.

A lesson is a valid Python file. Each cell opens with a mark that says what the cell
is for, and everything a notebook needs besides the text follows from that word:

    # %% [card] e1 minutes=12 core
    # %% [answer] e1
    # %% [grade] e1.links points=5 mode=shared

`read` parses a file into blocks; `course.ops.cells` renders them.
"""

import ast
import hashlib
import re
from dataclasses import dataclass, field, replace
from pathlib import Path

from course import syllabus
from course.errors import CourseError

MARK = "# %%"
BEGIN_SOLUTION, END_SOLUTION = "### BEGIN SOLUTION", "### END SOLUTION"
HINTS = ("nudge", "idea", "outline")

# role: (what stands after it, required words, optional words, needs core|stretch)
_NAME, _EXERCISE, _GROUP, _RUBRIC, _NOTHING = "name", "exercise", "group", "rubric", ""
_ROLES: dict[str, tuple[str, tuple[str, ...], tuple[str, ...], bool]] = {
    "md": (_NAME, (), (), False),
    "code": (_NAME, (), (), False),
    "setup": (_NOTHING, (), (), False),
    "map": (_NOTHING, (), (), False),
    "card": (_EXERCISE, ("minutes",), (), True),
    "hand": (_EXERCISE, (), (), False),
    "answer": (_EXERCISE, (), (), False),
    "look": (_EXERCISE, (), (), False),
    "check": (_EXERCISE, ("points",), ("mode",), False),
    "grade": (_GROUP, ("points", "mode"), (), False),
    "hints": (_EXERCISE, (), (), False),
    "essay": (_EXERCISE, ("points", "rubric"), ("minutes",), False),
    "rubric": (_RUBRIC, (), (), False),
    "review": (_NOTHING, (), (), False),
}
_ONCE_AN_EXERCISE = {"card", "answer", "check", "essay"}
_MARKDOWN = {"md", "map", "card", "hints", "essay", "rubric", "review"}
_PATTERNS = {
    _NAME: (
        r"(?!c\d+$|e\d+(-|$)|(setup|map|review)$)[a-z][a-z0-9-]{0,31}",
        "a name of its own in lower case, like 'funnel'",
    ),
    _EXERCISE: (r"e[1-9]\d*", "an exercise, like e1"),
    _GROUP: (r"e[1-9]\d*\.[a-z][a-z0-9_]{0,31}", "exercise.group, like e1.links"),
    _RUBRIC: (r"[a-z][a-z0-9-]*", "the rubric's name, like tradeoffs"),
}
_MODES = ("split", "shared")
_EXAMPLES = {
    "minutes": "minutes=12",
    "points": "points=5",
    "mode": "mode=split (or mode=shared)",
    "rubric": "rubric=tradeoffs",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to change: where it stands, which rule it breaks, and the cure.

    `line` counts from 1 (0: the whole file) and `cell` names the cell ("" : none).
    """

    file: str
    line: int
    cell: str
    rule: str
    message: str
    cure: str

    def __str__(self) -> str:
        cell = f" [{self.cell}]" if self.cell else ""
        return (
            f"{self.file}:{self.line}{cell} {self.rule}: {self.message}"
            f"\n  try: {self.cure}"
        )


class LessonError(CourseError):
    """A lesson that cannot be built; `findings` names every reason, not the first."""

    def __init__(self, findings: list[Finding]) -> None:
        super().__init__("\n".join(str(finding) for finding in findings))
        self.findings = tuple(findings)


@dataclass(frozen=True, slots=True)
class Block:
    """One marked stretch of a lesson.

    `label` is what follows the role ("e1", "e1.links", a name, or ""), `text` the
    lines below the mark without blank lines around them, and `raw` all of its
    characters in the file, so that joining every `raw` gives back the file.
    """

    role: str
    label: str
    words: dict[str, str]
    core: bool | None
    text: str
    raw: str
    line: int
    text_line: int

    @property
    def exercise(self) -> str | None:
        """The exercise this block belongs to, "e1", or None."""
        kind = _ROLES[self.role][0]
        return self.label.split(".")[0] if kind in (_EXERCISE, _GROUP) else None

    @property
    def group(self) -> str | None:
        """The grade group, "links" of "e1.links", or None."""
        return self.label.split(".")[1] if self.role == "grade" else None

    @property
    def points(self) -> int | None:
        """Points of a graded cell, or None."""
        return int(self.words["points"]) if "points" in self.words else None

    @property
    def minutes(self) -> int | None:
        """Minutes that a card or an essay announces, or None."""
        return int(self.words["minutes"]) if "minutes" in self.words else None

    @property
    def name(self) -> str:
        """How a message names this block: "e1 grade links", "setup", "md funnel"."""
        if self.role == "grade":
            return f"{self.exercise} grade {self.group}"
        return " ".join(
            [self.label, self.role] if self.exercise else [self.role, self.label]
        ).strip()

    @property
    def is_markdown(self) -> bool:
        """Whether this block becomes prose."""
        if self.role == "hand":
            return _all_comments(self.text.split("\n"))
        return self.role in _MARKDOWN


@dataclass(frozen=True, slots=True)
class Lesson:
    """A parsed lesson; `hidden` maps "e1.links" to its block in `NN_name.hidden.py`."""

    notebook: syllabus.Notebook
    path: Path
    file: str
    preamble: str
    blocks: tuple[Block, ...]
    hidden_path: Path
    hidden_preamble: str = ""
    hidden: dict[str, Block] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """A sha256 of the lesson's text and of its hidden file's."""
        texts = [join(self.preamble, self.blocks)]
        texts.append(join(self.hidden_preamble, tuple(self.hidden.values())))
        return hashlib.sha256("\0".join(texts).encode()).hexdigest()

    def finding(self, block: Block | None, rule: str, message: str, cure: str):
        """Return a Finding that points at `block` of this lesson."""
        line, name = (block.line, block.name) if block else (0, "")
        return Finding(self.file, line, name, rule, message, cure)


def locate(notebook: syllabus.Notebook, root: Path) -> tuple[Path, Path]:
    """Return the paths of a notebook's lesson and of its hidden-tests file."""
    folder = root / "lessons" / notebook.week
    return folder / f"{notebook.name}.py", folder / f"{notebook.name}.hidden.py"


def read(notebook: syllabus.Notebook, root: Path) -> Lesson:
    """Parse a notebook's lesson.

    Raises LessonError with every problem found: file, line, cell and cure.
    """
    path, hidden_path = locate(notebook, root)
    if not path.is_file():
        raise CourseError(
            f"{path.relative_to(root)} is missing, though lessons/course.toml lists it",
            cure=f"write it, or take {notebook.name!r} out of lessons/course.toml",
        )
    hidden = hidden_path.read_text("utf-8") if hidden_path.is_file() else None
    return parse(notebook, root, path.read_text("utf-8"), hidden)


def parse(
    notebook: syllabus.Notebook, root: Path, text: str, hidden: str | None = None
) -> Lesson:
    """Parse the text of a lesson and of its hidden-tests file, as `read` does."""
    path, hidden_path = locate(notebook, root)
    file = path.relative_to(root).as_posix()
    problems: list[Finding] = []
    preamble, blocks = _split(file, text, problems)
    lesson = Lesson(notebook, path, file, preamble, tuple(blocks), hidden_path)
    if hidden is not None:
        hidden_file = hidden_path.relative_to(root).as_posix()
        before, found = _split(hidden_file, hidden, problems, hidden=True)
        lesson = replace(
            lesson,
            hidden_preamble=before,
            hidden={block.label: block for block in found},
        )
        _pair_hidden(lesson, hidden_file, found, problems)
    _check_whole(lesson, problems)
    if problems:
        raise LessonError(sorted(problems, key=lambda p: (p.file, p.line)))
    return lesson


def join(preamble: str, blocks: tuple[Block, ...]) -> str:
    """Return the text that `preamble` and `blocks` were parsed from."""
    return preamble + "".join(block.raw for block in blocks)


# --- parsing ---------------------------------------------------------------


def _split(
    file: str, text: str, problems: list[Finding], hidden: bool = False
) -> tuple[str, list[Block]]:
    """Cut `text` at its marks; a block with a bad mark is reported and left out."""

    def problem(line: int, message: str, cure: str, cell: str = "") -> None:
        problems.append(Finding(file, line, cell, "lesson", message, cure))

    try:
        ast.parse(text)
    except SyntaxError as error:
        problem(
            error.lineno or 0,
            f"not valid Python: {error.msg}",
            "mend this line; a lesson is Python without % or ! magics",
        )
    lines = re.findall(r"[^\n]*\n|[^\n]+", text)
    starts = [i for i, line in enumerate(lines) if line.startswith(MARK)]
    preamble = "".join(lines[: starts[0]] if starts else lines)
    if not _only_comments(preamble):
        problem(
            1,
            "code stands above the first cell mark",
            "move it into a cell: above stand only a docstring and comments",
        )
    blocks = []
    for start, end in zip(starts, [*starts, len(lines)][1:], strict=True):
        mark = lines[start].rstrip("\n")
        try:
            role, label, words, core = _parse_mark(mark, hidden)
        except _Mark as error:
            problem(start + 1, error.message, error.cure)
            continue
        body = [line.rstrip("\n") for line in lines[start + 1 : end]]
        first = next((i for i, line in enumerate(body) if line.strip()), len(body))
        block = Block(
            role=role,
            label=label,
            words=words,
            core=core,
            text="\n".join(body).strip("\n"),
            raw="".join(lines[start:end]),
            line=start + 1,
            text_line=start + 2 + first,
        )
        if block.is_markdown:
            for number, line in enumerate(body, start + 2):
                if line.strip() and line != "#" and not line.startswith("# "):
                    problem(
                        number,
                        f"{line[:40]!r} is not a line of prose",
                        "start every line of a prose cell with '# '",
                        block.name,
                    )
        blocks.append(block)
    return preamble, blocks


class _Mark(Exception):
    def __init__(self, message: str, cure: str) -> None:
        self.message, self.cure = message, cure


def _parse_mark(
    mark: str, hidden: bool
) -> tuple[str, str, dict[str, str], bool | None]:
    """Read `# %% [role] label word=value flag` into its parts."""
    match = re.fullmatch(r"# %%(?:\s+\[(\w+)\])?(.*)", mark)
    if not match:
        raise _Mark(f"{mark!r} is not a cell mark", "write '# %% [role] …'")
    role, rest = match[1] or "code", match[2].split()
    if role not in _ROLES:
        raise _Mark(f"[{role}] is no role", f"use one of {', '.join(_ROLES)}")
    kind, required, optional, needs_core = _ROLES[role]
    if hidden:
        if role != "grade" or rest[1:]:
            raise _Mark(
                f"{mark!r} is no mark of a hidden file",
                "write '# %% [grade] e1.group'; points and mode stand in the lesson",
            )
        required = ()
    label = ""
    if rest and "=" not in rest[0] and rest[0] not in ("core", "stretch"):
        label = rest.pop(0)
    if kind == _NOTHING and label:
        raise _Mark(f"[{role}] takes no name, got {label!r}", f"write '# %% [{role}]'")
    if kind and (label or kind != _NAME):
        pattern, example = _PATTERNS[kind]
        if not re.fullmatch(pattern, label):
            raise _Mark(f"[{role}] needs {example}; got {label!r}", "name it so")
    words: dict[str, str] = {}
    core = None
    for word in rest:
        key, _, value = word.partition("=")
        if word in ("core", "stretch") and role in ("card", "essay") and core is None:
            core = word == "core"
        elif key in (*required, *optional) and value and key not in words:
            words[key] = value
        else:
            may = [f"{k}=…" for k in (*required, *optional)]
            may += ["core|stretch"] if role in ("card", "essay") else []
            raise _Mark(
                f"[{role}] does not take {word!r} (or not twice)",
                f"it takes {', '.join(may) or 'no words'}",
            )
    missing = [key for key in required if key not in words]
    if missing:
        raise _Mark(
            f"[{role}] does not say {' and '.join(missing)}",
            f"add {' '.join(_EXAMPLES[key] for key in missing)} to this mark",
        )
    for key in ("points", "minutes"):
        if key in words and not re.fullmatch(r"[1-9]\d*", words[key]):
            raise _Mark(f"{key}={words[key]} is not a whole number above 0", "mend it")
    if words.get("mode", "split") not in _MODES:
        raise _Mark(f"mode={words['mode']} is unknown", "mode=split or mode=shared")
    if needs_core and core is None:
        raise _Mark(f"[{role}] says neither core nor stretch", "add the word core")
    return role, label, words, core


def _only_comments(text: str) -> bool:
    try:
        body = ast.parse(text).body
    except SyntaxError:
        return True  # reported already, with the file as a whole
    return all(
        isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        for node in body
    )


def _pair_hidden(
    lesson: Lesson, file: str, found: list[Block], problems: list[Finding]
) -> None:
    """Report hidden blocks without a [grade] in the lesson, twice, or with both."""
    own = {block.label: block for block in lesson.blocks if block.role == "grade"}
    seen = set()
    for block in found:
        if block.label in seen:
            message, cure = "stands twice in this file", "keep one of the two"
        elif block.label not in own:
            message = f"has no [grade] in {lesson.file}"
            cure = f"add '# %% [grade] {block.label} points=… mode=…' there"
        elif visible_and_body(own[block.label].text)[1]:
            message = f"has a body here and in {lesson.file}"
            cure = "keep only the leading comments in the lesson"
        else:
            seen.add(block.label)
            continue
        problems.append(Finding(file, block.line, block.name, "lesson", message, cure))


def _check_whole(lesson: Lesson, problems: list[Finding]) -> None:
    """Report what only shows when the blocks are seen together."""

    def problem(block: Block, message: str, cure: str) -> None:
        problems.append(lesson.finding(block, "lesson", message, cure))

    if not lesson.blocks and not problems:
        cure = "start one with '# %% [md]'"
        problems.append(lesson.finding(None, "lesson", "it has no cells", cure))
    seen: dict[tuple[str, str], Block] = {}
    has = {(b.role, b.exercise) for b in lesson.blocks}
    for i, block in enumerate(lesson.blocks):
        key = (block.role, block.label)
        unique = block.role in (_ONCE_AN_EXERCISE | {"grade", "setup", "map", "review"})
        named = block.role in ("md", "code") and block.label
        if named:
            key = ("name", block.label)
        if (unique or named or block.role == "rubric") and key in seen:
            problem(
                block,
                f"stands twice; the first is on line {seen[key].line}",
                "rename one of them" if named else "join the two",
            )
        seen.setdefault(key, block)
        carded = block.role == "essay" and ("card", block.exercise) in has
        if not block.text and block.label not in lesson.hidden and not carded:
            problem(block, "the cell is empty", "fill it or take its mark out")
            continue
        if block.role in ("answer", "check", "grade", "look", "hand", "hints") and not (
            {("card", block.exercise), ("essay", block.exercise)} & has
        ):
            problem(
                block,
                f"exercise {block.exercise} has no card",
                f"put '# %% [card] {block.exercise} minutes=… core' first",
            )
        if block.role == "answer":
            _check_regions(block, problem)
        if block.role == "grade" and not hidden_body(lesson, block):
            problem(
                block,
                "no hidden test stands here",
                f"write it below the comments, or in {lesson.hidden_path.name}",
            )
        if block.role == "check" and not _code_of(block.text):
            problem(block, "no test stands here", "write it below the mark")
        if block.role == "hints" and split_hints(prose(block.text)) is None:
            problem(
                block,
                "hints are three paragraphs: nudge, idea, outline",
                "start them '# nudge: …', '# idea: …', '# outline: …', in this order",
            )
        if block.role == "review" and split_review(prose(block.text)) is None:
            problem(
                block,
                "review cards are pairs of a question and an answer",
                "write '# Q: …' and then '# A: …' for each card",
            )
        if block.role in ("card", "essay") and not carded and not title(block):
            problem(block, "the first line is empty", "write the title there")
        if block.role == "essay":
            region = prose(block.text).partition(BEGIN_SOLUTION)[1:]
            if region[0] and (
                region[1].count(END_SOLUTION) != 1
                or not region[1].endswith(END_SOLUTION)
            ):
                problem(
                    block,
                    "the model answer does not close the cell",
                    f"let '# {END_SOLUTION}' be its last line",
                )
            if carded and block.core is not None:
                problem(
                    block,
                    "its card says core or stretch already",
                    "take minutes and core off this mark",
                )
            if not carded and (block.minutes is None or block.core is None):
                problem(
                    block,
                    "an essay without a card says minutes and core or stretch itself",
                    "add minutes=… core to this mark",
                )
            after = lesson.blocks[i + 1 : i + 2]
            wanted = ("rubric", block.words["rubric"])
            if [(b.role, b.label) for b in after] != [wanted]:
                problem(
                    block,
                    f"its rubric {wanted[1]!r} does not follow it",
                    f"put '# %% [rubric] {wanted[1]}' right below the essay",
                )
        if block.role == "rubric":
            before = lesson.blocks[i - 1] if i else None
            if not before or before.words.get("rubric") != block.label:
                problem(
                    block,
                    "no essay with this rubric stands right before it",
                    f"put it below '# %% [essay] … rubric={block.label}'",
                )


def _check_regions(block: Block, problem) -> None:
    depth = regions = 0
    for line in block.text.split("\n"):
        if BEGIN_SOLUTION in line or END_SOLUTION in line:
            depth += 1 if BEGIN_SOLUTION in line else -1
            regions += 1
            alone = line.strip() in (BEGIN_SOLUTION, END_SOLUTION)
            if depth not in (0, 1) or not alone:
                depth = -1
                break
    if depth or not regions:
        problem(
            block,
            "the reference does not stand between its two marks",
            f"put it between '{BEGIN_SOLUTION}' and '{END_SOLUTION}', each on its line",
        )


# --- the text inside a block -------------------------------------------------


def prose(text: str) -> str:
    """Take the comment signs off: "# a" gives "a", "#" an empty line."""
    return "\n".join(line[2:] for line in text.split("\n"))


def comment(text: str) -> str:
    """Put the comment signs on; the reverse of `prose`."""
    return "\n".join(f"# {line}" if line else "#" for line in text.split("\n"))


def _code_of(text: str) -> str:
    """Return `text` when it holds a statement, else nothing."""
    return text if not _all_comments(text.split("\n")) else ""


def _all_comments(lines: list[str]) -> bool:
    return all(not line.strip() or line.lstrip().startswith("#") for line in lines)


def visible_and_body(text: str) -> tuple[str, str]:
    """Cut a [grade] block after its leading comments."""
    lines = text.split("\n")
    cut = 0
    while cut < len(lines) and _all_comments(lines[: cut + 1]):
        cut += 1
    visible, body = "\n".join(lines[:cut]), "\n".join(lines[cut:])
    return visible.strip("\n"), body.strip("\n")


def hidden_body(lesson: Lesson, block: Block) -> str:
    """Return the hidden test of a [grade] block, from wherever it stands."""
    if block.label in lesson.hidden:
        return _code_of(lesson.hidden[block.label].text)
    return visible_and_body(block.text)[1]


def visible_answer(block: Block) -> str:
    """Return the code of an answer as a learner gets it: a stub for the reference."""
    lines, inside = [], False
    for line in block.text.split("\n"):
        if BEGIN_SOLUTION in line:
            inside = True
            lines.append(line[: len(line) - len(line.lstrip())] + "raise Exception")
        if not inside:
            lines.append(line)
        inside = inside and END_SOLUTION not in line
    return "\n".join(lines)


def reference_lines(block: Block) -> list[str]:
    """Return the lines between the solution marks of an answer or an essay."""
    text = prose(block.text) if block.role == "essay" else block.text
    parts = re.findall(rf"{BEGIN_SOLUTION}\n(.*?){END_SOLUTION}", text, re.DOTALL)
    return [line.strip() for part in parts for line in part.split("\n")]


def exercises(lesson: Lesson) -> dict[str, Block]:
    """Return the block that opens each exercise (its card, else its essay)."""
    found: dict[str, Block] = {}
    for role in ("card", "essay"):
        for block in lesson.blocks:
            if block.role == role:
                found.setdefault(block.exercise, block)
    order = [block.exercise for block in lesson.blocks if block.exercise in found]
    return {exercise: found[exercise] for exercise in dict.fromkeys(order)}


def points(lesson: Lesson, exercise: str) -> int:
    """Return the points of one exercise: of its check, grade and essay cells."""
    mine = [b for b in lesson.blocks if b.exercise == exercise]
    return sum(block.points or 0 for block in mine)


def title(block: Block) -> str:
    """Return the title of an exercise: the first line of its card."""
    return prose(block.text).partition("\n")[0].strip()


def task(block: Block) -> str:
    """Return the text of a card or essay below its title, without comment signs."""
    text = essay_parts(block.text)[0] if block.role == "essay" else prose(block.text)
    return text.partition("\n")[2].strip("\n")


def essay_parts(text: str) -> tuple[str, str]:
    """Cut an [essay] block into its prompt and the model answer (may be empty)."""
    before, _, rest = prose(text).partition(BEGIN_SOLUTION)
    return before.strip("\n"), rest.removesuffix(END_SOLUTION).strip("\n")


def split_hints(text: str) -> list[str] | None:
    """Return the texts of nudge, idea and outline, or None when one is missing."""
    parts = re.split(r"^(nudge|idea|outline):[ \n]", text, flags=re.M)
    if parts[0].strip() or tuple(parts[1::2]) != HINTS:
        return None
    texts = [part.strip("\n") for part in parts[2::2]]
    return texts if all(texts) else None


def split_review(text: str) -> tuple[str, list[tuple[str, str]]] | None:
    """Return the lines above the first card, and the cards; None when unpaired."""
    intro, *parts = re.split(r"^(Q|A):[ \n]", text, flags=re.M)
    if not parts or parts[::2] != ["Q", "A"] * (len(parts) // 4):
        return None
    texts = [part.strip("\n") for part in parts[1::2]]
    if not all(texts):
        return None
    return intro.strip("\n"), list(zip(texts[::2], texts[1::2], strict=True))


def review(lesson: Lesson) -> list[dict[str, str]]:
    """Return the review cards as question and answer, in order."""
    for block in lesson.blocks:
        if block.role == "review":
            _, cards = split_review(prose(block.text))
            return [{"question": q, "answer": a} for q, a in cards]
    return []
