"""Make a real submission from the release and the answers in `examples/answers/`.

    python examples/sample.py build/sample

It is what a learner's `work/` would hold: the released notebook, some cells filled
in, one of them added, and one of the locked ones deleted by accident.
"""

import json
import re
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
MARK = re.compile(r"^# %% \[(answer|essay)\] (e\d+)\n", re.MULTILINE)


def answers(text: str) -> dict[tuple[str, str], str]:
    """Return the text of each answer by its exercise and role."""
    _, *parts = MARK.split(text)
    found = {}
    for role, exercise, body in zip(*[iter(parts)] * 3, strict=True):
        if role == "essay":
            body = re.sub(r"^# ?", "", body, flags=re.MULTILINE)
        found[exercise, role] = body.strip()
    return found


def sample(released: dict, written: dict[tuple[str, str], str]) -> dict:
    """Return the notebook (its JSON) with the answers filled in.

    Raises KeyError when an answer has no cell in the release.
    """
    cells = {}
    for cell in released["cells"]:
        course = cell["metadata"].get("course", {})
        cells[course.get("exercise"), course.get("role")] = cell
    for place, text in written.items():
        cells[place]["source"] = text
    tried = {
        "cell_type": "code",
        "execution_count": None,
        "id": "tried-this",
        "metadata": {},
        "outputs": [],
        "source": "# which of my files are empty?\nprint(type(walk_files))",
    }
    at = released["cells"].index(cells["e1", "answer"])
    released["cells"].insert(at + 1, tried)
    released["cells"].remove(cells["e2", "check"])
    return released


def main(folder: Path) -> None:
    """Write a sample of every notebook that has answers here."""
    for file in sorted((HERE / "answers").glob("*/*.py")):
        name = Path(file.parent.name, f"{file.stem}.ipynb")
        released = json.loads((HERE.parent / "release" / name).read_text("utf-8"))
        made = sample(released, answers(file.read_text("utf-8")))
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(json.dumps(made, indent=1), "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
