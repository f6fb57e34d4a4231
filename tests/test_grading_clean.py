"""Feedback and formgrader show a submission and run nothing that is in it."""

import base64
import re
from functools import cache
from pathlib import Path
from time import monotonic

import hostile_pages as hostile
import nbgrader
import pytest
from bs4 import BeautifulSoup
from nbconvert.exporters import HTMLExporter
from nbconvert.filters.markdown_mistune import markdown2html_mistune
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_raw_cell
from traitlets.config import Config
from traitlets.config.loader import PyFileConfigLoader

from course.desk import _Table
from course.grading import clean, formulas

HERE = Path(__file__).resolve().parent.parent
BOMB = '"><script>alert(1)</script>'
FIGURE = (
    '<img alt="Bars, the last the tallest" width="614" height="307" '
    'style="max-width:100%;height:auto" '
    f'src="data:image/png;base64,{hostile.DOT64}">'
)


def drawn(text: str) -> BeautifulSoup:
    return BeautifulSoup(clean.markdown({}, text), "html.parser")


@cache
def exporter(template: str) -> HTMLExporter:
    """Return what draws nbgrader's pages, with this course's settings."""
    loader = PyFileConfigLoader("nbgrader_config.py", path=[str(HERE)])
    config = Config(loader.load_config())
    config.HTMLExporter.template_name = template
    static = Path(nbgrader.__file__).parent / "server_extensions/formgrader/static"
    config.HTMLExporter.extra_template_paths = [
        str(static / "node_modules/bootstrap/dist/css")
    ]
    return HTMLExporter(config=config)


def page(template: str, nb, drawer: HTMLExporter | None = None, **names: str) -> str:
    """Return a page as nbgrader makes it by this course's settings, or by another."""
    grades = {"notebook": "n", "score": 1, "max_score": 2, "late_penalty": 0}
    resources = {
        "nbgrader": grades | {"notebook": names.get("notebook_id", "n")},
        "base_url": "",
        "submission_id": "s1",
        "index": 0,
        "total": 1,
        **names,
    }
    html, _ = (drawer or exporter(template)).from_notebook_node(nb, resources)
    return html


@pytest.fixture(scope="module", params=["feedback", "formgrade"])
def whole(request) -> str:
    """Return the page of a notebook that holds everything."""
    return page(request.param, hostile.notebook())


def inside(html: str) -> BeautifulSoup:
    """Return what a page shows of the notebook, and read it as a browser would."""
    return BeautifulSoup(html, "html.parser").select_one("#notebook-container")


def scripts(html: str) -> list[str]:
    return list(map(str, BeautifulSoup(html, "html.parser").find_all("script")))


@pytest.mark.parametrize("name", hostile.PAYLOADS)
def test_markdown_payload_does_not_reach_the_page(name):
    text, selector = hostile.PAYLOADS[name]
    assert not drawn(text).select(selector)
    assert not BeautifulSoup(clean.html(text), "html.parser").select(selector)


@pytest.mark.parametrize("name", hostile.PAYLOADS)
def test_nbconvert_alone_would_have_let_it_through(name):
    text, selector = hostile.PAYLOADS[name]
    stock = markdown2html_mistune(text)
    if name == "javascript after files/":
        from nbconvert.filters import strip_files_prefix

        stock = strip_files_prefix(stock)
    if name == "class of a button":  # a class of Pygments would be let through
        assert "full-credit" in stock
    assert BeautifulSoup(stock, "html.parser").select(selector)


@pytest.mark.parametrize("text", hostile.TEX)
def test_tex_that_does_more_than_draw_stands_as_typed(text):
    soup = drawn(text)
    assert not soup.math
    assert hostile.TEX[text] in soup.get_text()
    if hostile.TEX[text] in text:  # elsewhere it is written as an entity of HTML
        assert "<math" not in formulas.latex(text)


