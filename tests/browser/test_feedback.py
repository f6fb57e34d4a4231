"""A hostile submission, graded for real and read in a real browser: nothing fires."""

import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import hostile_pages as hostile
import nbformat
import pytest
from nbconvert.exporters import HTMLExporter
from nbgrader.api import Gradebook
from traitlets.config import Config

from course.grading import autograde, clean, formulas, submit

pytestmark = [pytest.mark.browser, pytest.mark.slow]

WEEK, NAME = "week1_demo", "01_sums"
FONT = "glyphicons"  # the page's own style sheet asks for it, in vain, on every page
ANSWER = """\
from IPython.display import HTML, SVG, Javascript, Latex, Markdown, display
display(HTML("<img src=x onerror=alert(1)>"), SVG({svg!r}), Javascript("alert(1)"))
display(Latex("$\\\\href{{javascript:alert(1)}}{{x}}$"))
display(Markdown("<svg onload=alert(1)>"))
display({{"image/png": '"><script>alert(1)</script>'}}, raw=True)
print("<script>alert(1)</script>")
raise ValueError("<script>alert(1)</script>")
"""
# Every event that a reader's mouse or keyboard could cause, at every element.
TOUCH = """() => {
    const all = [...document.querySelectorAll('#notebook-container *')];
    for (const one of all)
        for (const name of ['mouseover', 'focus', 'click', 'toggle', 'load', 'error'])
            if (!(name == 'click' && /^http|^mailto/.test(one.getAttribute('href'))))
                one.dispatchEvent(new MouseEvent(name, {bubbles: true}));
    return all.length;
}"""
# What the cells hold that the browser itself takes for something that acts; below an
# answer stands formgrader's own field for a comment.
LIVE = """() => {
    const all = [...document.querySelectorAll(
        '#notebook-container *:not(.panel-footer *)')];
    const acts = 'script,iframe,object,embed,svg,style,link,meta,base,form,video';
    const math = 'http://www.w3.org/1998/Math/MathML';
    const inMath = one => one.namespaceURI == math || one.closest('math');
    return all.filter(one => one.matches(acts)
        || (inMath(one) && !TAGS.includes(one.localName))
        || one.getAttributeNames().some(name => /^(on|data-)/.test(name))
        || /^\\s*(java|vb|data)/i.test(one.getAttribute('href') || '')
    ).map(one => one.outerHTML.slice(0, 200));
}""".replace("TAGS", repr(formulas.TAGS.split()))
# How far each formula reaches out of the box it stands in, in pixels.
SPILL = """() => {
    const out = [];
    for (const one of document.querySelectorAll('#notebook-container math')) {
        const box = one.parentElement.getBoundingClientRect();
        for (const part of one.querySelectorAll('*')) {
            const own = part.getBoundingClientRect();
            out.push(Math.max(box.left - own.left, box.top - own.top,
                              own.bottom - box.bottom));
        }
    }
    return [out.length, Math.max(...out)];
}"""
HONEST = r"""
The scan costs $O(n \log n)$, not $\tfrac{1}{2}n^2$: with $\mathbf{x} \in \mathbb{R}^d$,

$$\mathcal{L}(\theta) = -\frac{1}{N}\sum_{i=1}^{N} \log p_\theta(y_i \mid x_i)
+ \lambda \lVert \theta \rVert_2^2$$

\begin{align}
\operatorname{softmax}(z)_i &= \frac{e^{z_i}}{\sum_j e^{z_j}} \\
\hat{y} &= \operatorname*{arg\,max}_k \begin{cases} z_k & \text{if } k > 0 \\
-\infty & \text{otherwise} \end{cases}
\end{align}

$$A = \begin{pmatrix} 1 & \sqrt{2} \\ 0 & \binom{n}{k} \end{pmatrix}, \quad
\int_0^\infty e^{-x^2}\,dx = \frac{\sqrt{\pi}}{2}$$

and $\nosuch{x}$ stays as typed.
"""


