"""Small changes to a reference answer, each of which its tests must notice.

A mutant that no test notices shows a hole in the grader, or code whose change makes
no difference; the latter is listed with its reason in `<notebook>.survivors.toml`.
"""

import ast
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from course.errors import CourseError

BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"


@dataclass(frozen=True, slots=True)
class Mutant:
    """One changed answer; `id` names exercise, change and line text, no line number."""

    id: str
    line: int
    source: str


@dataclass(frozen=True, slots=True)
class Survivor:
    """A mutant that may live, the reason, and the line of the file that says so."""

    mutant: str
    reason: str
    line: int


_COMPARE = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
}
_ARITHMETIC = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Div,
    ast.Mod: ast.FloorDiv,
    ast.Pow: ast.Mult,
    ast.MatMult: ast.Mult,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.BitXor: ast.BitOr,
}
_PAIRS = (
    ("min", "max"),
    ("any", "all"),
    ("argmin", "argmax"),
    ("minimum", "maximum"),
    ("floor", "ceil"),
    ("bisect_left", "bisect_right"),
    ("pop", "popleft"),
    ("append", "appendleft"),
    ("startswith", "endswith"),
    ("lstat", "stat"),
    ("union", "intersection"),
)
_CALLS = {a: b for one, two in _PAIRS for a, b in ((one, two), (two, one))} | {
    "sorted": "list",
    "reversed": "list",
    "abs": "float",
    "set": "list",
}

# A change: what it is called, and the node that takes the place of the old one.
_Change = tuple[str, ast.AST]


def mutants(exercise: str, source: str) -> list[Mutant]:
    """Return the mutants of an answer cell, in the order of its lines.

    Only the lines between BEGIN SOLUTION and END SOLUTION change (all of the cell,
    where it has no such marks); annotations, docstrings and the words of errors
    never do. Raises CourseError when the cell is not valid Python.

    >>> cell = "def f(a, b):\\n    if a < b:\\n        return a"
    >>> for one in mutants("e1", cell)[:3]:
    ...     print(one.id)
    e1 Lt->LtE: `if a < b:`
    e1 Lt->GtE: `if a < b:`
    e1 return None: `return a`
    """
    try:
        tree = ast.parse(source)
    except SyntaxError as error:
        raise CourseError(
            f"the reference of {exercise} is not Python: line {error.lineno}: "
            f"{error.msg}",
            cure="course build   and run the notebook once in JupyterLab",
        ) from None
    lines = source.splitlines()
    inside = _solution(lines)
    seen = {ast.unparse(tree)}
    names: Counter[str] = Counter()
    found = []
    for place in sorted(_places(tree), key=lambda place: place.line):
        if place.line not in inside:
            continue
        for change, node in place.changes():
            place.put(node)
            try:
                mutated = ast.unparse(ast.fix_missing_locations(tree))
            finally:
                place.put(place.node)
            if mutated in seen:
                continue
            seen.add(mutated)
            name = f"{exercise} {change}: `{lines[place.line - 1].strip()}`"
            names[name] += 1
            if names[name] > 1:
                name += f" ({names[name]})"
            found.append(Mutant(name, place.line, mutated + "\n"))
    return found


def survivors(file: Path) -> list[Survivor]:
    """Return the mutants that may live; none when the file does not exist.

    The file holds entries `[[survivor]]` with `mutant` and `reason`. Raises
    CourseError for one that is incomplete, empty or there twice.
    """
    if not file.exists():
        return []
    text = file.read_text("utf-8")
    try:
        entries = tomllib.loads(text).get("survivor", [])
    except tomllib.TOMLDecodeError as error:
        raise CourseError(
            f"{file} is not valid TOML: {error}", cure=f"edit {file}"
        ) from None
    starts = [
        number
        for number, line in enumerate(text.splitlines(), 1)
        if line.partition("#")[0].strip() == "[[survivor]]"
    ]
    if len(starts) != len(entries):
        raise CourseError(
            f"{file}: every survivor starts with a line [[survivor]]",
            cure="compare it with another survivors file",
        )
    found: list[Survivor] = []
    for entry, line in zip(entries, starts, strict=True):
        words = [str(entry.get(key, "")).strip() for key in ("mutant", "reason")]
        if not all(words) or set(entry) != {"mutant", "reason"}:
            raise CourseError(
                f"{file}:{line}: a survivor has a mutant and a reason, nothing else",
                cure='mutant = "e1 Lt->LtE: `if a < b:`"   reason = "a never equals b"',
            )
        if words[0] in [one.mutant for one in found]:
            raise CourseError(
                f"{file}:{line}: {words[0]} is listed twice", cure="keep one of them"
            )
        found.append(Survivor(words[0], words[1], line))
    return found


