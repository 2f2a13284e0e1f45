"""How large a pretend environment is, and what is wrong with it."""

from dataclasses import dataclass
from typing import Final, Literal

NAMESPACE: Final = "shop"
ACCOUNT: Final = "123456789012"
REGION: Final = "ap-northeast-2"
CLUSTER: Final = "shop-eks"
CONTEXT: Final = "shop"
NODE_GROUP: Final = "all"
NODE_ROLE: Final = "shop-nodes"
TAG: Final = "7114918"
DIGEST: Final = f"sha256:{'5' * 64}"
SETTINGS: Final = "settings"
LOGIN: Final = "login"
PODS_A_NODE: Final = 100
HEALTH: Final = "/health"

Trouble = Literal["", "one cause", "each its own"]


@dataclass(frozen=True)
class Size:
    """So many services of so many pods; `has_images`: their images lie in one ECR repository each.

    `trouble`: nothing; or the nodes may pull no image, so that no service runs (one cause); or every service
    asks for a path that it does not serve (each its own).
    """

    services: int
    replicas: int = 3
    has_images: bool = False
    trouble: Trouble = ""

    @property
    def names(self) -> list[str]:
        """The names of the services."""
        return [f"service-{number:04}" for number in range(self.services)]

    @property
    def nodes(self) -> int:
        """How many nodes take all of the pods, with room left."""
        return self.services * self.replicas // PODS_A_NODE + 2


def repository(service: str) -> str:
    """Return the name of a service's ECR repository."""
    return f"shop/{service}"


def image(service: str) -> str:
    """Return the image of a service."""
    return f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/{repository(service)}:{TAG}"
