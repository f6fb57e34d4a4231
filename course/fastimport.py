"""Import this before nbformat or nbgrader: they then start in a third of the time.

nbgrader takes 3.4-5 s to start. 2.9 s of it is one module that nobody here uses:
nbformat imports jsonschema, which imports every optional format checker that is
installed, and `rfc3987_syntax` compiles a grammar of all IRIs when it is imported.
A `None` in `sys.modules` makes that import fail, which jsonschema expects and
tolerates (it then does not check the formats "iri" and "iri-reference", which no
notebook schema uses).
"""

import sys

sys.modules.setdefault("rfc3987_syntax", None)
