from __future__ import annotations

import pytest
from pydantic import ValidationError

from registry.catalog import models
from tests.catalog import fabricated


def test_a_record_is_frozen_and_closed() -> None:
    paper = fabricated.paper()
    with pytest.raises(ValidationError, match="frozen"):
        paper.title = "Other"  # type: ignore[misc]
    with pytest.raises(ValidationError, match="Extra inputs"):
        fabricated.paper(colour="red")


def test_every_record_is_frozen_and_closed() -> None:
    kinds = [
        value
        for value in vars(models).values()
        if isinstance(value, type) and issubclass(value, models.Record)
    ]
    assert len(kinds) > 10
    assert all(k.model_config["frozen"] and k.model_config["extra"] == "forbid" for k in kinds)


@pytest.mark.parametrize("id_", ["2401.00001v1", "arXiv:2401.00001", "2401.1", "math.CA/0611800"])
def test_only_the_versionless_canonical_form_is_an_id(id_: str) -> None:
    with pytest.raises(ValidationError):
        fabricated.paper(id_)


@pytest.mark.parametrize("day", ["2024-1-2", "20240102", "1704153600", "2024-01-02T00:00:00", ""])
def test_only_an_iso_day_is_a_date(day: str) -> None:
    with pytest.raises(ValidationError):
        fabricated.paper(submitted=day)


@pytest.mark.parametrize(
    "url", ["ftp://x", "https://", "https://a b", "https://a\x00b", "https://a<b", "https://\u00e9"]
)
def test_only_a_plain_address_is_a_url(url: str) -> None:
    with pytest.raises(ValidationError):
        fabricated.paper(links=[{"kind": "code", "url": url}])


def test_a_paper_has_at_most_two_secondary_leaves() -> None:
    with pytest.raises(ValidationError):
        fabricated.paper(secondary=["a/b", "a/c", "a/d"])
    assert fabricated.paper(secondary=["a/b", "a/c"]).leaves == ("fruit/apples", "a/b", "a/c")


def test_a_survey_is_a_paper_with_an_outline() -> None:
    assert isinstance(fabricated.survey(), models.Paper)
    with pytest.raises(ValidationError):
        fabricated.survey(outline=[])


def test_the_taxonomy_finds_its_leaves() -> None:
    leaf = fabricated.TAXONOMY.leaf("fruit/pears")
    assert leaf is not None and leaf.title == "Pears"
    assert fabricated.TAXONOMY.leaf("fruit/pommes") is None
    assert fabricated.TAXONOMY.leaf_slugs == ("fruit/apples", "fruit/pears", "roots/carrots")


def test_an_interval_holds_its_mean() -> None:
    given = {
        "arm": "a", "label": "A", "measure": "m", "unit": "nats", "seeds": (0,), "before": (),
        "after": (0.5,), "mean_after": 0.5, "seconds": (1.0,),
    }  # fmt: skip
    assert models.Measurement(**given, interval=(0.5, 0.6)).mean_after == 0.5
    with pytest.raises(ValidationError, match="does not hold the mean"):
        models.Measurement(**given, interval=(0.0, 0.4))
