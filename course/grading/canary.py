"""Copies of a test that must fail, whoever is tested: detectors of tampering.

A learner's code that shares a process with a test can skip it, silence it, patch what
it calls, or read the expected value out of the running test. A copy of the test with a
false statement in it, or with an expected value made wrong, passes only then. Code that
knows of the copies can tell them apart: a canary is a detector and no wall.
"""

import ast
import secrets
from collections.abc import Iterator


def false_statement(test: str, *, first: bool = False) -> tuple[str, str] | None:
    """Return a copy with a false statement at a random place, and what it must say.

    With `first` it stands first, and nothing of the learner's code runs. None when
    this is no test as the course builds them.

    >>> test = '@check.hidden("a")\\ndef e1_x():\\n    a = 1\\n    check.true(a == 1)'
    >>> copy, sign = false_statement(test)
    >>> sign in copy, copy.count("check.")
    (True, 3)
    """
    try:
        body = _body(ast.parse(test))
    except SyntaxError:
        return None
    places = [one for one in body if one.col_offset == 4]
    if not places:
        return None
    place = places[0] if first else secrets.choice(places)
    above = min(
        [place.lineno, *(d.lineno for d in getattr(place, "decorator_list", ()))]
    )
    sign = secrets.token_hex(4)
    one, two = (secrets.randbelow(10**6) for _ in range(2))
    line = f'    check.equal({one} + {two}, {one + two + 1}, shown="{sign}")'
    lines = test.encode().splitlines()  # as bytes, for else it splits at more than \n
    lines.insert(above - 1, line.encode())
    return b"\n".join(lines).decode(), sign


def wrong_values(test: str, *, met: bool = True) -> list[str]:
    """Return the copies of a test in which one expected value has been made wrong.

    Where a run never comes to that value, the last line fails; with `met=False` it is
    left out, and such a copy passes.

    >>> wrong_values("def t():\\n    check.equal(f(), 3, shown='f()')", met=False)
    ["def t():\\n    check.equal(f(), check.other(3), shown='f()')"]
    """
    lines = test.encode().splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    text = b"".join(lines)
    tree = ast.parse(test)
    body = _body(tree)
    own_line = bool(body) and body[-1].col_offset == 4
    last = b"\n    check.met()\n" if met and own_line else b""
    copies = []
    for node in _expected(tree):
        begin = starts[node.lineno - 1] + node.col_offset
        end = starts[node.end_lineno - 1] + node.end_col_offset
        part = text[begin:end]
        if isinstance(node, ast.Tuple) and not part.startswith(b"("):
            part = b"(" + part + b")"
        part = b"check.other(" + part + b")"
        copies.append((text[:begin] + part + text[end:] + last).decode())
    return copies


def _body(tree: ast.Module) -> list[ast.stmt]:
    """Return what stands in the test: the one function, after imports at most."""
    *imports, test = tree.body or [None]
    if not isinstance(test, ast.FunctionDef):
        return []
    if not all(isinstance(one, (ast.Import, ast.ImportFrom)) for one in imports):
        return []
    return test.body


def _expected(tree: ast.AST) -> Iterator[ast.expr]:
    """Yield the expressions that say what a test expects, each once."""
    assigned: dict[str, list[ast.expr]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    assigned.setdefault(target.id, []).append(node.value)
    done = set()
    for node in ast.walk(tree):
        for value in _compared(node):
            if isinstance(value, (ast.Starred, ast.Yield, ast.YieldFrom)):
                continue
            # Where it has a name, code in the call can read it by that name.
            found = assigned.get(getattr(value, "id", ""), [value])
            for one in found:
                if (one.lineno, one.col_offset) not in done:
                    done.add((one.lineno, one.col_offset))
                    yield one


def _compared(node: ast.AST) -> Iterator[ast.expr]:
    match node:
        case ast.Call(
            func=ast.Attribute(value=ast.Name(id="check"), attr=attr), args=args
        ):
            position = {"equal": 1, "true": 0, "against": 0}.get(attr)
            if position is not None and len(args) > position:
                yield args[position]
            for word in node.keywords:
                if attr in ("case", "equal") and word.arg == "want":
                    yield word.value
