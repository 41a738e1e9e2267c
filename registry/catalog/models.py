"""The typed records of the catalog: papers, surveys, claims, the taxonomy, evidence.

Every model is frozen and forbids fields it does not know. Dates are ISO dates. Text is ours, but
for titles and names. The JSON Schemas in ``catalog/schema/`` are generated from this file.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)

from registry.core.errors import UsageError
from registry.core.ids import ArxivId


class Record(BaseModel):
    """Frozen, and closed to unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Refused(ValueError):
    """A value that a rule of ours refuses: what is allowed, and what to do."""

    def __init__(self, allowed: str, fix: str) -> None:
        self.allowed, self.fix = allowed, fix
        super().__init__(f"{fix}; allowed: {allowed}")


_AN_ID = "a versionless arXiv identifier such as 2402.03300 or hep-th/9901001"


def _canonical(text: str) -> str:
    try:
        parsed = ArxivId.parse(text)
    except UsageError:
        raise Refused(
            _AN_ID, "check the digits: four after the point until 1412, five from 1501"
        ) from None
    if str(parsed) != text or parsed.version is not None:
        raise Refused(_AN_ID, f"write {parsed.base!r}, quoted")
    return text


def _iso_date(value: Any) -> Any:
    # Alone, pydantic also takes seconds since 1970 and times at midnight for a date.
    if isinstance(value, str) and not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        raise Refused("a date as YYYY-MM-DD", "write the day so, such as 2024-07-29")
    return value


PaperId = Annotated[
    str,
    AfterValidator(_canonical),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": r"^([0-9]{4}\.[0-9]{4,5}|[a-z-]+/[0-9]{7})$",
            "description": "Versionless arXiv identifier.",
        }
    ),
]
IsoDate = Annotated[date, BeforeValidator(_iso_date)]
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=60)]
LeafSlug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]+/[a-z0-9-]+$", max_length=80)]
Text = Annotated[str, StringConstraints(min_length=1, max_length=4000)]
# Printable ASCII but for quotes, angles, braces, backslash, caret, backtick and bar.
Url = Annotated[
    str, StringConstraints(pattern=r"^https?://[!#-&(-;=?-\[\]_a-z~]+$", max_length=500)
]

Status = Literal["active", "withdrawn", "superseded"]
Relation = Literal["introduces", "uses", "analyses"]
ClaimKind = Literal["method", "result", "theory", "observation"]
Verdict = Literal["reproduced", "sign only", "not reproduced", "not testable at this scale"]
Between = Literal[
    "versions",
    "tables",
    "intervals",
    "paper and code",
    "method and claim",
    "terms",
    "references",
    "missing",
]


class Claim(Record):
    """One thing a paper says, in our words, with where it says so."""

    id: Slug = Field(description="Unique within the paper, for example c1.")
    text: Text = Field(description="The claim in our own words.")
    where: Text = Field(description="Section, equation, table or figure in the paper.")
    arxiv_version: int | None = Field(
        default=None, ge=1, description="The version read, where versions differ in the claim."
    )
    kind: ClaimKind
    experiment: Slug | None = Field(
        default=None, description="The experiment that tests it, where we have one."
    )
    untested: Text | None = Field(
        default=None, description="Why no experiment tests it, where none does."
    )
    bearing: tuple[Slug, ...] = Field(
        default=(), description="Experiments on claims of other papers that bear on this one."
    )


class Discrepancy(Record):
    """Where a paper does not agree with itself, with its code or with what it cites.

    What ``between`` says: *versions* of the paper; its *tables*, whose figures do not agree;
    *intervals* of its own that do not tell its arms apart; *paper and code*; *method and claim*,
    where what was done or proved is narrower; *terms* used otherwise elsewhere; *references* that
    lead elsewhere; *missing*, a control or code without which a claim cannot be judged.
    """

    id: Slug = Field(description="Unique within the paper, for example d1.")
    between: Between
    text: Text = Field(description="What does not agree, in our own words, with the numbers.")
    where: Text = Field(description="Section, table or file that shows it.")
    source: Text = Field(description="What was read to know it.")
    settled: Text = Field(description="What is done about it here.")
    claims: tuple[Slug, ...] = Field(default=(), description="Claims of the paper it bears on.")


