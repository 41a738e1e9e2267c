"""Texts that would act in one format or another, and texts of any kind."""

from __future__ import annotations

from hypothesis import strategies as st

TITLES = (
    "\\input{/etc/passwd} \\write18{rm} \\end{longtable} \\csname x\\endcsname",
    "50% of {it -- unbalanced}} $x_1^2$ & more # ~ \\\\[2em] \\",
    "[Draft] *starred* ``quoted'' ?`que?` ,,low'' a---b <<c>> |d| \"e\" \"ahoy",
    "*starred",
    "=cmd|' /C calc'!A0",
    *("+1+1", "-2+3", "@SUM(A1)", "'=1", "''=1", "'tis", "\uff1d1", "\u200b=1", "\ufeff=1", "\t=1"),
    *("a;=1;b", 'say "no", please', "a, b"),
    *("TY  - JOUR", "x\nER  - \nTY  - BOOK\nTI  - y", "ER  -"),
    "<b>bold</b> &amp; <!-- x --> ]]> <![CDATA[y]]> <?z?> &#60;",
    "</title></entry><entry><id>x</id>",
    "a\ufffe\uffff \U0001ffff",
    "[x](javascript:alert(1)) ![y](http://e.example/z.png) `code` **b** __c__ ~~d~~ <i>",
    *("a | b | c", "$x$ \\(y\\) C# #1 \\", "https://e.example www.e.example me@e.example http://x"),
    *("<!-- registry:end -->", "<!-- registry:begin -->\n# Heading\n- item\n```\nfence"),
    *("@misc{evil, title = {x}}", "x},\n}\n\n@misc{evil,\n  title = {y", "@comment{", "A and B"),
    "\x1b[31mred\x1b[0m \x07 \x00 nul",
    "\u202eevil\u202c \u2066x\u2069",
    "a\r\nb\x85c\u2028d",
    '{DPO} {\\"o} na\u00efve \u6f22\u5b57 \U0001f600',
    *("...", "{", "}", "%", "&", "1. item", "# head", "- item", "+ item", "> quote", "==="),
)
# What a catalog's file can hold: any text but halves of surrogate pairs.
_any = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=80)
_active = st.text("\\{}[]()<>&%$#_^~|`'\"*-=+@!?,;: \n\tab1", min_size=1, max_size=40)
texts = _any | _active | st.sampled_from(TITLES)
