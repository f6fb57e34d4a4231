"""Find the ways in which a test may pass without having tested anything.

A graded cell that runs to its end without an error earns full marks, so a test
that can end before it checks something gives them away.
"""

import ast
from collections.abc import Iterator

RUNGS = {"against", "at_most", "call", "case", "equal", "raises", "true", "within"}


def doubts(test: ast.AST, answer: set[str] | None) -> Iterator[tuple[int, str, str]]:
    """Yield line, reason and cure for each doubt about the body of a test.

    `answer` holds the names that the exercise's answer defines. Line 0 is the whole
    test.

    >>> [reason for _, reason, _ in doubts(ast.parse("double(2)"), {"double"})]
    ['it calls no check.* and asserts nothing: full marks for anything']
    """
    if not _proves(test.body, set(), test):
        anywhere = any(_is_rung(node) for node in ast.walk(test))
        yield (
            0,
            "every check stands under a condition, so the test may check nothing"
            if anywhere
            else "it calls no check.* and asserts nothing: full marks for anything",
            "end in a check.case, check.true … or assert that always runs",
        )
    if answer is not None:
        mine = answer
        used = loaded(test) | {
            node.value
            for node in ast.walk(test)
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        }
        if not mine & used:
            yield (
                0,
                f"it uses nothing that the answer defines ({', '.join(sorted(mine))})",
                "call the learner's function in it",
            )
        for name in sorted(mine & bound(test)):
            yield 0, f"it binds {name}, which the answer defines", "use another name"
    for node in _own_scope(test):
        if isinstance(node, ast.Return):
            yield (
                node.lineno,
                "return ends the test with full marks",
                "turn the condition into a check",
            )
    for node in ast.walk(test):
        yield from _always_true(node)
        if isinstance(node, ast.Try) and any(_is_rung(n) for n in _walk(node.body)):
            for handler in node.handlers:
                if _swallows(handler):
                    yield (
                        handler.lineno,
                        "this handler swallows the failure of a check",
                        "catch only the error you mean, or use check.raises",
                    )
        if (
            isinstance(node, (ast.With, ast.AsyncWith))
            and any("suppress" in ast.unparse(i.context_expr) for i in node.items)
            and any(_is_rung(n) for n in _walk(node.body))
        ):
            yield (
                node.lineno,
                "suppress() swallows the failure of a check",
                "check outside of it",
            )


def _walk(body: list[ast.stmt]) -> Iterator[ast.AST]:
    for statement in body:
        yield from ast.walk(statement)


def _is_rung(node: ast.AST) -> bool:
    if isinstance(node, (ast.Assert, ast.Raise)):
        return True
    name = called(node)
    return name.startswith("check.") and name.removeprefix("check.") in RUNGS


def _own_scope(tree: ast.AST) -> Iterator[ast.AST]:
    """Walk a tree without entering the functions and classes it defines."""
    for node in ast.iter_child_nodes(tree):
        if not isinstance(
            node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
        ):
            yield node
            yield from _own_scope(node)


def _proves(body: list[ast.stmt], helpers: set[str], whole: ast.AST) -> bool:
    """Whether running these statements to their end must pass a check.

    A loop counts when it runs over something; a function counts where it is used.
    """
    for node in body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            if _proves(node.body, helpers, whole):
                helpers = helpers | {node.name}
            continue
        if isinstance(node, ast.ClassDef):
            continue
        if isinstance(node, ast.If):
            arms = (node.body, node.orelse)
            if node.orelse and all(_proves(arm, helpers, whole) for arm in arms):
                return True
            parts: list[ast.AST] = [node.test]
        elif isinstance(node, (ast.For, ast.AsyncFor)):
            empty = isinstance(node.iter, (ast.List, ast.Tuple)) and not node.iter.elts
            if not empty and _proves(node.body, helpers, whole):
                return True
            parts = [node.iter]
        elif isinstance(node, ast.While):
            parts = [node.test]
        elif isinstance(node, (ast.With, ast.AsyncWith)):
            if _proves(node.body, helpers, whole):
                return True
            parts = [item.context_expr for item in node.items]
        elif isinstance(node, ast.Try):
            if _proves([*node.body, *node.orelse, *node.finalbody], helpers, whole):
                return True
            parts = []
        elif isinstance(node, ast.Match):
            parts = [node.subject]
        else:
            parts = [node]
        for part in parts:
            inside = [part, *_own_scope(part)]
            if any(_is_rung(one) for one in inside) or _loaded_in(inside) & helpers:
                return True
    return False


def _loaded_in(nodes: list[ast.AST]) -> set[str]:
    return {node.id for node in nodes if isinstance(node, ast.Name)}


def _always_true(node: ast.AST) -> Iterator[tuple[int, str, str]]:
    says = None
    if isinstance(node, ast.Assert):
        if isinstance(node.test, ast.Tuple) and node.test.elts:
            says = "assert (condition, message) is always true"
        elif isinstance(node.test, ast.Constant) and node.test.value:
            says = "this assert is always true"
        elif isinstance(node.test, ast.Compare) and len(node.test.comparators) == 1:
            left, right = node.test.left, node.test.comparators[0]
            same = ast.dump(left) == ast.dump(right)
            if same and isinstance(node.test.ops[0], (ast.Eq, ast.Is)):
                says = "this compares a value with itself"
    elif called(node) == "check.equal" and len(node.args) == 2:
        if ast.dump(node.args[0]) == ast.dump(node.args[1]):
            says = "this compares a value with itself"
    elif called(node) == "check.true" and node.args:
        first = node.args[0]
        says = isinstance(first, ast.Constant) and first.value and "it is always true"
    if says:
        yield node.lineno, says, "compare the learner's result with the expected one"


def _swallows(handler: ast.ExceptHandler) -> bool:
    """Whether a handler catches a failed check and does not raise again."""
    caught = handler.type
    names = caught.elts if isinstance(caught, ast.Tuple) else [caught]
    broad = {"Exception", "BaseException", "AssertionError", "check.Wrong", "Wrong"}
    if caught is not None and not any(ast.unparse(name) in broad for name in names):
        return False
    return not _proves(handler.body, set(), handler)


def stored(node: ast.AST) -> set[str]:
    """Return the names that running this statement binds where it stands."""
    found: set[str] = set()
    stack = [node]
    while stack:
        one = stack.pop()
        if isinstance(one, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            found.add(one.name)
            continue
        if isinstance(one, (ast.Import, ast.ImportFrom)):
            found |= {(a.asname or a.name).partition(".")[0] for a in one.names}
        elif isinstance(one, ast.ExceptHandler) and one.name:
            found.add(one.name)
        elif isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store):
            found.add(one.id)
        elif isinstance(one, (ast.Lambda, *_COMPREHENSIONS)):
            continue
        stack += ast.iter_child_nodes(one)
    return found


_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


def bound(tree: ast.Module) -> set[str]:
    """Return the names that a module binds at its top level."""
    return set().union(*(stored(node) for node in tree.body))


def loaded(tree: ast.AST) -> set[str]:
    """Return the names that are read anywhere in `tree`."""
    return {
        node.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
    }


def called(node: ast.AST) -> str:
    """Return the dotted name a call goes to: "viz.show", or ""."""
    return ast.unparse(node.func) if isinstance(node, ast.Call) else ""