class MethodLink(Record):
    """What a paper has to do with a method of ours."""

    slug: Slug
    relation: Relation


class Link(Record):
    """An address that belongs to the paper."""

    kind: Literal["code", "project", "published", "data", "list", "other"]
    url: Url


class Paper(Record):
    """Curated facts about one paper; ``catalog/papers/<slug of id>.yaml``."""

    id: PaperId = Field(description="Versionless arXiv identifier, always quoted.")
    title: Text
    former_titles: tuple[Text, ...] = Field(
        default=(), description="Titles earlier versions carried; a title check accepts any."
    )
    authors: tuple[Text, ...] = Field(
        default=(), description="In the paper's order; empty where they were not looked up."
    )
    submitted: IsoDate | None = Field(
        default=None, description="Date of version 1; absent where it was not looked up."
    )
    announced: IsoDate | None = Field(
        default=None,
        description="Day on which a listing of arXiv first showed it, where submitted is absent.",
    )
    updated: IsoDate | None = Field(
        default=None, description="Date of the newest version, if known."
    )
    categories: tuple[Annotated[str, StringConstraints(pattern=r"^[A-Za-z.-]+$")], ...] = Field(
        default=(),
        description="arXiv categories, the primary one first; empty where not looked up.",
    )
    licence: Text | None = Field(
        default=None, description="The licence's address or name, where it was looked up."
    )
    venue: Text | None = None
    doi: Text | None = None
    leaf: LeafSlug = Field(description="Primary leaf of the taxonomy: what is new here.")
    secondary: tuple[LeafSlug, ...] = Field(default=(), max_length=2)
    leaf_sources: dict[LeafSlug, tuple[Text, ...]] = Field(
        default_factory=dict,
        description="Leaf to who put the paper there: names of public lists, canonical, ranker, "
        "curator. A leaf without sources was chosen by a curator.",
    )
    facets: dict[str, tuple[str, ...]] = Field(
        default_factory=dict, description="Facet name to values, as the taxonomy allows."
    )
    gist: Text | None = Field(
        default=None,
        description="What the paper does and finds, in our own words; absent where the entry "
        "holds facts only.",
    )
    methods: tuple[MethodLink, ...] = ()
    claims: tuple[Claim, ...] = ()
    links: tuple[Link, ...] = ()
    related: tuple[PaperId, ...] = Field(
        default=(), description="Related entries chosen by hand; others are found by text."
    )
    status: Status = "active"
    status_note: Text | None = None
    superseded_by: PaperId | None = None
    discrepancies: tuple[Discrepancy, ...] = Field(
        default=(), description="What is known not to agree in the paper, its code, its reviews."
    )

    @property
    def leaves(self) -> tuple[str, ...]:
        """Primary leaf first."""
        return (self.leaf, *self.secondary)

    @property
    def facts_only(self) -> bool:
        """Whether nothing was written about the paper yet."""
        return self.gist is None

    @property
    def since(self) -> date:
        """The day to sort by: submission, else announcement, else the first of the id's month."""
        return self.submitted or self.announced or ArxivId(self.id).month

    @property
    def day(self) -> str:
        """``since`` as far as it is known: a day, or the month that the identifier names."""
        known = self.submitted or self.announced
        return known.isoformat() if known else f"{self.since:%Y-%m}"


class Section(Record):
    """One heading of a survey, and what it covers."""

    title: Text
    leaves: tuple[LeafSlug, ...] = Field(
        default=(), description="Our leaves that belong under it: where a new paper would go."
    )
    papers: tuple[PaperId, ...] = ()
    methods: tuple[Text, ...] = Field(
        default=(), description="Methods it names, ours by slug, others by name."
    )
    sections: tuple[Section, ...] = ()


class Survey(Paper):
    """A paper with an outline; ``catalog/surveys/<slug of id>.yaml``."""

    outline: tuple[Section, ...] = Field(min_length=1)
    outline_source: Text = Field(description="Where the outline was read.")


class CanonicalPaper(Record):
    """A paper that shows what a leaf means."""

    name: Text
    id: PaperId
    title: Text


