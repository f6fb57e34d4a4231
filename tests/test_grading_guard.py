"""What a stranger can put into a submission, and what of it comes through."""

import json
import os
import shutil
import socket
import stat
import subprocess
import sys
from pathlib import Path
from time import monotonic

import nbformat
import pytest
from nbgrader.utils import parse_utc

from course.errors import CourseError
from course.grading import gradebook, guard, repair

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows cannot open so")

ROOT = hasattr(os, "geteuid") and os.geteuid() == 0
SOURCE = "x = 'ä🙂 \\n'\r\n\tprint(x)\u2028# \x1b"


def notebook(*cells, **other) -> dict:
    made = [
        {"cell_type": "markdown", "id": "a", "metadata": {}, "source": ["Hi\n", "ho"]},
        {
            "cell_type": "code",
            "id": "b",
            "metadata": {},
            "source": SOURCE,
            "outputs": [],
            "execution_count": None,
        },
    ]
    return {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {},
        "cells": [*made, *cells],
        **other,
    }


HONEST = notebook()


class Case:
    """A submission with one honest notebook, and a secret it must not reach."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.secret = root / "source" / "secret.ipynb"
        self.secret.parent.mkdir()
        self.secret.write_text(json.dumps(notebook(metadata={"answer": "42"})))
        self.folder = root / "submitted" / "ann" / "week1"
        self.folder.mkdir(parents=True)
        self.scratch = root / "scratch"
        self.put("01_honest.ipynb", json.dumps(HONEST))

    def put(self, name: str | bytes, content: str | bytes = "") -> Path:
        path = self.folder / os.fsdecode(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        raw = content.encode() if isinstance(content, str) else content
        path.write_bytes(raw)
        return path

    def admit(self, *names: str, within: float = 5, **limits) -> guard.Admitted:
        """Admit, and hold what must hold for every submission."""
        self.scratch.mkdir()
        before, start = self.state(), monotonic()
        found = guard.admit(
            self.folder,
            self.scratch,
            {"01_honest", *names},
            limits=guard.Limits(**limits),
        )
        assert monotonic() - start < within
        assert self.state() == before
        assert {*found.notebooks, *found.refused} == {"01_honest", *names}
        assert self.json("01_honest.ipynb") == HONEST
        for path in self.scratch.rglob("*"):
            mode = path.lstat().st_mode
            assert stat.S_ISDIR(mode) or stat.S_ISREG(mode)
            if stat.S_ISREG(mode):
                assert stat.S_IMODE(mode) == 0o644
                assert b'"answer"' not in path.read_bytes()
        notebooks = {path.stem for path in self.scratch.rglob("*.ipynb")}
        assert notebooks == set(found.notebooks)
        for text in (*found.flags, *found.refused.values()):
            assert text.isprintable()
            assert len(text) < 500
        assert len(found.flags) <= guard.MAX_NOTES + 1
        return found

    def json(self, name: str):
        return json.loads((self.scratch / name).read_text("utf-8"))

    def files(self) -> set[str]:
        """Return the supporting files that came through."""
        paths = (path for path in self.scratch.rglob("*") if path.is_file())
        names = {str(path.relative_to(self.scratch)) for path in paths}
        return {name for name in names if not name.endswith(".ipynb")}

    def state(self) -> dict:
        """Return all that can be seen of every entry outside the scratch folder."""
        seen = {}
        for folder, folders, files in os.walk(self.root):
            if folder == str(self.root):
                folders.remove("scratch")
            for name in (*folders, *files):
                path = os.path.join(folder, name)
                info = os.lstat(path)
                seen[path] = (info.st_mode, info.st_size, info.st_mtime_ns)
        return seen


@pytest.fixture
def case(tmp_path: Path) -> Case:
    return Case(tmp_path)


def test_an_honest_submission_comes_through(case):
    case.put("data/deep/numbers.csv", "1,2\n").chmod(0o755)
    case.put("Ärger, ein Bild.png", b"\x89PNG\x00")
    case.put("timestamp.txt", "2026-01-31 23:59:59.123456 UTC\n")
    case.put(".DS_Store", "x")
    case.put(".ipynb_checkpoints/01_honest-checkpoint.ipynb", "{")
    found = case.admit()
    assert found == guard.Admitted(("01_honest",), {}, ())
    assert case.files() == {
        "data/deep/numbers.csv",
        "Ärger, ein Bild.png",
        "timestamp.txt",
    }
    assert (case.scratch / "data/deep/numbers.csv").read_text() == "1,2\n"
    cells = repair.read(case.scratch / "01_honest.ipynb")["cells"]
    assert [cell["source"] for cell in cells] == [["Hi\n", "ho"], SOURCE]
    guard.check(case.folder, ["01_honest"])


DEEP = b'{"nbformat": 4, "cells": [], "metadata": ' + b"[" * 150 + b"]" * 150 + b"}"
BROKEN = {
    "empty": (b"", "the file is empty"),
    "blank": (b" \n", "the file is empty"),
    "cut": (json.dumps(HONEST).encode()[:200], "not valid JSON"),
    "word": (b"hello", "not valid JSON"),
    "latin": ("{'é'}".encode("latin-1"), "not UTF-8 text (byte 2)"),
    "utf16": (json.dumps(HONEST).encode("utf-16"), "not UTF-8"),
    "list": (b"[]", "not a notebook"),
    "null": (b"null", "not a notebook"),
    "v3": (b'{"nbformat": 3, "worksheets": []}', "format 3, not 4"),
    "v5": (json.dumps(notebook(nbformat=5)).encode(), "format 5, not 4"),
    "float": (json.dumps(notebook(nbformat=4.0)).encode(), "format 4.0, not 4"),
    "evil": (json.dumps(notebook(nbformat="4\x1b[2J")).encode(), 'format "4\\\\u001b'),
    "nan": (json.dumps(notebook(metadata={"a": float("nan")})).encode(), "NaN"),
    "inf": (json.dumps(notebook(metadata={"a": -float("inf")})).encode(), "-Infinity"),
    "1e999": (b'{"nbformat": 4, "cells": [], "metadata": {"a": 1e999}}', "1e999"),
    "deep": (DEEP, "nests too deep"),
    "abyss": (b"[" * 1_000_000, "nests too deep"),
    "digits": (b'{"nbformat": ' + b"9" * 5000 + b"}", "too many digits"),
    "cells": (b'{"nbformat": 4, "cells": {}}', "no list of cells"),
    "many": (json.dumps(notebook(*[{}] * 10_000)).encode(), "more than 3000 cells"),
    "missing": (None, "no such file"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_notebook_is_refused_alone_with_its_reason(case, name):
    raw, said = BROKEN[name]
    if raw is not None:
        case.put("02.ipynb", raw)
    found = case.admit("02")
    assert found.notebooks == ("01_honest",)
    assert said in found.refused["02"]
    assert found.flags == ()


def test_all_the_broken_at_once(case):
    for name, (raw, _) in BROKEN.items():
        if raw is not None:
            case.put(f"{name}.ipynb", raw)
    found = case.admit(*BROKEN, within=10)
    assert found.notebooks == ("01_honest",)
    for name, (_, said) in BROKEN.items():
        assert said in found.refused[name]
    with pytest.raises(CourseError, match=r"week1 was refused: .*\(and \d+ more\)"):
        guard.check(case.folder, BROKEN)


def test_what_can_be_graded_comes_through(case):
    """A mark of byte order, doubled ids, half a character, no minor version."""
    twice = [notebook()["cells"][1]] * 2
    case.put("bom.ipynb", b"\xef\xbb\xbf" + json.dumps(HONEST).encode())
    case.put("twice.ipynb", json.dumps(notebook(*twice)))
    case.put("half.ipynb", json.dumps(notebook(metadata={"a": "\ud800"})))
    case.put("minor.ipynb", json.dumps(notebook(nbformat_minor="\n")))
    case.put("thousand.ipynb", json.dumps(notebook(*twice * 500)))
    names = ("bom", "twice", "half", "minor", "thousand")
    found = case.admit(*names)
    assert set(found.notebooks) == {"01_honest", *names}
    assert found.flags == ()
    assert case.json("bom.ipynb") == HONEST
    assert case.json("twice.ipynb") == notebook(*twice)
    assert case.json("half.ipynb")["metadata"] == {"a": "?"}
    assert case.json("minor.ipynb")["nbformat_minor"] == 5
    assert nbformat.read(case.scratch / "minor.ipynb", 4).cells


def test_huge_files_are_not_read(case):
    for name in ("02.ipynb", "data.bin"):
        with case.put(name).open("wb") as file:
            file.truncate(100_000_000)
    found = case.admit("02")
    assert "larger than 50 MB" in found.refused["02"]
    assert found.flags == ("data.bin: it is larger than 50 MB",)
    assert case.files() == set()


def make(kind: str, path: Path, case: Case) -> None:
    """Put something that is no regular file of one name where `path` says."""
    if kind == "link":
        path.symlink_to("../../../source/secret.ipynb")
    elif kind == "absolute":
        path.symlink_to(case.secret)
    elif kind == "dangling":
        path.symlink_to("nowhere\x1b[2J\n")
    elif kind == "loop":
        path.symlink_to(path.name)
    elif kind == "endless":
        path.symlink_to("/dev/zero")
    elif kind == "tree":
        path.symlink_to(case.secret.parent)
    elif kind == "hard":
        os.link(case.secret, path)
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "socket":
        before = os.getcwd()
        os.chdir(path.parent)  # the path of a socket may be short only
        try:
            socket.socket(socket.AF_UNIX).bind(path.name)
        finally:
            os.chdir(before)
    elif kind == "device":
        if not ROOT:
            pytest.skip("only root can make a device")
        try:
            os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 5))
        except OSError as error:
            pytest.skip(f"no device can be made here: {error}")


ODD = {
    "link": " -> ../../../source/secret.ipynb: it is a link",
    "absolute": ": it is a link",
    "dangling": " -> nowhere\\x1b[2J\\n: it is a link",
    "loop": "it is a link",
    "endless": " -> /dev/zero: it is a link",
    "tree": "it is a link",
    "hard": "it is a hard link",
    "fifo": "it is a FIFO, not a file",
    "socket": "it is a socket, not a file",
    "device": "it is a device, not a file",
}


@pytest.mark.parametrize("name", ["02.ipynb", "notes.txt", ".notes", "timestamp.txt"])
@pytest.mark.parametrize("kind", ODD)
def test_no_link_and_no_device_is_opened(case, kind, name):
    make(kind, case.folder / name, case)
    found = case.admit("02")
    assert found.notebooks == ("01_honest",)
    assert case.files() == set()
    if name == "02.ipynb":
        assert ODD[kind] in found.refused["02"]
    if name != ".notes":  # hidden files stay where they are
        assert len(found.flags) == 1
        assert found.flags[0].startswith(name)
        assert ODD[kind] in found.flags[0]
    with pytest.raises(CourseError) as caught:  # but nbgrader would copy them
        guard.check(case.folder, ["01_honest", "02"])
    assert "ann/week1 was refused: " + name in caught.value.message
    assert "\x1b" not in str(caught.value)


def test_links_deeper_down(case):
    case.put("data/good.csv", "1")
    (case.folder / "data/bad.csv").symlink_to(case.secret)
    (case.folder / "data/more").symlink_to("..")
    (case.folder / "data/02.ipynb").symlink_to(case.secret)
    found = case.admit()
    assert case.files() == {"data/good.csv"}
    assert [flag.split(" ")[0].strip(":") for flag in found.flags] == [
        "data/02.ipynb",
        "data/bad.csv",
        "data/more",
    ]


@pytest.mark.parametrize("level", ["ann", "week1"])
def test_a_folder_that_is_a_link_is_not_entered(case, level):
    real = case.folder if level == "week1" else case.folder.parent
    real.rename(case.root / "elsewhere")
    real.symlink_to(case.root / "elsewhere")
    case.scratch.mkdir()
    found = guard.admit(case.folder, case.scratch, ["01_honest"])
    assert found.notebooks == ()
    assert f"{level} -> " in found.refused["01_honest"]
    assert len(found.flags) == 1
    assert not list(case.scratch.iterdir())
    with pytest.raises(CourseError, match=f"{level} -> .*it is a link"):
        guard.check(case.folder)


@pytest.mark.parametrize("left", ["submitted/ann", "submitted", "."])
def test_nothing_submitted(case, left):
    shutil.rmtree(case.folder if left == "submitted/ann" else case.folder.parent)
    if left == ".":
        shutil.rmtree(case.root / "submitted")
    case.scratch.mkdir()
    found = guard.admit(case.folder, case.scratch, ["01_honest"])
    assert "nothing was submitted" in found.refused["01_honest"]
    assert found.flags == ()


def test_a_notebook_that_is_a_folder(case):
    case.put("02.ipynb/01_honest.ipynb", json.dumps(HONEST))
    case.put("03.ipynb/x.csv", "1")
    found = case.admit("02")
    assert "it is a folder, not a file" in found.refused["02"]
    assert len(found.flags) == 2
    assert case.files() == set()


def test_only_known_notebooks_come_through(case):
    for name in ("my copy.ipynb", "data/01_honest.ipynb", "loud.IPYNB"):
        case.put(name, json.dumps(HONEST))
    found = case.admit()
    assert found.flags == (
        "data/01_honest.ipynb: not a notebook of this assignment",
        "loud.IPYNB: not a notebook of this assignment",
        "my copy.ipynb: not a notebook of this assignment",
    )
    guard.check(case.folder, ["01_honest"])  # nbgrader leaves them out as well


# Each stands in for a module of Python's, a library's or the course's own.
HIDING = {
    "json.py": "json",
    "numpy.py": "numpy",
    "numpy.pyc": "numpy",
    "numpy.so": "numpy",
    "math.cpython-311-x86_64-linux-gnu.so": "math",
    "six.abi3.so": "six",
    "sitecustomize.py": "sitecustomize",
    "usercustomize.py": "usercustomize",
    "ipykernel.py": "ipykernel",
    "ipykernel_launcher.py": "ipykernel_launcher",
    "course.py": "course",
    "course/__init__.py": "course",
    "course/__init__.pyc": "course",
    "numpy/__init__.cpython-312-x86_64-linux-gnu.so": "numpy",
    "mpl_toolkits/mplot3d.py": "mpl_toolkits/mplot3d",  # has no __init__: all add to it
    # what the release ships itself, by another file that Python takes first
    "given.so": "given",
    "given/__init__.py": "given",
    "kit.py": "kit",
    "kit/part.so": "kit/part",
}


@pytest.fixture
def shipped(case) -> list[str]:
    """Return what the release ships beside its notebooks."""
    names = ["given.py", "kit/__init__.py", "kit/part.py", "statistics.py"]
    for name in names:
        file = case.root / "release" / "week1" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    return names


@pytest.mark.parametrize("name", HIDING)
def test_a_file_that_hides_a_module_is_left_out(case, shipped, name):
    case.put(name, "evil = 1")
    found = case.admit()
    said = f"the notebook would import it in place of {HIDING[name]}"
    assert found.flags == (f"{name}: {said}",)
    assert case.files() == set()
    with pytest.raises(CourseError, match=said):
        guard.check(case.folder)


def test_modules_with_names_of_their_own_stay(case, shipped):
    own = ["helper.py", "tools/__init__.py", "tools/json.py", "numpy.csv", "x.pth"]
    own += ["code/numbers.csv", "numpy/data.csv", "code/script.py", "fast.so"]
    for name in (*own, *shipped):
        case.put(name, "x = 1")
    case.put("__pycache__/given.cpython-311.pyc")  # Python would believe it
    case.put("kit/__pycache__/part.cpython-311.pyc")
    found = case.admit()
    assert found.flags == ()
    assert case.files() == {*own, *shipped}
    guard.check(case.folder)  # nbgrader leaves __pycache__ out as well


def test_another_folder_can_be_named_as_the_release(case, shipped, tmp_path):
    case.put("statistics.py")
    with pytest.raises(CourseError, match="in place of statistics"):
        guard.check(case.folder, release=tmp_path / "elsewhere")


MISNAMED = {
    "<b>ann": "<b>ann",
    'a"b': 'a"b',
    "a'b": "a'b",
    "a&b": "a&b",
    "two\nlines": "two\\nlines",
    "\x1b[2J": "\\x1b[2J",
    "\u202eann": "\\u202eann",
    "a\\b": "a\\\\b",
    ".ann": ".ann",
    "..": "..",
    "-rf": "-rf",
    "--force": "--force",
    " ann": " ann",
    "ann ": "ann ",
    "a,b": "a,b",
    "$(id)": "$(id)",
    "[ab]*": "[ab]*",
    "x" * 101: "x" * 80 + "…",
    b"caf\xe9": "caf\\udce9",
    "": "",
}


@pytest.mark.parametrize("name", MISNAMED, ids=range(len(MISNAMED)))
def test_a_student_with_a_harmful_name_is_refused(case, name):
    text = os.fsdecode(name)
    why = f"{MISNAMED[name]}: a student may not have such a name"
    assert guard.misnamed(text).startswith(why)
    assert guard.misnamed(text).isprintable()
    if text in ("", ".."):
        return
    try:
        case.folder.parent.rename(case.root / "submitted" / text)
    except OSError as error:
        pytest.skip(f"this file system has no such names: {error}")
    folder = case.root / "submitted" / text / "week1"
    case.scratch.mkdir()
    found = guard.admit(folder, case.scratch, ["01_honest"])
    assert found.notebooks == ()
    assert found.flags[0].startswith(why)
    with pytest.raises(CourseError, match="a student may not have such a name"):
        guard.check(folder)


@pytest.mark.parametrize(
    "name",
    [
        "ann",
        "1234567",
        "Zoë Ng",
        "mu\u0308ller",
        "王小明",
        "अनिल",
        "a.b+c@d-e.org",
        "_",
    ],
)
def test_names_of_people_are_fine(name):
    assert guard.misnamed(name) == ""


NAMES = {
    "..\\..\\evil.txt": "..\\\\..\\\\evil.txt",
    "a\\b": "a\\\\b",
    "two\nlines": "two\\nlines",
    "\x1b[2Jcls": "\\x1b[2Jcls",
    "\u202egpj.exe": "\\u202egpj.exe",
    "x" * 230: "x" * 80 + "…",
    b"caf\xe9.txt": "caf\\udce9.txt",
    "nul\x7f": "nul\\x7f",
}


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_a_name_that_could_do_harm_is_left_out_and_escaped(case, name):
    try:
        case.put(name, "x")
    except OSError as error:
        pytest.skip(f"this file system has no such names: {error}")
    found = case.admit()
    if name == "..\\..\\evil.txt":  # hidden, as it begins with a dot
        assert found.flags == ()
        case.folder.joinpath(name).rename(case.folder / ("x" + name))
        shutil.rmtree(case.scratch)
        found = case.admit()
        assert found.flags[0].startswith("x" + NAMES[name])
    else:
        assert found.flags == (f"{NAMES[name]}: a file may not have such a name",)
    assert case.files() == set()
    with pytest.raises(CourseError, match="may not have such a name"):
        guard.check(case.folder)


def test_a_name_that_looks_like_markup_is_only_a_name(case):
    case.put("<img src=x onerror=alert(1)>", "x")
    case.put("-rf $(id) ; `id` [red]", "x")
    case.put("...", "x")
    assert case.admit().flags == ()
    assert len(case.files()) == 2


def test_five_thousand_files_do_not_crowd_out_the_rest(case):
    for number in range(5000):
        case.put(f"a{number:04}")
    case.put("timestamp.txt", "20260131T235959Z")
    found = case.admit()
    assert found.flags == ("more than 1000 supporting files: the others were left out",)
    assert len(case.files()) == 1000
    assert "timestamp.txt" in case.files()
    with pytest.raises(CourseError, match="more than 1000 supporting files"):
        guard.check(case.folder)


def test_a_thousand_links_give_fifty_flags(case):
    for number in range(1000):
        (case.folder / f"a{number:04}").symlink_to("/" + "x" * 900)
    found = case.admit()
    assert len(found.flags) == 51
    assert found.flags[-1] == "and 950 more of the kind"


def test_deep_folders_end_somewhere(case):
    case.put("/".join("abcdefgh") + "/kept", "x")
    case.put("/".join(["d"] * 60) + "/lost", "x")
    found = case.admit()
    assert found.flags == ("d/" * 8 + "d: folders nest too deep here",)
    assert case.files() == {"a/b/c/d/e/f/g/h/kept"}


def test_a_huge_total_is_cut(case):
    for number in range(5):
        case.put(f"{number}.bin", b"x" * 1000)
    found = case.admit(total=3500, file=2000)
    assert "MB of supporting files: the others were left out" in found.flags[0]
    assert case.files() == {"0.bin", "1.bin", "2.bin"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "soon",
        "2026-13-01 00:00:00",
        "2026-01-01 00:00:00 /etc/passwd",
        "\xff" * 99,
        # nbgrader raises for these, which once ended the grading of a whole class
        "2026-01-0123:59:00",
        "20260201235959.999999",
        "00010101T000000+2359",
        "2026-01-31 23:59:59AM",
    ],
)
def test_a_time_that_nbgrader_cannot_read_is_left_out(case, text):
    case.put("timestamp.txt", text)
    found = case.admit()
    assert found.flags == ("timestamp.txt: it holds no date and time",)
    assert case.files() == set()


@pytest.mark.parametrize("zone", ["", "Z", " UTC", "+02:00", " -1130", " CEST"])
@pytest.mark.parametrize("time", ["2026-01-31 23:59:59.123456", "20260131T235959"])
def test_a_time_that_comes_through_is_one_that_nbgrader_reads(case, time, zone):
    if zone == " CEST" and "T" in time:
        pytest.skip("names of zones stand behind the longer form only")
    case.put("timestamp.txt", f"{time}{zone}\n")
    assert case.admit().flags == ()
    parse_utc((case.scratch / "timestamp.txt").read_text().strip())


def test_what_cannot_be_opened_says_so(case):
    if ROOT:
        pytest.skip("root can open every file")
    case.put("02.ipynb", json.dumps(HONEST)).chmod(0)
    case.put("notes.txt").chmod(0)
    found = case.admit("02")
    assert "cannot be opened (Permission denied)" in found.refused["02"]
    assert found.flags == ("notes.txt: cannot be opened (Permission denied)",)


@pytest.mark.parametrize("name", ["02.ipynb", "notes.txt", "data"])
def test_an_entry_exchanged_for_a_link_after_it_was_listed(case, monkeypatch, name):
    """In this process, so that the exchange can come just before the opening."""
    path = case.folder / name
    if name == "data":
        case.put("data/x.csv")
    else:
        case.put(name, json.dumps(HONEST))
    real = os.open

    def open_late(file, flags, *args, **options):
        if file == name and "dir_fd" in options and not path.is_symlink():
            path.rename(case.root / "old")
            path.symlink_to(case.secret.parent if name == "data" else case.secret)
        return real(file, flags, *args, **options)

    case.scratch.mkdir()
    source, target = real(case.folder, os.O_RDONLY), real(case.scratch, os.O_RDONLY)
    reader = guard._Reader(source, target, guard.Limits())
    monkeypatch.setattr(os, "open", open_late)
    reader.take(["01_honest", "02"])
    reader.take_files(["01_honest", "02"])
    monkeypatch.undo()
    os.close(source)
    os.close(target)
    assert path.is_symlink()
    assert reader.notebooks == ["01_honest"]
    assert case.files() == set()
    assert f"{name} -> " in reader.flags[0]
    assert "it is a link" in reader.flags[0]


@pytest.mark.parametrize(
    "limits", [{"cpu": 1}, {"seconds": 1}, {"memory": 250_000_000}], ids=str
)
def test_a_notebook_that_exhausts_its_reader_is_refused_alone(case, limits):
    if "memory" in limits and sys.platform == "darwin":
        pytest.skip("macOS does not bound the memory of a process")
    slow = b"1.5," * 9_000_000  # takes seconds to read
    case.put("02.ipynb", b'{"nbformat": 4, "cells": [' + slow + b"1]}")
    case.put("data.csv", "1")
    found = case.admit("02", within=10, **limits)
    assert found.refused == {"02": guard.EXHAUSTED}
    assert found.flags == (f"02.ipynb: {guard.EXHAUSTED}",)
    assert case.files() == {"data.csv"}


@pytest.mark.parametrize(
    "reply",
    [
        b"",
        b"{",
        b"[" * 100_000,
        b"[]",
        b"null",
        b'{"notebooks": ["01"]}',
        b'{"notebooks": ["01"], "refused": {}, "flags": [1]}',
        b'{"notebooks": ["../x"], "refused": {}, "flags": []}',
        b'{"notebooks": [["01"]], "refused": {}, "flags": []}',
    ],
    ids=range(9),
)
def test_an_answer_of_the_wrong_form_counts_as_none(reply):
    assert guard._answer(reply, ["01"]) is None


def test_a_reader_that_cannot_start_is_not_the_students_fault(case, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/bin/echo")
    case.scratch.mkdir()
    with pytest.raises(CourseError, match="could not start"):
        guard.admit(case.folder, case.scratch, ["01_honest"])


def test_the_scratch_folder_must_be_empty(case):
    case.scratch.mkdir()
    (case.scratch / "x").touch()
    with pytest.raises(ValueError, match="not empty"):
        guard.admit(case.folder, case.scratch, [])


@pytest.mark.slow
def test_plain_nbgrader_grades_the_others(built_minicourse):
    """`nbgrader autograde`, then formgrader's button, with one student honest."""
    root, week = built_minicourse, "week1_demo"
    gradebook.ensure(root)
    source = root / "source" / week / "01_sums.ipynb"
    for student in ("ann", "bob", "dan", "eve"):
        folder = root / "submitted" / student / week
        folder.mkdir(parents=True)
        shutil.copy(root / "release" / week / "01_sums.ipynb", folder)
    submitted = root / "submitted"
    (submitted / "bob" / week / "notes.txt").symlink_to(source)
    (submitted / "cid").symlink_to("ann")
    os.mkfifo(submitted / "dan" / week / "timestamp.txt")
    (root / "autograded" / "dan" / week).mkdir(parents=True)  # so it reads the time
    (submitted / "eve" / week / "01_sums.ipynb").write_text("{")
    shutil.copytree(submitted / "ann", submitted / "fay")
    (submitted / "fay" / week / "numpy.py").touch()
    for name in ("a<b>", "two\nlines", "\x1b[2Jx"):
        shutil.copytree(submitted / "ann", submitted / name)
    before = source.read_bytes()
    done = subprocess.run(
        [sys.executable, "-m", "nbgrader", "autograde", week],
        cwd=root, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 1
    for said in (
        f"the submission bob/{week} was refused: notes.txt -> ",
        f"the submission cid/{week} was refused: cid -> ann: it is a link",
        f"the submission dan/{week} was refused: timestamp.txt: it is a FIFO",
        f"the submission eve/{week} was refused: 01_sums.ipynb: the file is not valid",
        f"the submission fay/{week} was refused: numpy.py: the notebook would import",
        "a submission was refused: a<b>: a student may not have such a name",
        "a submission was refused: two\\nlines: a student may not have such a name",
        "a submission was refused: \\x1b[2Jx: a student may not have such a name",
    ):
        assert said in done.stderr
    after = done.stderr.partition("the submission bob/")[2]
    assert "ann" not in after.replace("-> ann", "")
    assert "\x1b[2J" not in done.stderr
    assert {path.parent.parent.name for path in root.glob("autograded/*/*/*")} == {
        "ann"
    }
    assert source.read_bytes() == before

    from nbgrader.api import Gradebook
    from nbgrader.apps import NbGraderAPI
    from traitlets.config.loader import PyFileConfigLoader

    with Gradebook(f"sqlite:///{root / 'gradebook.db'}") as book:
        assert [student.id for student in book.students] == ["ann"]
        found = book.find_submission_notebook("01_sums", week, "ann")
        assert all(one.auto_score is not None for one in found.grades if one.cell)
    config = PyFileConfigLoader("nbgrader_config.py", path=[str(root)]).load_config()
    config.CourseDirectory.root = str(root)
    pressed = NbGraderAPI(config=config).autograde(week, "bob")
    assert pressed["success"] is False
    assert "notes.txt -> " in pressed["log"]