def _solution(lines: list[str]) -> set[int]:
    """Return the numbers of the lines that the learner would write."""
    inside, writing = set(), False
    for number, line in enumerate(lines, 1):
        if line.strip() == END:
            writing = False
        elif line.strip() == BEGIN:
            writing = True
        elif writing:
            inside.add(number)
    return inside or set(range(1, len(lines) + 1))


@dataclass(frozen=True, slots=True)
class _Place:
    """A node and how to put another in its place."""

    node: ast.AST
    parent: ast.AST
    put: Callable[[ast.AST], None]

    @property
    def line(self) -> int:
        return getattr(self.node, "lineno", 0)

    def changes(self) -> Iterator[_Change]:
        """Yield every change of this node alone."""
        node = self.node
        if isinstance(node, ast.stmt):
            yield from _statement(node)
        elif isinstance(node, ast.ExceptHandler):
            yield from _handler(node)
        elif isinstance(node, ast.expr):
            yield from _expression(node, self.parent)


def _places(tree: ast.AST, quiet: bool = False) -> Iterator[_Place]:
    """Yield every place below `tree`; no annotations, docstrings, words of errors."""
    for field, value in ast.iter_fields(tree):
        if field in ("annotation", "returns", "type_params", "decorator_list"):
            continue
        nodes = value if isinstance(value, list) else [value]
        for at, node in enumerate(nodes):
            if not isinstance(node, ast.AST) or _words(node, tree, quiet):
                continue

            def put(new, field=field, at=at, value=value):
                if isinstance(value, list):
                    value[at] = new
                else:
                    setattr(tree, field, new)

            yield _Place(node, tree, put)
            # What stands inside raise(...) and assert is checked, its words are not.
            inner = quiet or isinstance(node, ast.Raise)
            yield from _places(node, inner)


