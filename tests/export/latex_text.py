"""What a piece of LaTeX prints, as pylatexenc reads it."""

from __future__ import annotations

from pylatexenc.latex2text import (
    LatexNodes2Text,
    MacroTextSpec,
    get_default_latex_context_db,
)

# Signs of LaTeX's own that pylatexenc has not, or has as another character.
_SIGNS = {
    "textbraceleft": "{",
    "textbraceright": "}",
    "textless": "<",
    "textgreater": ">",
    "textbar": "|",
    "textasciicircum": "^",
}
_known = get_default_latex_context_db()
_known.add_context_category(
    "signs", macros=[MacroTextSpec(name, sign) for name, sign in _SIGNS.items()], prepend=True
)


def printed(latex: str) -> str:
    """The text that ``latex`` prints."""
    reader = LatexNodes2Text(latex_context=_known, strict_latex_spaces=True)
    text: str = reader.latex_to_text(latex, tolerant_parsing=False)
    return text
