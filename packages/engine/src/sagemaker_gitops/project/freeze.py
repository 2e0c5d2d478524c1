"""When nothing new may reach prod: infra/config/freeze.json."""

from datetime import datetime
from typing import Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator


class FreezeWindow(BaseModel):
    """A time in which prod keeps what it serves, and why; times have an offset: 2026-12-20T18:00:00+01:00."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    start: AwareDatetime
    end: AwareDatetime
    reason: str = Field(min_length=1)

    @model_validator(mode="after")
    def _ends_after_it_starts(self) -> Self:
        if self.end <= self.start:
            raise ValueError("end must be later than start")
        return self

    def __str__(self) -> str:
        return f"prod is frozen until {self.end:%Y-%m-%d %H:%M %Z}: {self.reason}"


class Freeze(BaseModel):
    """Every window; a rollback is never stopped, and a deploy that began before one may end."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    windows: tuple[FreezeWindow, ...] = ()

    def at(self, moment: datetime) -> FreezeWindow | None:
        """Find the window that holds a moment; of several the one that ends last."""
        found = [window for window in self.windows if window.start <= moment < window.end]
        return max(found, key=lambda window: window.end, default=None)