@pytest.mark.parametrize("text", hostile.DRAWN, ids=range(len(hostile.DRAWN)))
def test_a_formula_brings_nothing_but_its_letters(text):
    start = monotonic()
    pages = [clean.markdown({}, text), formulas.latex(text)]
    assert monotonic() - start < 2
    for html in pages:
        soup = BeautifulSoup(html, "html.parser")
        only_listed(soup)
        for element in soup.find_all(style=True):
            assert not element.find_parent("math")
        for element in soup.select("math *"):
            width = re.fullmatch(
                r"([\d.]+)(em|ex|mm|pt|px)", element.get("width", "0px")
            )
            assert float(width[1]) < (10 if width[2] in ("em", "ex") else 100)


@pytest.mark.parametrize("name", hostile.OUTPUTS)
def test_output_runs_nothing(name):
    data, metadata, gone = hostile.OUTPUTS[name]
    cell = new_code_cell("", outputs=[hostile.shown(data, metadata)])
    assert gone not in page("feedback", new_notebook(cells=[cell]))


def test_only_what_is_listed_is_markup_on_a_whole_page(whole):
    only_listed(inside(whole))


def only_listed(soup: BeautifulSoup) -> None:
    """Fail on an element or an attribute that no page may have."""
    tags = {*clean._TAGS.split(), *formulas.TAGS.split(), "body", "main"}
    for element in soup.find_all(True):
        assert element.name in tags, element
        maths = element.name in formulas.TAGS.split()
        assert maths == bool(element.find_parent("math") or element.name == "math")
        names = formulas.ATTRIBUTES if maths else {*clean._ATTRIBUTES, "id", "tabindex"}
        for name, value in element.attrs.items():
            said = f"{element.name} {name}={value}"
            assert not name.startswith(("on", "data-")), said
            assert name in names, said
            if name == "id":
                assert re.fullmatch(r"(cell-id=)?[\w-]+", value), said
            if name == "src":
                assert value.startswith("data:image/png;base64,iVBOR"), said
            if name == "href":
                assert value.startswith(("http://", "https://", "mailto:", "#")), said


def test_scripts_of_a_whole_page_are_those_of_the_template(whole):
    template = "formgrade" if "toggle_name" in whole else "feedback"
    assert scripts(whole) == scripts(page(template, new_notebook()))


def test_a_reader_sees_what_was_tried(whole):
    assert "<script>alert(1)</script>" in inside(whole).get_text()


def test_both_pages_have_a_policy(whole):
    policy = BeautifulSoup(whole, "html.parser").select_one("meta[http-equiv]")
    rules = policy["content"].split("; ")
    assert "base-uri 'none'" in rules
    assert "form-action 'none'" in rules
    if "toggle_name" in whole:
        assert any(rule.startswith("script-src-attr 'unsafe-hashes'") for rule in rules)
    else:
        assert "default-src 'none'" in rules
        assert not any("script" in rule for rule in rules)


@pytest.mark.parametrize("template", ["feedback", "formgrade"])
@pytest.mark.parametrize("place", ["title", "name", "lexer", "lexer class", "kernel"])
def test_metadata_of_the_notebook_is_not_printed(template, place):
    cell = new_code_cell("x = 1")
    nb = new_notebook(cells=[cell])
    nb.metadata = {
        "title": {"title": BOMB},
        "name": {"language_info": {"name": BOMB}},
        "lexer": {"language_info": {"name": "python", "pygments_lexer": BOMB}},
        "lexer class": {"language_info": {"name": "x full-credit"}},
        "kernel": {"kernelspec": {"name": BOMB, "display_name": BOMB}},
    }[place]
    html = page(template, nb)
    assert "<script>alert" not in html
    assert not inside(html).select(".full-credit")
    assert inside(html).select(".highlight .mi")


