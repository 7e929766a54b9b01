"""What was asked: where the images come from, and which parameters are not as they come."""

from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from components.figures.findings import Findings
from components.page.section import Section


@dataclass(frozen=True, kw_only=True)
class Setting:
    """A parameter, as a person reads it."""

    name: str
    """`stage.key`."""
    value: str
    default: str
    """Empty: none is known."""
    meaning: str
    """Its first sentence."""

    @property
    def changed(self) -> bool:
        """Whether it differs from its default."""
        return bool(self.default) and self.value != self.default


def asked(findings: Findings) -> Section:
    """The parameters of all stages, those that a person changed first."""
    settings = [one for stage in findings.settings.items() for one in _settings(*stage)]
    return Section(
        name="asked",
        title="What was asked",
        content={
            "source": findings.settings["ingest"].source,
            "changed": [one for one in settings if one.changed],
            "settings": settings,
            "known": all(one.default for one in settings),
            "base": findings.network.base,
        },
    )


def _settings(stage: str, params: BaseModel) -> list[Setting]:
    return [
        Setting(
            name=f"{stage}.{name}",
            value=_shown(getattr(params, name)),
            default="" if field.is_required() else _shown(field.get_default()),
            meaning=" ".join((field.description or "").replace("`", "").split()),
        )
        for name, field in type(params).model_fields.items()
    ]


def _shown(value: Any) -> str:  # noqa: ANN401  # whatever a parameter can be
    """A value as its file has it, on one line."""
    if isinstance(value, BaseModel):
        value = value.model_dump(exclude_unset=True) or value.model_dump()
    if isinstance(value, dict):
        return ", ".join(f"{key} {_shown(one)}" for key, one in value.items())
    if isinstance(value, list | tuple):
        return f"[{'; '.join(map(_shown, value))}]"
    words = {None: "null", True: "true", False: "false"}
    return words[value] if value is None or isinstance(value, bool) else f"{value}"
