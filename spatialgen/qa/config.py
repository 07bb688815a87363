"""What to ask: the `ask` section of a build's config."""

from __future__ import annotations

import difflib
from typing import Annotated, Literal, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator

from spatialgen.qa.types import FORMS, TYPES

Balance = Literal["prior", "histogram", "types", "labels", "images"]


def _as_tuple(value: object) -> object:
    if value in (None, "none"):
        return ()
    return (value,) if isinstance(value, str) else value


class AskConfig(BaseModel):
    """Which questions to ask of the scenes of a build. Two sets of questions differ by `name`.

    Yes and no, the order of mention, the letters of options and the units are balanced whatever stands here.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(default="default", pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", description="folder under qa/")
    seed: int = Field(default=0, description="changes every random choice of wording, form and selection")
    per_image: Literal["all"] | Annotated[int, Field(ge=1)] = Field(
        default=200, description="`all`: every decided fact in a row; N: the N most informative, no near-duplicates"
    )
    types: Literal["all"] | tuple[str, ...] = Field(default="all", description="question types to ask")
    forms: Literal["all"] | tuple[str, ...] = Field(default="all", description="forms to ask them in")
    balance: Annotated[tuple[Balance, ...], BeforeValidator(_as_tuple)] = Field(
        default=(),
        description="what is evened out over the whole build, at the cost of rows: `prior` (answers given type "
        "and labels), `histogram` (values of quantities), `types` (rows a type), `labels` (rows a label), `images` "
        "(rows an image: the fuller half of the images is cut to the median); or none",
    )
    units: Literal["mixed", "metric", "imperial"] = Field(default="mixed", description="units of lengths and volumes")
    wordings: int | None = Field(
        default=None, ge=1, description="only so many of a type's templates, the plainest: for probes and tiny models"
    )
    undecided: bool = Field(default=True, description='also ask what is "about the same" or "cannot be told"')
    min_score: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="objects that the detector is less sure of are not asked about, but count as perhaps there",
    )
    max_per_type: int | None = Field(default=None, ge=1, description="rows of one type an image, at most")
    max_per_object: int | None = Field(default=None, ge=1, description="rows that name one object an image, at most")
    absent_labels: tuple[str, ...] | None = Field(
        default=None, description="labels that `exists` may ask about in vain; none: a list of household things"
    )

    @field_validator("types", "forms")
    @classmethod
    def _known(cls, value: str | tuple[str, ...], info: object) -> str | tuple[str, ...]:
        known = FORMS if getattr(info, "field_name", "") == "forms" else TYPES
        for item in value if isinstance(value, tuple) else ():
            if item not in known:
                near = difflib.get_close_matches(item, known, n=1)
                hint = f"; did you mean {near[0]!r}?" if near else f"; there are: {', '.join(known)}"
                raise ValueError(f"{item!r} is not known{hint}")
        if value == ():
            raise ValueError("an empty list asks nothing; leave the key out or write `all`")
        return value

    @property
    def asked_types(self) -> tuple[str, ...]:
        """The question types to ask, in the order of the spec."""
        return TYPES if self.types == "all" else tuple(t for t in TYPES if t in self.types)

    @property
    def asked_forms(self) -> tuple[str, ...]:
        """The forms to ask in, in a fixed order."""
        return FORMS if self.forms == "all" else tuple(f for f in FORMS if f in self.forms)


BALANCES: tuple[str, ...] = get_args(Balance)