@pytest.mark.parametrize("place", ["id", "grade_id", "comment", "tags", "magics"])
def test_metadata_of_a_cell_is_not_printed(place):
    cell = new_markdown_cell("x")
    details = {"grade_id": "x", "solution": True, "grade": True, "points": 1}
    details |= {"score": 1, "locked": False, "schema_version": 3}
    if place in ("grade_id", "comment"):
        details[place] = BOMB
    cell.metadata.nbgrader = details
    cell.metadata.update({"tags": [BOMB], "magics_language": BOMB})
    nb = new_notebook(cells=[cell])
    if place == "id":  # which nbformat refuses, where it looks
        nb.cells[0].id = BOMB
    nb, _ = clean.Clean().preprocess(nb, {})
    html = page("feedback", nb)
    assert "<script>alert" not in html
    assert html.count("Student's answer") == 1
    assert page("formgrade", nb).count("<script>alert") == 0


@pytest.mark.parametrize("template", ["feedback", "formgrade"])
@pytest.mark.parametrize(
    "name", ["</title><script>alert(1)</script>", '";alert(1);"', '" onclick="x', "\\"]
)
def test_names_with_markup_are_escaped(template, name):
    keys = (*clean._NAMES, "notebook_path")
    html = page(template, new_notebook(), **dict.fromkeys(keys, name))
    assert "<script>alert" not in html
    assert not BeautifulSoup(html, "html.parser").select("[onclick=x]")
    assert not any('";alert' in text or '"\\"' in text for text in scripts(html))


def test_a_name_that_is_not_known_stays_so():
    _, names = clean.Clean().preprocess(new_notebook(), {"last_name": None})
    assert names["last_name"] is None


def test_a_count_that_is_no_number_is_left_out():
    nb = new_notebook(cells=[new_code_cell("x")])
    nb.cells[0].execution_count = "<img src=x onerror=alert(1)>"
    nb, _ = clean.Clean().preprocess(nb, {})
    assert nb.cells[0].execution_count is None


def test_a_cell_of_an_unknown_type_becomes_text():
    nb = new_notebook(cells=[new_raw_cell("<script>alert(1)</script>")])
    nb.cells[0].cell_type = BOMB
    nb, _ = clean.Clean().preprocess(nb, {})
    assert nb.cells[0].cell_type == "raw"
    assert "<script>alert" not in page("feedback", nb)


def test_cleaning_twice_changes_nothing_more():
    once, _ = clean.Clean().preprocess(hostile.notebook(), {})
    twice, _ = clean.Clean().preprocess(once.copy(), {})
    assert once == twice
    for text, _ in hostile.PAYLOADS.values():
        assert clean.html(clean.html(text)) == clean.html(text)


@pytest.mark.parametrize("text", ["<b>" * 50_000, "[" * 60_000, "> " * 20_000])
def test_what_is_too_deep_or_too_long_stands_as_typed(text):
    assert drawn(text).pre.get_text() == text


def test_markdown_that_is_honest_survives():
    soup = drawn(
        "# Costs\n\nA *fast* **scan**, `a[i] < b`, ~~no~~, [RFC 9309]"
        '(https://www.rfc-editor.org/rfc/rfc9309?a=1&b=2 "the text").\n\n'
        "1. one\n2. two\n\n- [x] done\n\n> quoted\n\n"
        "| name | cost |\n|:--|--:|\n| scan | 3 |\n\n"
        "```python\ndef f(x):\n    return x < 2\n```\n\n"
        "<details>\n<summary>A nudge</summary>\n\nSort *first*.\n\n</details>\n\n"
        "$a_1 < b \\le \\frac{1}{2}$\n\nlist<int> & more"
    )
    assert soup.h1.text == "Costs"
    assert [soup.em.text, soup.strong.text, soup.code.text] == [
        "fast",
        "scan",
        "a[i] < b",
    ]
    assert soup.a["href"] == "https://www.rfc-editor.org/rfc/rfc9309?a=1&b=2"
    assert soup.a["title"] == "the text"
    assert [one.text for one in soup.ol.select("li")] == ["one", "two"]
    assert soup.ul.li.text == "[x] done"
    assert soup.select("td")[1]["style"] == "text-align:right;"
    assert soup.select_one(".highlight .k").text == "def"
    assert soup.details.summary.text == "A nudge"
    assert soup.details.select_one("p em").text == "first"
    assert shape(soup.math) == "mrow(msub(a 1) < b ≤ mfrac(mrow(1) mrow(2)))"
    assert "list<int> & more" in soup.text


