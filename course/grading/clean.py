"""Show a submission without running anything that is in it.

nbgrader's feedback pages and formgrader print a learner's Markdown and outputs as
they are, so a submission could run script in the instructor's browser. Here is
what `nbgrader_config.py` puts in their place: `Clean` reduces a notebook to plain
cells and harmless outputs before it is drawn, `FILTERS` replace those filters of
the templates that let HTML through, and `TEMPLATES` adds a content security policy
to both pages, a second wall. Formulas come out as MathML, which needs no script.

An element that is not on the lists below is shown as the text it is, so that a
reader sees what was tried; an attribute that is not on them is left out.
"""

import base64
import html as entities
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import nbgrader
from jinja2 import Environment, Template, pass_context, pass_environment
from nbconvert.preprocessors import Preprocessor
from nbformat.notebooknode import NotebookNode, from_dict
from traitlets import Bool

from course.grading import formulas

# Ours come first; what they lack is nbgrader's.
TEMPLATES = [
    str(Path(__file__).parent / "templates"),
    str(Path(nbgrader.__file__).parent / "server_extensions/formgrader/templates"),
]
FILTERS = {
    "markdown2html": "course.grading.clean.markdown",
    "clean_html": "course.grading.clean.html",
    "highlight_code": "course.grading.clean.code",
    # It turns files/javascript:… into javascript:… behind the cleaner's back.
    "strip_files_prefix": "course.grading.clean.unchanged",
    # The other three serve our templates.
    "formulas": "course.grading.formulas.latex",
    "nbgraders": "course.grading.clean.nbgraders",
    "named": "course.grading.clean.named",
}

_TAGS = (
    "a abbr b blockquote br caption center code col colgroup dd del details div dl dt "
    "em figcaption figure h1 h2 h3 h4 h5 h6 hr i img ins kbd li mark ol p pre q s samp "
    "small span strong sub summary sup table tbody td tfoot th thead tr tt u ul "
    "var"
)
# Attribute -> (its tags, or none for every tag; what its whole value must look like).
# `id`, `name` and `data-…` are not here: formgrader's own script acts on them.
_NUMBER = r"[0-9]{1,5}%?"
_ATTRIBUTES = {
    "alt": ({"img"}, r".*"),
    "title": ({"a", "abbr", "img"}, r".*"),
    # No relative link: formgrader serves a submission's other files beside the page.
    "href": ({"a"}, r"(https?://|mailto:|#)[^\s<>\"'`\\]*"),
    "src": ({"img"}, r"data:image/(png|jpeg|gif|webp);base64,[A-Za-z0-9+/=\s]+"),
    "width": ({"img", "col", "table", "td", "th"}, _NUMBER),
    "height": ({"img", "td", "th"}, _NUMBER),
    "border": ({"table"}, _NUMBER),
    "colspan": ({"td", "th"}, _NUMBER),
    "rowspan": ({"td", "th"}, _NUMBER),
    "start": ({"ol"}, _NUMBER),
    "align": ({"td", "th", "tr", "p", "div"}, r"left|right|center"),
    "open": ({"details"}, r"|open"),
    # The names that Pygments gives to the parts of code.
    "class": (
        {"div", "pre", "code", "span"},
        r"highlight|language-[\w+-]+|[a-z]\w?\w?",
    ),
    # No functions but colours, no escapes, no comments, nothing negative.
    "style": (set(), r"(?!.*[:\s]-)([\w\s:;,.%#!-]|rgba?\([\d\s,.%]*\))*"),
}
_STYLES = (
    "background-color border-collapse color font-style font-weight height margin "
    "margin-bottom margin-left margin-right margin-top max-width padding "
    "padding-bottom padding-left padding-right padding-top text-align "
    "text-decoration vertical-align white-space width"
)
_PROTOCOLS = frozenset({"http", "https", "mailto", "data"})  # `data:` in src alone
_PICTURE = re.compile(r"data:image/\w+;base64,[A-Za-z0-9+/=\s]+")
# What is longer is not parsed, for time grows with the square of what is open at once.
_LONGEST = {"html": 200_000, "markdown": 30_000}  # characters, pictures aside
_MOST = 8_000  # tags
# Where a formula goes: no HTML is let through, so its number goes there meanwhile.
_PLACE = re.compile("\ue000([0-9]{1,5})\ue001")
_SHOWN = ("text/html", "text/markdown", "image/png", "image/jpeg", "text/latex")
_MAGIC = {"image/png": b"\x89PNG\r\n\x1a\n", "image/jpeg": b"\xff\xd8\xff"}
_NAMES = ("assignment_id", "notebook_id", "student", "last_name", "first_name")


class Clean(Preprocessor):
    """Reduce a notebook to what a page may show.

    It stands twice in the settings: formgrader runs what the exporter lists, and
    for feedback the grades and comments come in after that.
    """

    enabled = Bool(True).tag(config=True)

    def preprocess(
        self, nb: NotebookNode, resources: dict[str, Any]
    ) -> tuple[NotebookNode, dict[str, Any]]:
        """Return the notebook rebuilt from known fields, and the names escaped."""
        nb.metadata = from_dict({})
        nb.cells = [_cell(cell) for cell in nb.cells]
        for name in (*_NAMES, "notebook_path"):
            if isinstance(resources.get(name), str):  # a name not known is None
                resources[name] = _name(resources[name])
        details = resources.get("nbgrader", {})
        if "score" in details:  # the gradebook has been asked by that name already
            details["notebook"] = _name(details["notebook"])
        return nb, resources


