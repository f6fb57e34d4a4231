"""The shape of code in three numbers: length, branches, likeness to its twin.

    measured = shape.measure(Store)
    max(one.lines for one in measured.functions)

No number says that code is good. Large ones say where to look.
"""

import ast
import difflib
import inspect
import textwrap
from dataclasses import dataclass

_BRANCHES = (
    *(ast.If, ast.IfExp, ast.For, ast.AsyncFor, ast.While, ast.ExceptHandler),
    *(ast.comprehension, ast.match_case, ast.Assert),
)


@dataclass(frozen=True, slots=True)
class Function:
    """One function: lines without blank ones and docstring, and paths through it.

    `branches` is 1 and one more for each place where the code decides (T. McCabe, *A
    Complexity Measure*, 1976).
    """

    name: str
    lines: int
    branches: int


@dataclass(frozen=True, slots=True)
class Twins:
    """Two functions of like names, and how alike they are: 1 is the same code."""

    name: str
    other: str
    likeness: float


@dataclass(frozen=True, slots=True)
class Shape:
    """The functions of some classes in order, and the pairs `x` and `x_at`."""

    functions: tuple[Function, ...]
    twins: tuple[Twins, ...]


def measure(*classes: type) -> Shape:
    """Return the shape of what these classes define themselves.

    A method that a later class writes anew counts twice. Raises OSError for code that
    was not typed into a file or a cell.
    """
    found: list[tuple[str, ast.FunctionDef]] = []
    for one in classes:
        for member in vars(one).values():
            function = getattr(member, "__func__", member)
            if inspect.isfunction(function):
                tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
                found.append((function.__name__, tree.body[0]))
    functions = tuple(Function(n, _lines(f), _branches(f)) for n, f in found)
    latest = dict(found)
    pairs = [(name, f"{name}_at") for name in latest if f"{name}_at" in latest]
    twins = tuple(Twins(a, b, likeness(latest[a], latest[b])) for a, b in pairs)
    return Shape(functions, twins)


def comparisons(one: type, word: str) -> int:
    """Count the comparisons in a class whose text mentions a word, such as "end"."""
    found = 0
    for member in vars(one).values():
        if inspect.isfunction(member):
            tree = ast.parse(textwrap.dedent(inspect.getsource(member)))
            found += sum(
                isinstance(node, ast.Compare) and word in ast.unparse(node)
                for node in ast.walk(tree)
            )
    return found


def likeness(one: ast.AST, other: ast.AST) -> float:
    """Return how alike two functions are, from 0 to 1, whatever their names.

    Compares the kinds of their nodes and the attributes and literals they use, in
    order; arguments and docstrings do not count.

    >>> f, g, h = (ast.parse(f"def f(a): {body}").body[0] for body in (
    ...     "return a.x + 1", "return b.x + 1", "print(a)"))
    >>> likeness(f, g), likeness(f, h) < 0.5
    (1.0, True)
    """
    words = [_words(tree) for tree in (one, other)]
    return difflib.SequenceMatcher(None, *words, autojunk=False).ratio()


def _body(function: ast.FunctionDef) -> list[ast.stmt]:
    """Return the statements without the docstring."""
    documented = ast.get_docstring(function, clean=False) is not None
    return function.body[1:] if documented else function.body


def _words(function: ast.FunctionDef) -> list[str]:
    words = []
    for statement in _body(function):
        for node in ast.walk(statement):
            detail = getattr(node, "attr", "") or getattr(node, "value", "")
            plain = detail if isinstance(detail, (str, int, float)) else ""
            words.append(f"{type(node).__name__} {plain}")
    return words


def _lines(function: ast.FunctionDef) -> int:
    """Count the lines of code: the head, and the statements without comments."""
    head = 1
    return head + sum(
        len(ast.unparse(statement).splitlines()) for statement in _body(function)
    )


def _branches(function: ast.FunctionDef) -> int:
    nodes = list(ast.walk(function))
    more = sum(len(n.values) - 1 for n in nodes if isinstance(n, ast.BoolOp))
    return 1 + more + sum(isinstance(node, _BRANCHES) for node in nodes)
