"""Draw the formulas of a submission as MathML, which browsers show without a script.

latex2mathml reads the TeX. Of what it returns, only the elements and attributes below
are written anew, with their text escaped; its own text output would let `<` through.
A formula that cannot be drawn so stays as it was typed.
"""

import html
import re
from xml.etree.ElementTree import Element

LONGEST = 3000  # characters of one formula
DEEPEST = 60  # elements inside each other
TAGS = (
    "math mfrac mi mn mo mover mphantom mroot mrow mspace msqrt mstyle msub msubsup "
    "msup mtable mtd mtext mtr munder munderover"
)
_KNOWN = frozenset(TAGS.split())
_BOOLEAN = "true|false"
# Nothing that moves, overlaps or paints: a formula stays in its place and its size.
ATTRIBUTES = {
    "accent": _BOOLEAN,
    "columnalign": "left|center|right",
    "display": "block|inline",
    "displaystyle": _BOOLEAN,
    "fence": _BOOLEAN,
    "form": "prefix|infix|postfix",
    "largeop": _BOOLEAN,
    "linethickness": r"0|\d?(\.\d+)?(em|ex|pt|px)",
    "mathcolor": r"#([0-9a-fA-F]{3}){1,2}|[a-z]{1,20}",
    "mathvariant": "[a-z-]{1,30}",
    "maxsize": r"\d(\.\d+)?em",
    "minsize": r"\d(\.\d+)?em",
    "movablelimits": _BOOLEAN,
    "scriptlevel": "[0-2]",
    "separator": _BOOLEAN,
    "stretchy": _BOOLEAN,
    "width": r"\d?(\.\d+)?(em|ex)|\d\d?(\.\d+)?(mm|pt|px)",
}
_NAMED_SPACES = {
    "thinmathspace": "0.167em",
    "mediummathspace": "0.222em",
    "thickmathspace": "0.278em",
}
# Commands that make links or HTML, load extensions, or change what others mean.
_REFUSED = re.compile(
    r"\\(href|url|unicode|class|style|cssId|data|require|html[A-Za-z]*|bbox|"
    r"includegraphics|mmlToken|label|ref|eqref|[egx]?def|let|newcommand|renewcommand|"
    r"providecommand|newenvironment|renewenvironment|DeclareMathOperator|csname)"
    r"(?![A-Za-z])"
)
_ENVIRONMENT = r"\\begin\{(?P<name>[a-z]*\*?)\}(?P<body>.*?)\\end\{(?P=name)\}"
_FORMULA = re.compile(
    r"\$\$(?P<a>[^$]+)\$\$|\$(?P<b>[^$]+)\$|\\\[(?P<c>.*?)\\\]|\\\((?P<d>.*?)\\\)|"
    + _ENVIRONMENT,
    re.DOTALL,
)
# What stands for an environment that latex2mathml lacks, or numbers from 1 each time;
# "" for one that only says that it is a formula.
_AS = {
    **dict.fromkeys(("align", "aligned", "eqnarray"), "align*"),
    **dict.fromkeys(("gather", "gathered"), "matrix"),
    **dict.fromkeys(("displaymath", "equation", "math", "multline"), ""),
}
# Bars that would grow with the whole line, and the one stroke that has its own sign.
_SAME = {r"\\[lr]Vert": r"\|", r"\\[lr]vert": "|", r"\\not\s*=": r"\neq "}
_PARTS = dict.fromkeys(("mfrac", "mover", "mroot", "msub", "msup", "munder"), 2)
_PARTS |= {"msubsup": 3, "munderover": 3}


def drawn(typed: str, tex: str, *, block: bool) -> str:
    """Return a formula as MathML; where it cannot be drawn, `typed` as HTML."""
    from latex2mathml.converter import convert_to_element

    braces = re.sub(r"\\.", "", tex, flags=re.DOTALL)
    whole = len(tex) <= LONGEST and braces.count("{") == braces.count("}")
    if whole and not _REFUSED.search(tex):
        # IPython's Math stands in a line, but with the limits of a sum above and below.
        tall = block or tex.lstrip().startswith(r"\displaystyle")
        try:
            made = convert_to_element(_mended(tex), display="block" if tall else "")
            made.set("display", "block" if block else "inline")
            return _written(made, 0)
        except Exception:  # it has many, and some are bare IndexErrors
            pass
    return html.escape(typed, quote=False)


def environment(name: str, body: str) -> tuple[str, str]:
    r"""Return `\begin{name}…\end{name}` as it was typed, and drawn."""
    typed = rf"\begin{{{name}}}{body}\end{{{name}}}"
    return typed, drawn(typed, typed, block=True)


def latex(text: str) -> str:
    """Return LaTeX as HTML: its formulas drawn, everything else as text."""
    if len(text) > 10 * LONGEST:
        return html.escape(text, quote=False)
    parts, end = [], 0
    for found in _FORMULA.finditer(text):
        parts.append(html.escape(text[end : found.start()], quote=False))
        end = found.end()
        if found["body"] is not None:
            parts.append(environment(found["name"], found["body"])[1])
        else:
            one = found["a"] or found["b"] or found["c"] or found["d"] or ""
            inline = found["b"] is not None or found["d"] is not None
            parts.append(drawn(found[0], one, block=not inline))
    return "".join([*parts, html.escape(text[end:], quote=False)])


def _mended(tex: str) -> str:
    """Return TeX in the words that latex2mathml knows."""

    def known(found: re.Match[str]) -> str:
        other = _AS.get(found["name"], found["name"])
        return rf"\{found['end']}{{{other}}}" if other else ""

    def spaced(found: re.Match[str]) -> str:
        return re.sub(r"\\,|\\ | ", "\N{THIN SPACE}", found[0])

    for pattern, other in _SAME.items():
        tex = re.sub(rf"{pattern}(?![A-Za-z])", other.replace("\\", r"\\"), tex)
    tex = re.sub(r"\\(?P<end>begin|end)\{(?P<name>[a-z]+)\*?\}", known, tex)
    return re.sub(r"\\operatorname\*?\{[A-Za-z\\, ]+\}", spaced, tex)


def _written(element: Element, depth: int) -> str:
    """Return an element as HTML; raises ValueError for what stays as it was typed."""
    text = html.unescape(element.text or "")
    # A command that it does not know, or a stroke that few fonts have.
    if depth > DEEPEST or text.startswith(("\\", "⧸")):
        raise ValueError(text)
    if len(element) != _PARTS.get(element.tag, len(element)):
        raise ValueError(f"{element.tag} without all its parts")
    inner = "".join(_written(child, depth + 1) for child in element)
    tag = element.tag if element.tag in _KNOWN else "mrow"
    shown = ""
    for name, value in element.attrib.items():
        value = _NAMED_SPACES.get(value, value)
        if re.fullmatch(ATTRIBUTES.get(name, "(?!)"), value):
            shown += f' {name}="{value}"'
    return f"<{tag}{shown}>{html.escape(text, quote=False)}{inner}</{tag}>"