def html(text: Any, drawn: Sequence[tuple[str, str]] = ()) -> str:
    """Return HTML in which only what is on the lists is still markup.

    `drawn` are the formulas, each as typed and as HTML, that replace their numbers.
    """
    import bleach
    from bleach.css_sanitizer import CSSSanitizer
    from bs4 import BeautifulSoup

    text = text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)
    try:
        if _too_long(text, "html"):
            return _typed(text)
        cleaned = bleach.clean(
            text,
            tags=frozenset(_TAGS.split()),
            attributes=_allowed,
            protocols=_PROTOCOLS,
            css_sanitizer=CSSSanitizer(_STYLES.split(), ()),
        )
        if not drawn:
            return cleaned
        soup = BeautifulSoup(cleaned, "html.parser")
        for element in soup.find_all(True):
            for name, value in element.attrs.items():
                if isinstance(value, str):
                    element[name] = _placed(value, [typed for typed, _ in drawn])
        return _placed(str(soup), [formula for _, formula in drawn])
    except RecursionError:
        return _typed(text)


@pass_context
def markdown(context: Mapping[str, Any], source: Any) -> str:
    """Return Markdown as clean HTML; what cannot be drawn stands as it was typed."""
    from mistune import import_plugin
    from nbconvert.filters.markdown_mistune import (
        InvalidNotebook,
        IPythonRenderer,
        MarkdownWithMath,
    )

    source = re.sub("[\ue000\ue001]", "", str(source))
    drawn: list[tuple[str, str]] = []

    def keep(typed: str, formula: str) -> str:
        drawn.append((typed, formula))
        return f"\ue000{len(drawn) - 1}\ue001"

    def formula(tex: str, sign: str) -> str:
        typed = sign + tex + sign
        return keep(typed, formulas.drawn(typed, tex, block=sign == "$$"))

    def environment(name: str, body: str) -> str:
        return keep(*formulas.environment(name, body))

    # Headings without ids, which could pass for those of formgrader's own fields;
    # the boxes of a task list stay as typed.
    renderer = IPythonRenderer(
        escape=False,
        attachments=context.get("cell", {}).get("attachments", {}),
        exclude_anchor_links=True,
    )
    renderer.inline_math = lambda tex: formula(tex, "$")
    renderer.block_math = lambda tex: formula(tex, "$$")
    renderer.latex_environment = environment
    plugins = [p for p in MarkdownWithMath.DEFAULT_PLUGINS if p != "task_lists"]
    try:
        if _too_long(source, "markdown"):
            return _typed(source)
        draw = MarkdownWithMath(renderer, plugins=map(import_plugin, plugins)).render
        return html(draw(source), drawn)
    except (InvalidNotebook, RecursionError):  # a missing attachment; deep nesting
        return _typed(source)


def code(source: Any, **_: Any) -> str:
    """Return code as highlighted HTML, as Python whatever the notebook says."""
    from nbconvert.filters.highlight import Highlight2HTML

    return Highlight2HTML(pygments_lexer="ipython3")(str(source))


def unchanged(text: str) -> str:
    """Return the text."""
    return text


@pass_environment
def nbgraders(environment: Environment, name: str) -> Template:
    """Return a template of nbgrader's that ours has taken the name of."""
    return environment.from_string(Path(TEMPLATES[1], name).read_text("utf-8"))


def named(page: str) -> str:
    """Return a feedback page of nbgrader's that calls each test by its name."""
    from course.check.cell import title

    kinds = "Test cell|Coding free-response|Written response"
    page = re.sub(
        rf'<a href="#([\w.:-]+)">(?:{kinds})</a>',
        lambda found: f'<a href="#{found[1]}">{title(found[1])}</a>',
        page,
    )
    return re.sub(
        r">Grade cell: <code>([\w.:-]+)</code><",
        lambda found: f">{title(found[1])}<",
        page,
    )


def _allowed(tag: str, name: str, value: str) -> bool:
    """Return whether an attribute may stay."""
    tags, form = _ATTRIBUTES.get(name, (set(), None))
    if form is None or (tags and tag not in tags):
        return False
    parts = value.split() if name == "class" else [value]
    return all(re.fullmatch(form, part, re.DOTALL) for part in parts)


def _too_long(text: str, kind: str) -> bool:
    return text.count("<") > _MOST or len(_PICTURE.sub("", text)) > _LONGEST[kind]


def _placed(text: str, drawn: Sequence[str]) -> str:
    """Return a text with the formulas in their places."""

    def one(found: re.Match[str]) -> str:
        number = int(found[1])
        return drawn[number] if number < len(drawn) else ""

    return _PLACE.sub(one, text)