@pytest.fixture
def seen(page) -> dict[str, list[str]]:
    """Return what a page does: its dialogs, requests, and refusals by its policy.

    Other hosts are never reached, only noted.
    """
    seen: dict[str, list[str]] = {"dialogs": [], "refused": [], "asked": []}

    def dialog(one) -> None:
        seen["dialogs"].append(one.message)
        one.dismiss()

    def said(message) -> None:
        if "Content Security Policy" in message.text and FONT not in message.text:
            seen["refused"].append(message.text)

    def asked(request) -> None:
        if not request.url.startswith("data:") and FONT not in request.url:
            seen["asked"].append(request.url)

    page.route(far, lambda route: route.abort())
    page.on("dialog", dialog)
    page.on("console", said)
    page.on("request", asked)
    return seen


def far(url: str) -> bool:
    return urlsplit(url).hostname not in (None, "127.0.0.1")


def read(page, seen, address: str) -> list[str]:
    """Open a page, touch everything on it, and return what on it could act."""
    for notes in seen.values():
        notes.clear()
    page.goto(address)
    page.wait_for_selector("#notebook-container")
    live = page.evaluate(LIVE)
    count, spill = page.evaluate(SPILL)
    assert count > 10
    assert spill < 40, f"a formula reaches {spill} pixels out of its place"
    assert page.evaluate(TOUCH) > 100
    page.wait_for_timeout(500)
    if not live:
        assert urlsplit(page.url).path == urlsplit(address).path
    return live


@pytest.fixture
def graded(built_minicourse: Path) -> Path:
    """Return a course in which a hostile notebook was graded."""
    submit.start(root=built_minicourse)
    file = built_minicourse / f"work/{WEEK}/{NAME}.ipynb"
    nb = nbformat.read(file, 4)
    for cell in nb.cells:
        if cell.id.endswith("e1-answer"):
            cell.source = ANSWER.format(svg=hostile.SVG)
        if cell.id.endswith("e3-essay"):
            cell.source = (
                "\n\n".join([*hostile.TEX, *hostile.DRAWN])
                + "\n\n<img src=x onerror=alert(1)>"
            )
    nb.cells += [c for c in hostile.notebook().cells if c.cell_type == "markdown"]
    nbformat.write(nb, file)
    result = autograde.grade(f"{WEEK}/{NAME}", root=built_minicourse)
    assert result.notebooks[0].trouble == ""
    return built_minicourse


@pytest.mark.filterwarnings("ignore:Your element with mimetype")
def test_without_our_settings_the_watch_sees_it_all(page, seen, tmp_path):
    config = Config()
    config.HTMLExporter.template_name = "formgrade"
    config.HTMLExporter.extra_template_basedirs = clean.TEMPLATES[1:]
    nb = hostile.notebook()
    nb.cells = [cell for cell in nb.cells if "attachment:" not in cell.source]
    place = {"index": 0, "total": 1}
    html, _ = HTMLExporter(config=config).from_notebook_node(nb, place)
    file = tmp_path / "stock.html"
    file.write_text(html, "utf-8")
    page.goto(file.as_uri(), wait_until="commit")
    page.wait_for_timeout(1000)  # by then a payload has sent the page elsewhere
    assert len(seen["dialogs"]) > 5
    assert any("far.invalid" in url for url in seen["asked"])