class Leaf(Record):
    """One class of papers."""

    slug: LeafSlug
    title: Text
    scope: Text
    keywords: tuple[Text, ...] = ()
    aliases: tuple[Text, ...] = ()
    surveys: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    canonical: tuple[CanonicalPaper, ...] = ()


class Group(Record):
    """Leaves that belong together."""

    slug: Slug
    title: Text
    description: Text
    leaves: tuple[Leaf, ...]


class Taxonomy(Record):
    """``catalog/taxonomy.yaml``."""

    version: Text
    sources: dict[str, Text | tuple[Text, ...]] = Field(default_factory=dict)
    rules: tuple[Text, ...] = ()
    facets: dict[str, tuple[str, ...]]
    groups: tuple[Group, ...]

    def leaf(self, slug: str) -> Leaf | None:
        """The leaf named ``slug``, or None."""
        return next((lf for g in self.groups for lf in g.leaves if lf.slug == slug), None)

    @property
    def leaf_slugs(self) -> tuple[str, ...]:
        """Every leaf, in the order of the file."""
        return tuple(lf.slug for g in self.groups for lf in g.leaves)


class Measurement(Record):
    """One arm of an experiment: a quantity before and after, per seed."""

    arm: Slug
    label: Text
    method: Slug | None = Field(default=None, description="None for an arm that runs nothing.")
    measure: Slug
    unit: Text
    seeds: tuple[int, ...]
    before: tuple[float, ...] = Field(description="One value a seed.")
    after: tuple[float, ...] = Field(description="One value a seed.")
    mean_after: float
    interval: tuple[float, float] = Field(description="95 % interval of the mean of `after`.")
    seconds: tuple[float, ...] = Field(description="Training time of each seed's run.")

    @model_validator(mode="after")
    def _interval_holds_mean(self) -> Self:
        low, high = self.interval
        # Ends are rounded to six figures when they are written.
        room = 1e-5 * max(abs(low), abs(high), abs(self.mean_after))
        if not low - room <= self.mean_after <= high + room:
            raise ValueError(
                f"the interval {low} to {high} does not hold the mean {self.mean_after}"
            )
        return self


class Comparison(Record):
    """A difference between arms that the verdict rests on."""

    text: Text
    difference: float
    interval: tuple[float, float] = Field(description="95 % interval of the mean difference.")
    holds: bool


class Series(Record):
    """One line of a curve."""

    label: Text
    x: tuple[float, ...]
    y: tuple[float, ...]
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()


class Curve(Record):
    """A small figure's worth of numbers."""

    name: Slug
    title: Text
    x_label: Text
    y_label: Text
    x_log: bool = False
    series: tuple[Series, ...]


class Evidence(Record):
    """What was measured of one claim; ``catalog/evidence/<method>/<claim>-<scale>.json``.

    Where the claim is not of the method's own paper, or a second experiment tests it, the file has
    the experiment's name in place of the claim's.
    """

    schema_version: Literal[1] = 1
    method: Slug
    paper: PaperId
    claim: Slug
    experiment: Slug | None = Field(
        default=None, description="The experiment, where method and claim alone do not tell it."
    )
    scale: Literal["tiny", "smollm2"]
    question: Text = Field(description="What the experiment asks, in a sentence.")
    protocol: Text = Field(description="Model, data, held-out set, arms and budget.")
    measured: tuple[Measurement, ...]
    comparisons: tuple[Comparison, ...]
    curves: tuple[Curve, ...] = ()
    verdict: Verdict
    notes: tuple[Text, ...] = ()
    command: Text = Field(description="How to run it again.")
    date: IsoDate
    device: Text
    versions: dict[str, str]
    git_commit: str | None = None
    config_sha256: dict[str, str] = Field(
        default_factory=dict, description="Arm to the hash of its resolved configuration."
    )
    options: dict[str, dict[str, str]] = Field(
        default_factory=dict,
        description="Arm to the options it was given; arm:name is the model that arm left.",
    )

    @property
    def name(self) -> str:
        """What tells it from other evidence of the same method: ``c1-tiny``."""
        return f"{self.experiment or self.claim}-{self.scale}"
