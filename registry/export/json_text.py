"""JSON that is safe where text is split into lines, and inside a page's script element."""

from __future__ import annotations

import json
from typing import Any, Final

# In JSON these stand only within strings, where an escape means the same. Programs that split text
# into lines do so at the first three; `</script>` in a title would end the script of a page.
_ESCAPED: Final = {0x85: "\\u0085", 0x2028: "\\u2028", 0x2029: "\\u2029", ord("<"): "\\u003c"}


def json_text(value: Any, indent: int | None = None) -> str:
    """``value`` as JSON that ends in a line feed, in UTF-8 letters; on one line without
    ``indent``."""
    return json.dumps(value, ensure_ascii=False, indent=indent).translate(_ESCAPED) + "\n"
