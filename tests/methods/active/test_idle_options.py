"""Options of active learning that a control leaves without effect."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from methods.active.badge import Config


def test_how_a_batch_is_chosen_is_refused_where_it_is_chosen_at_random() -> None:
    with pytest.raises(ValidationError, match="first=largest has no effect with control=random"):
        Config(control="random", first="largest")
    assert Config(control="shuffled", first="largest").first == "largest"