def shape(element) -> str:
    """Return what is in an element as `name(…)`, its letters as they are."""
    inner = [
        shape(one) if one.name in formulas.TAGS.split() and one.find(True) else one.text
        for one in element.children
    ]
    shown = " ".join(filter(None, inner))
    if element.name in ("math", "mi", "mn", "mo", "mtext"):
        return shown
    return f"{element.name}({shown})"


FORMULAS = {
    r"$\sqrt[3]{x}$": "mrow(mroot(mrow(x) 3))",
    r"$$\sum_{i=1}^n i$$": "mrow(munderover(∑ mrow(i = 1) n) i)",
    r"\\(\alpha\\)": "mrow(α)",
    r"\\[\alpha\\]": "mrow(α)",
    r"\begin{equation}a=b\end{equation}": "mrow(a = b)",
    r"\begin{align}a&=b\\c&=d\end{align}": (
        "mrow(mtable(mtr(mtd(a) mtd(= b)) mtr(mtd(c) mtd(= d))))"
    ),
    r"\begin{gather*}a\\b\end{gather*}": "mrow(mtable(mtr(mtd(a)) mtr(mtd(b))))",
    r"$\operatorname*{arg\,max}_x$": "mrow(msub(arg\N{THIN SPACE}max x))",
    r"$\mathcal{L}\in\mathbb{R}$": "mrow(ℒ ∈ ℝ)",
    r"$\{a \mid a\}$": "mrow({ a ∣ a })",
    r"$\lVert x\rVert \not= y$": "mrow(‖ x ‖ ≠ y)",
    r"$a\text{ if }b$": "mrow(a \xa0if\xa0 b)",
}


@pytest.mark.parametrize("text", FORMULAS)
def test_formulas_are_drawn(text):
    formula = drawn(text).math
    assert shape(formula) == FORMULAS[text]
    block = text.startswith(("$$", r"\\[", r"\begin"))
    assert formula["display"] == ("block" if block else "inline")
    text = text.replace(r"\\(", r"\(").replace(r"\\)", r"\)")
    text = text.replace(r"\\[", r"\[").replace(r"\\]", r"\]")
    assert formulas.latex(f"< {text} >") == f"&lt; {formula} &gt;"


@pytest.mark.parametrize(
    "text",
    [
        r"$\frac{1}$",
        r"$\nosuch{x}$",
        r"$\not x$",
        "$x_1_2$",
        r"$\left(x$",
        "${x$",
        r"$x^$",
    ],
)
def test_a_formula_that_is_wrong_stands_as_typed(text):
    assert drawn(text).get_text().strip() == text
    assert not drawn(text).math


def test_a_formula_in_the_text_of_a_picture_is_text():
    assert drawn("![the $x^2$](https://a.b/c.png)").img["alt"] == "the $x^2$"


def test_a_latex_output_is_drawn_on_both_pages():
    output = hostile.shown({"text/latex": r"$\displaystyle x^{2}$"}, {})
    nb = new_notebook(cells=[new_code_cell("", outputs=[output])])
    for template in ("feedback", "formgrade"):
        assert inside(page(template, nb)).select_one(".output_latex math msup")


def test_no_page_asks_another_host():
    for template in ("feedback", "formgrade"):
        soup = BeautifulSoup(page(template, new_notebook()), "html.parser")
        assert not soup.select("[src^=http], link[href^=http]")
        assert "http" not in soup.select_one("meta[http-equiv]")["content"]