def test_nothing_in_a_submission_runs(graded, lab, page, seen, picture):
    feedback = graded / f"feedback/me/{WEEK}/{NAME}.html"
    quiet = {"dialogs": [], "refused": [], "asked": [feedback.as_uri()]}
    assert read(page, seen, feedback.as_uri()) == []
    assert seen == quiet
    assert "alert(1)" in page.inner_text("#notebook-container")

    # As if nothing had been repaired: every payload, and outputs no kernel gave.
    file = graded / f"autograded/me/{WEEK}/{NAME}.ipynb"
    nb = nbformat.read(file, 4)
    nb.cells += hostile.notebook().cells
    nb.metadata.title = "</title><script>alert(1)</script>"
    nbformat.write(nb, file)
    done = subprocess.run(
        [sys.executable, "-m", "nbgrader", "generate_feedback", WEEK, "--force"],
        cwd=graded, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert read(page, seen, feedback.as_uri()) == []
    assert seen == quiet

    # And in formgrader, as `course lab --instructor` serves it.
    with Gradebook(f"sqlite:///{graded / 'gradebook.db'}") as book:
        number = book.find_submission_notebook(NAME, WEEK, "me").id
    door = urlsplit(lab(graded, "--instructor")(""))
    page.goto(f"http://{door.netloc}/login?{door.query}")  # from here on by cookie
    address = f"http://{door.netloc}/formgrader/submissions/{number}/"
    assert read(page, seen, address) == []
    assert seen["dialogs"] == seen["refused"] == []
    assert not list(filter(far, seen["asked"]))
    # The page itself works under its policy: scores load, the eye shows the name, and
    # the first field is chosen, for which its script waits for MathJax.
    page.wait_for_function("() => formgrader.grades.loaded", timeout=10_000)
    page.wait_for_selector(".tabbable:focus", timeout=10_000)
    assert page.locator(".scoring-buttons").count() > 2
    page.click(".glyphicon-eye-open")
    page.wait_for_selector("a.name-shown:has-text('me')", timeout=10_000)
    # The second wall stands without the first: an event attribute is refused.
    page.evaluate(
        "document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=alert(1)>')"
    )
    page.wait_for_timeout(300)
    assert seen["dialogs"] == []
    assert any("script-src-attr" in text for text in seen["refused"])
    page.screenshot(path=picture("formgrader"))


def test_formulas_look_like_formulas(built_minicourse, lab, page, seen, picture):
    """As MathML, without a script and without the network, on both pages."""
    root = built_minicourse
    submit.start(root=root)
    file = root / f"work/{WEEK}/{NAME}.ipynb"
    nb = nbformat.read(file, 4)
    for cell in nb.cells:
        if cell.id.endswith("e1-answer"):
            cell.source = (
                "from IPython.display import Math, display\n"
                "display(Math(r'\\sum_{i=1}^n i = \\frac{n(n+1)}{2}'))\n" + cell.source
            )
        if cell.id.endswith("e3-essay"):
            cell.source = HONEST
    nbformat.write(nb, file)
    autograde.grade(f"{WEEK}/{NAME}", root=root)
    page.goto((root / f"feedback/me/{WEEK}/{NAME}.html").as_uri())
    check_formulas(page)
    assert page.inner_text("#toc").count("Test cell") == 0
    page.screenshot(path=picture("feedback"), full_page=True)

    with Gradebook(f"sqlite:///{root / 'gradebook.db'}") as book:
        number = book.find_submission_notebook(NAME, WEEK, "me").id
    door = urlsplit(lab(root, "--instructor")(""))
    page.goto(f"http://{door.netloc}/login?{door.query}")
    page.goto(f"http://{door.netloc}/formgrader/submissions/{number}/")
    page.wait_for_selector(".tabbable:focus", timeout=10_000)
    check_formulas(page)
    assert not list(filter(far, seen["asked"]))
    assert seen["refused"] == []
    page.locator("math").first.scroll_into_view_if_needed()
    page.screenshot(path=picture("formgrader"), full_page=True)


def check_formulas(page) -> None:
    assert page.locator(".text_cell_render math").count() == 6
    assert page.locator(".output_latex math").count() == 1
    assert r"$\nosuch{x}$" in page.inner_text("#notebook-container")
    # Drawn, and not in a row: a fraction is higher than its line of text.
    tall = "() => document.querySelector('math[display=block] mfrac').clientHeight"
    assert page.evaluate(tall) > 20