def _words(node: ast.AST, parent: ast.AST, quiet: bool) -> bool:
    """Return whether `node` is prose: a docstring, or the words of an error."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return True
    if isinstance(parent, ast.Assert) and node is parent.msg:
        return True
    if not quiet:
        return False
    return isinstance(node, ast.JoinedStr) or (
        isinstance(node, ast.Constant) and isinstance(node.value, str)
    )


def _copy(node: ast.AST, **fields) -> ast.AST:
    """Return a shallow copy of a node with some fields replaced."""
    new = type(node)(**dict(ast.iter_fields(node)))
    ast.copy_location(new, node)
    for field, value in fields.items():
        setattr(new, field, value)
    return new


def _without(many: list, at: int) -> list:
    return many[:at] + many[at + 1 :]


def _negated(test: ast.expr) -> ast.expr | None:
    """Return `not test`, where no other change already says so."""
    if isinstance(test, ast.Constant) or (
        isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not)
    ):
        return None
    if isinstance(test, ast.Compare) and len(test.ops) == 1:
        return None
    return ast.UnaryOp(ast.Not(), test)


def _statement(node: ast.stmt) -> Iterator[_Change]:
    match node:
        case ast.Return(value=value) if value is not None:
            if not (isinstance(value, ast.Constant) and value.value is None):
                yield "return None", ast.Return(ast.Constant(None))
        case ast.Return():
            yield "return deleted", ast.Pass()
        case ast.Break():
            yield "break->continue", ast.Continue()
        case ast.Continue():
            yield "continue->break", ast.Break()
            yield "continue deleted", ast.Pass()
        case ast.Raise():
            yield "raise deleted", ast.Pass()
        case ast.AnnAssign(value=None) | ast.Pass():
            pass
        case ast.Expr() | ast.Assign() | ast.AnnAssign() | ast.Delete() | ast.Assert():
            yield "statement deleted", ast.Pass()
        case ast.AugAssign(op=op):
            yield "statement deleted", ast.Pass()
            yield "augmented->plain", ast.Assign([node.target], node.value)
            if other := _ARITHMETIC.get(type(op)):
                name = f"{_name(op)}->{other.__name__}"
                yield name, _copy(node, op=other())
        case ast.If(test=test) | ast.While(test=test):
            if other := _negated(test):
                yield "condition negated", _copy(node, test=other)


def _handler(node: ast.ExceptHandler) -> Iterator[_Change]:
    yield "except body->pass", _copy(node, body=[ast.Pass()])
    yield "except body->raise", _copy(node, body=[ast.Raise()])
    if isinstance(node.type, ast.Tuple) and len(node.type.elts) > 1:
        for at, kind in enumerate(node.type.elts):
            rest = ast.Tuple(_without(node.type.elts, at), ast.Load())
            yield f"{ast.unparse(kind)} not caught", _copy(node, type=rest)


def _expression(node: ast.expr, parent: ast.AST) -> Iterator[_Change]:
    match node:
        case ast.Compare(ops=ops):
            for at, op in enumerate(ops):
                for other in _COMPARE[type(op)]:
                    changed = [*ops[:at], other(), *ops[at + 1 :]]
                    yield f"{_name(op)}->{other.__name__}", _copy(node, ops=changed)
        case ast.BinOp(op=op) if other := _ARITHMETIC.get(type(op)):
            yield f"{_name(op)}->{other.__name__}", _copy(node, op=other())
        case ast.BoolOp(op=op):
            other = ast.Or() if isinstance(op, ast.And) else ast.And()
            yield f"{_name(op)}->{_name(other)}", _copy(node, op=other)
        case ast.UnaryOp(op=ast.Not() | ast.USub() | ast.Invert() as op):
            yield f"{_name(op)} removed", node.operand
        case ast.IfExp(test=test) if other := _negated(test):
            yield "condition negated", _copy(node, test=other)
        case ast.Constant(value=bool(value)):
            yield f"{value}->{not value}", ast.Constant(not value)
        case ast.Constant(value=int(value)):
            yield f"{value}->{value + 1}", ast.Constant(value + 1)
            yield f"{value}->{value - 1}", ast.Constant(value - 1)
        case ast.Constant(value=str(value)) if _is_key(node, parent):
            yield f"{value!r}->other text", ast.Constant(value + "_")
        case ast.Slice():
            yield from _slice(node)
        case ast.Call():
            yield from _call(node)
        case ast.Yield(value=value) if value is not None:
            yield "yield None", ast.Yield(ast.Constant(None))
        case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
            for at, part in enumerate(node.generators):
                for which, test in enumerate(part.ifs):
                    for name, ifs in (
                        ("filter removed", _without(part.ifs, which)),
                        ("filter negated", _negated_filter(part.ifs, which)),
                    ):
                        if ifs is not None:
                            new = [*node.generators]
                            new[at] = _copy(part, ifs=ifs)
                            label = f"{name} `{ast.unparse(test)}`"
                            yield label, _copy(node, generators=new)


def _negated_filter(ifs: list[ast.expr], at: int) -> list[ast.expr] | None:
    other = _negated(ifs[at])
    return None if other is None else [*ifs[:at], other, *ifs[at + 1 :]]


def _slice(node: ast.Slice) -> Iterator[_Change]:
    for field in ("lower", "upper", "step"):
        bound = getattr(node, field)
        if bound is None:
            continue
        yield f"{field} bound removed", _copy(node, **{field: None})
        if field != "step" and not isinstance(bound, ast.Constant):
            for sign, op in (("+", ast.Add()), ("-", ast.Sub())):
                moved = ast.BinOp(bound, op, ast.Constant(1))
                yield f"{field} bound {sign}1", _copy(node, **{field: moved})


def _call(node: ast.Call) -> Iterator[_Change]:
    name = getattr(node.func, "id", None) or getattr(node.func, "attr", None)
    if other := _CALLS.get(name):
        field = "id" if isinstance(node.func, ast.Name) else "attr"
        func = _copy(node.func, **{field: other})
        # `list` has no key to sort by.
        keywords = [] if other == "list" else node.keywords
        yield f"{name}->{other}", _copy(node, func=func, keywords=keywords)
    if name == "range":
        for at in range(min(2, len(node.args))):
            if isinstance(node.args[at], (ast.Constant, ast.Starred)):
                continue
            for sign, op in (("+", ast.Add()), ("-", ast.Sub())):
                args = [*node.args]
                args[at] = ast.BinOp(args[at], op, ast.Constant(1))
                yield f"range bound {at + 1} {sign}1", _copy(node, args=args)
    for at, keyword in enumerate(node.keywords):
        if keyword.arg:
            rest = _without(node.keywords, at)
            yield f"{keyword.arg}= removed", _copy(node, keywords=rest)


def _is_key(node: ast.Constant, parent: ast.AST) -> bool:
    """Return whether a text decides something, rather than being shown."""
    match parent:
        case ast.Subscript() | ast.Dict() | ast.Compare() | ast.MatchValue():
            return not isinstance(parent, ast.Dict) or node in parent.keys
        case ast.Call(func=ast.Attribute(attr="get" | "pop" | "setdefault")):
            return parent.args[:1] == [node]
    return False


def _name(op: ast.AST) -> str:
    return type(op).__name__
