"""What a run over one environment has to be allowed, and no more: an IAM policy and RBAC objects."""

from postflight.permissions.asking import probes_of
from postflight.permissions.collected import Need, NothingCollectedError, needs
from postflight.permissions.iam import iam_policy
from postflight.permissions.rbac import Grantee, rbac_objects
from postflight.permissions.scopes import UnknownPermissionError

__all__ = [
    "Grantee",
    "Need",
    "NothingCollectedError",
    "UnknownPermissionError",
    "iam_policy",
    "needs",
    "probes_of",
    "rbac_objects",
]
