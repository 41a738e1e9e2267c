"""Options that another option leaves without effect: refused where someone asked for them."""

from __future__ import annotations

from typing import Any, Self

import pytest
from pydantic import ValidationError, model_validator

from methods.engine.options import ModelChoice, option

PRESETS: dict[str, dict[str, Any]] = {"tiny": {"weight": 2.0}}


class Config(ModelChoice):
    """One option that another can switch off."""

    weight: float = option(1.0, "of the extra loss", source="ours")
    limit: int | None = option(None, "of the extra loss", source="ours")
    extra: bool = option(True, "whether there is an extra loss", source="ours")

    @model_validator(mode="after")
    def _nothing_is_ignored(self) -> Self:
        if not self.extra:
            self.refuse_idle(("weight", "limit"), "extra=false", "take extra=true")
        return self


def test_an_idle_option_is_refused_with_what_was_asked_and_what_to_do() -> None:
    with pytest.raises(ValidationError) as caught:
        Config(extra=False, weight=3)
    said = "weight=3 has no effect with extra=false; leave it at 1, or take extra=true"
    assert said in str(caught.value)
    with pytest.raises(ValidationError, match=r"limit=7 .* leave it at none"):
        Config(extra=False, limit=7)
    assert Config(weight=3, limit=7).extra


@pytest.mark.parametrize("model", ["tiny", "tiny@main"])
def test_what_the_preset_of_the_model_gives_may_stand_idle(model: str) -> None:
    assert Config(model=model, extra=False, **PRESETS["tiny"]).weight == 2
    assert Config(model=model, extra=False).weight == 1  # made without presets
    with pytest.raises(ValidationError, match=r"weight=3 .* leave it at 2, or"):
        Config(model=model, extra=False, weight=3)
    with pytest.raises(ValidationError, match="weight=2 has no effect"):
        Config(model="another", extra=False, **PRESETS["tiny"])


def test_a_configuration_written_out_in_full_is_read_back() -> None:
    given = Config(model="tiny", extra=False, **PRESETS["tiny"])
    assert Config(**given.model_dump()) == given
