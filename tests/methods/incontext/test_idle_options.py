"""Options of in-context forecasts that ask for more than there is."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from methods.incontext.dicl import Config
from methods.incontext.pendulum import ACTIONS, STATES


@pytest.mark.parametrize(
    ("projection", "there"), [("states", STATES), ("states-actions", STATES + ACTIONS)]
)
def test_more_components_than_dimensions_are_refused(projection: str, there: int) -> None:
    assert Config(projection=projection, components=there).components == there
    with pytest.raises(ValidationError) as caught:
        Config(projection=projection, components=there + 1)
    assert str(there) in str(caught.value)


def test_the_refusal_says_how_many_components_there_are() -> None:
    with pytest.raises(
        ValidationError, match=r"components=4 .*: projection=states has 3 dimensions; take 1 to 3"
    ):
        Config(projection="states", components=4)
