"""Imports point one way: cli -> ops, grading, study -> widgets -> viz -> sim."""

import ast
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "course"

GROUND = {"errors", "paths", "syllabus", "fastimport"}  # anybody may stand on these

# Who may import whom, at the top of a module or inside a function alike.
MAY = {
    "errors": set(),
    "fastimport": set(),
    "paths": {"errors"},
    "syllabus": {"errors", "paths"},
    "check": set(),  # NumPy and the standard library only: see below
    "sim": GROUND,
    "viz": GROUND | {"sim"},  # for its types; a drawing never computes
    "widgets": GROUND | {"viz"},
    "study": GROUND | {"widgets", "viz"},
    "grading": GROUND | {"check", "study"},
    "ops": GROUND | {"check", "grading", "study"},
    "desk": GROUND | {"grading", "study", "viz", "widgets"},
    "cli": GROUND | {"grading", "ops", "study"},
    "__main__": {"cli"},
}
NOBODY = {"lessons", "grader_tests", "tests"}
DRAWING = {"matplotlib", "ipywidgets", "IPython", "PIL"}


def modules() -> dict[str, Path]:
    """Return the dotted name of every module of the package, and its file."""
    found = {}
    for file in sorted(PACKAGE.rglob("*.py")):
        parts = ["course", *file.relative_to(PACKAGE).with_suffix("").parts]
        found[".".join(parts).removesuffix(".__init__")] = file
    return found


def imports(name: str, file: Path) -> set[str]:
    """Return the absolute dotted names that a module imports, wherever it does."""
    found = set()
    inside = name if file.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = inside.split(".")[: len(inside.split(".")) - node.level + 1]
                base = ".".join([*above, base]).rstrip(".")
            found.update(f"{base}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and node.args:
            # importlib.import_module("course.ops.lab") and __import__("…")
            called = ast.unparse(node.func)
            first = node.args[0]
            if called.endswith(("import_module", "__import__")) and isinstance(
                first, ast.Constant
            ):
                found.add(str(first.value))
    return found


def layer(name: str) -> str:
    """Return the part of the package that a dotted name belongs to."""
    return name.split(".")[1] if "." in name else ""


MODULES = modules()


@pytest.mark.parametrize("name", [name for name in MODULES if layer(name)])
def test_imports_point_one_way(name):
    own = layer(name)
    assert own in MAY, f"course.{own} is new: give it a line in MAY"
    for target in imports(name, MODULES[name]):
        top = target.split(".")[0]
        assert top not in NOBODY, f"{name} imports {target}"
        if top == "course" and layer(target) and layer(target) != own:
            allowed = ", ".join(sorted(MAY[own])) or "nothing else of the course"
            assert layer(target) in MAY[own], (
                f"{name} imports {target}; course.{own} may import {allowed}"
            )


@pytest.mark.parametrize("name", [name for name in MODULES if layer(name) == "check"])
def test_checks_import_numpy_and_the_standard_library_only(name):
    for target in imports(name, MODULES[name]):
        top = target.split(".")[0]
        assert top in {"course", "numpy"} or top in sys.stdlib_module_names, target


@pytest.mark.parametrize("name", [name for name in MODULES if layer(name) == "sim"])
def test_simulators_never_draw(name):
    tops = {target.split(".")[0] for target in imports(name, MODULES[name])}
    assert not tops & DRAWING


def test_the_ground_floor_is_the_standard_library():
    for name in GROUND:
        found = imports(f"course.{name}", PACKAGE / f"{name}.py")
        tops = {target.split(".")[0] for target in found}
        assert tops <= {"course", *sys.stdlib_module_names}


def test_this_test_sees_relative_lazy_and_dynamic_imports(tmp_path):
    file = tmp_path / "page.py"
    file.write_text(
        "from .. import sim\n"
        "from . import drawing\n"
        "def f():\n"
        "    from course.ops import lab\n"
        "    import importlib\n"
        "    importlib.import_module('course.cli')\n"
    )
    assert imports("course.viz.page", file) == {
        "course.sim",
        "course.viz.drawing",
        "course.ops.lab",
        "importlib",
        "course.cli",
    }