def _typed(text: str) -> str:
    return f"<pre>{entities.escape(text)}</pre>"


def _name(value: str) -> str:
    """Return a name without the characters that could end a string or a tag."""
    return re.sub(r'[<>"\\\x00-\x1f\u2028\u2029]', _escaped, value)


def _escaped(found: re.Match[str]) -> str:
    return f"&#{ord(found[0])};"


def _text(value: Any) -> str:
    return "".join(map(str, value)) if isinstance(value, list) else str(value)


def _dict(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _cell(cell: Mapping[str, Any]) -> NotebookNode:
    """Return a cell with its known fields alone."""
    type_ = cell.get("cell_type")
    type_ = type_ if type_ in ("code", "markdown") else "raw"
    rebuilt = {
        "cell_type": type_,
        "source": _text(cell.get("source", "")),
        "metadata": _metadata(_dict(cell.get("metadata"))),
    }
    if "id" in cell:
        plain = re.sub(r"[^\w-]", "", str(cell["id"]), flags=re.ASCII)
        rebuilt["id"] = plain[:64] or "cell"
    if type_ == "markdown" and (files := _attachments(cell)):
        rebuilt["attachments"] = files
    if type_ == "code":
        rebuilt["execution_count"] = _count(cell)
        outputs = cell.get("outputs")
        rebuilt["outputs"] = [
            _output(output)
            for output in (outputs if isinstance(outputs, list) else ())
            if isinstance(output, Mapping)
        ]
    return from_dict(rebuilt)


def _count(place: Mapping[str, Any]) -> int | None:
    count = place.get("execution_count")
    return count if isinstance(count, int) else None


def _metadata(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the templates read: nbgrader's own fields, each of its type."""
    known = _dict(metadata.get("nbgrader"))
    if not known:
        return {}
    kept: dict[str, Any] = {
        name: bool(known.get(name)) for name in ("grade", "solution", "task", "locked")
    }
    kept["grade_id"] = re.sub(r"[^\w.:-]", "_", str(known.get("grade_id", "")))
    for name in ("points", "score"):
        if isinstance(known.get(name), int | float):
            kept[name] = known[name]
    if known.get("comment"):
        kept["comment"] = str(known["comment"])
    for name in ("schema_version", "cell_type"):
        if name in known:
            kept[name] = re.sub(r"\W", "", str(known[name]))
    return {"nbgrader": kept}


def _attachments(cell: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Return the pictures attached to a Markdown cell that are pictures."""
    found = {}
    for name, bundle in _dict(cell.get("attachments")).items():
        kept = {type_: _picture(type_, _dict(bundle).get(type_)) for type_ in _MAGIC}
        found[str(name)] = {type_: data for type_, data in kept.items() if data}
    return {name: bundle for name, bundle in found.items() if bundle}


def _picture(type_: str, data: Any) -> str:
    """Return base64 of a PNG or JPEG, or "" for anything that calls itself one."""
    text = re.sub(r"\s", "", _text(data or ""))
    try:
        raw = base64.b64decode(text, validate=True)
    except ValueError:
        return ""
    return text if raw.startswith(_MAGIC[type_]) else ""


def _output(output: Mapping[str, Any]) -> dict[str, Any]:
    """Return an output with one harmless form of its data."""
    type_ = output.get("output_type")
    if type_ == "stream":
        name = "stderr" if output.get("name") == "stderr" else "stdout"
        return {
            "output_type": type_,
            "name": name,
            "text": _text(output.get("text", "")),
        }
    if type_ == "error":
        lines = output.get("traceback")
        return {
            "output_type": type_,
            "ename": str(output.get("ename", "")),
            "evalue": str(output.get("evalue", "")),
            "traceback": [str(line) for line in lines]
            if isinstance(lines, list)
            else [],
        }
    data = _dict(output.get("data"))
    shown, notes = _shown(data), {}
    for picture in _MAGIC.keys() & shown.keys():
        notes[picture] = _size(_dict(_dict(output.get("metadata")).get(picture)))
    kept = {"output_type": "display_data", "data": shown, "metadata": notes}
    if type_ == "execute_result":
        kept |= {"output_type": type_, "execution_count": _count(output)}
    return kept


def _shown(data: Mapping[str, Any]) -> dict[str, str]:
    """Return the best form of an output that a page may show, and only that."""
    for type_ in _SHOWN:
        if type_ not in data:
            continue
        if type_ in _MAGIC:
            if picture := _picture(type_, data[type_]):
                return {type_: picture}
        elif type_ == "text/html":
            return {type_: html(_text(data[type_]))}
        else:
            return {type_: _text(data[type_])}
    if "text/plain" in data:
        return {"text/plain": _text(data["text/plain"])}
    kinds = ", ".join(map(str, data)) or "nothing"
    return {"text/plain": f"[not shown here: {kinds}]"}


def _size(notes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the alt text and the size of a picture."""
    kept = {
        name: notes[name]
        for name in ("width", "height")
        if isinstance(notes.get(name), int) and 0 < notes[name] < 10_000
    }
    return kept | ({"alt": str(notes["alt"])} if notes.get("alt") else {})