def test_tests_have_their_names():
    cells = []
    details = {"grade": True, "points": 1, "score": 1, "schema_version": 3}
    for name, essay in (("w1-demo-e3-grade-exact", False), ("w1-demo-e4-essay", True)):
        cell = new_markdown_cell("x") if essay else new_code_cell("x")
        own = {"grade_id": name, "solution": essay, "locked": not essay}
        cell.metadata.nbgrader = details | own
        cells.append(cell)
    soup = BeautifulSoup(page("feedback", new_notebook(cells=cells)), "html.parser")
    links = {one.text: one["href"] for one in soup.select("#toc a")}
    assert links == {
        "e3 exact": "#w1-demo-e3-grade-exact",
        "e4 essay": "#w1-demo-e4-essay",
    }
    labels = [one.text for one in soup.select(".nbgrader-label")]
    assert labels == ["e3 exact", "Student's answer"]


def test_the_figures_of_the_course_survive():
    data = {"text/html": FIGURE, "image/png": hostile.DOT64, "text/plain": "Bars"}
    nb = new_notebook(cells=[new_code_cell("", outputs=[hostile.shown(data, {})])])
    image = inside(page("feedback", nb)).img
    assert image.attrs == {
        "alt": "Bars, the last the tallest",
        "width": "614",
        "height": "307",
        "style": "max-width:100%;height:auto;",
        "src": f"data:image/png;base64,{hostile.DOT64}",
    }


def test_a_bare_picture_keeps_its_size_and_alt_text():
    notes = {"image/png": {"alt": "One dot", "width": 20, "height": 10}}
    output = hostile.shown({"image/png": hostile.DOT64}, notes)
    nb = new_notebook(cells=[new_code_cell("", outputs=[output])])
    image = inside(page("formgrade", nb)).img
    assert (image["alt"], image["width"], image["height"]) == ("One dot", "20", "10")


def test_an_attached_picture_survives():
    cell = new_markdown_cell("![a dot](attachment:dot.png)")
    cell.attachments = {"dot.png": {"image/png": hostile.DOT64}}
    image = inside(page("feedback", new_notebook(cells=[cell]))).img
    assert image["src"] == f"data:image/png;base64,{hostile.DOT64}"


@pytest.mark.parametrize(("kind", "drawn"), [("gif", True), ("webp", True)])
def test_inline_raster_pictures_survive(kind, drawn):
    code = base64.b64encode(b"picture").decode()
    soup = BeautifulSoup(
        clean.html(f'<img src="data:image/{kind};base64,{code}">'), "html.parser"
    )
    assert ("src" in soup.img.attrs) == drawn


def test_the_table_of_the_desk_survives():
    class Outcome:
        group, passed, message = "edges", False, "f([])\n  got 1, expected <nothing>"

    table = BeautifulSoup(clean.html(_Table([Outcome])._repr_html_()), "html.parser")
    assert table.tr["style"] == "vertical-align:top;"
    assert table.td["style"] == "color:#d55e00;"
    assert table.pre["style"] == "margin:0;white-space:pre-wrap;"
    assert table.pre.text == Outcome.message


def test_printed_colours_and_tracebacks_survive():
    outputs = [hostile.printed("red < blue"), hostile.failed("\x1b[1mNameError\x1b[0m")]
    nb = new_notebook(cells=[new_code_cell("", outputs=outputs)])
    soup = inside(page("feedback", nb))
    assert soup.select_one(".ansi-red-fg").text == "red < blue"
    assert soup.select_one(".ansi-bold").text == "NameError"


def test_the_released_notebooks_look_as_before():
    """What the course itself writes loses nothing but the anchors of headings."""
    import nbformat

    for file in sorted((HERE / "release").rglob("*.ipynb")):
        for cell in nbformat.read(file, 4).cells:
            if cell.cell_type == "markdown":
                before = markdown2html_mistune(cell.source)
                before = re.sub(
                    r' id="[^"]*"|<a class="anchor-link".*?</a>', "", before
                )
                now = clean.markdown({}, cell.source)
                for text in (before, now):
                    soup = BeautifulSoup(text, "html.parser")
                    shape = [(e.name, e.get("href")) for e in soup.find_all(True)]
                    if text is before:
                        want = (shape, soup.get_text(" ").split())
                assert (shape, soup.get_text(" ").split()) == want
