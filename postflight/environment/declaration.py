"""The pieces that every declaration is made of: constrained values, frozen models, and subjects."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Name = Annotated[str, StringConstraints(min_length=1)]
Arn = Annotated[str, StringConstraints(pattern=r"^arn:aws[a-z-]*:")]
AccountId = Annotated[str, StringConstraints(pattern=r"^\d{12}$")]
HttpsUrl = Annotated[str, StringConstraints(pattern=r"^https://[^/\s]+")]
UrlPath = Annotated[str, StringConstraints(pattern=r"^/")]
Port = Annotated[int, Field(ge=1, le=65535)]
Vantage = Literal["inside", "outside"]


class Declaration(BaseModel):
    """A frozen piece of an environment; an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Subject(Declaration):
    """One named entry of a section: what a check is about. `name` is its key in the file."""

    name: Name = Field(default="", exclude=True)


class SecretKey(Declaration):
    """Where a credential lies: one key of a Kubernetes Secret, or of a Secrets Manager secret."""

    secret: Name
    key: Name
    namespace: Name | None = Field(default=None, description="Kubernetes; absent means Secrets Manager.")

    @property
    def title(self) -> str:
        """`Secret saleor/saleor-db-secret`, or where else it lies. Never what it holds."""
        if self.namespace is None:
            return f"Secrets Manager secret {self.secret}"
        return f"Secret {self.namespace}/{self.secret}"
