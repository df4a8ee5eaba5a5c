"""The `[views]` section of a study: which views are made, of which examples."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from layerscope.errors import LayerscopeError, Refused
from layerscope.mistakes import allowed


class ViewsSettings(BaseModel):
    """Say which methods look at which layers, for which classes and how many examples.

    >>> ViewsSettings(methods=["grad_cam"], layers=["conv1", "conv6"]).correct
    3
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    methods: tuple[str, ...] = ("feature_maps", "filters", "deconvnet", "grad_cam", "lrp")
    """Names that `layerscope methods` lists."""
    layers: str | tuple[str, ...] = "conv"
    """A kind ("conv", "all", ...), a layer's name, or a list."""
    classes: tuple[str, ...] | None = None
    """Classes that are looked at; all where none is named."""
    correct: int = Field(default=3, ge=0)
    """Examples of each class that the network gets right: from the surest to the least sure."""
    wrong: int = Field(default=2, ge=0)
    """Examples of each class that it gets wrong, the commonest confusions first."""
    units: int = Field(default=3, ge=1)
    """Strongest units of a layer that are projected, of each example."""
    channels: int = Field(default=9, ge=1)
    """Feature maps that are kept of a layer, of each example: those with the highest peaks."""
    pictured: int = Field(default=16, ge=1)
    """Units of a layer that are kept with their strongest patches of a data set, or drawn anew."""
    examples: int = Field(default=100, ge=1)
    """Examples of each class that methods which compare all with all read, at most."""
    target: int | str = "predicted"
    """What is explained: "predicted", "true", a class, its index, or two classes: "cat - dog"."""
    batch: int = Field(default=8, ge=1)
    """Examples held in memory at a time, at most."""

    @field_validator("methods")
    @classmethod
    def _known(cls, methods: tuple[str, ...]) -> tuple[str, ...]:
        from layerscope.views import find_method

        try:
            for name in methods:
                find_method(name, {})
        except Refused as refusal:
            raise ValueError(str(refusal)) from None
        return methods


def asked(base: ViewsSettings, **given: Any) -> ViewsSettings:
    """Put what is given, unless it is None, in the place of what the settings say.

    Raises:
        LayerscopeError: a value that is not allowed.

    >>> asked(ViewsSettings(), methods=["grad_cam"], layers=None).methods
    ('grad_cam',)

    """
    changes = {name: value for name, value in given.items() if value is not None}
    try:
        return ViewsSettings.model_validate(base.model_dump() | changes)
    except ValidationError as error:
        told = [
            f"{detail['loc'][0]} = {detail['input']!r}: {allowed(dict(detail), detail['input'])}"
            for detail in error.errors()
        ]
        raise LayerscopeError("; ".join(told)) from None
