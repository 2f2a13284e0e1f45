"""What should exist: environment files, their model, and what is said when one of them is wrong."""

from postflight.environment.data import Bucket, BucketOrigin, Cache, Database, DatabaseLogin, DatabaseServer
from postflight.environment.declaration import Declaration, SecretKey, Subject, Vantage
from postflight.environment.derived import SECTION_OF, kind_of, subjects
from postflight.environment.infrastructure import (
    Account,
    Cluster,
    NatGateway,
    Subnet,
    TerraformState,
    Vpc,
    Zone,
)
from postflight.environment.loading import load
from postflight.environment.model import BringUp, Environment
from postflight.environment.network import Api, Certificate, Distribution, Host, HostedZone, Origin, Superuser
from postflight.environment.platform import (
    Application,
    Backend,
    ConfigurationValue,
    Controller,
    Health,
    Ingress,
    Job,
    Service,
)
from postflight.environment.references import scopes, subject_named
from postflight.environment_files import EnvironmentFileError, available, find

__all__ = [
    "SECTION_OF",
    "Account",
    "Api",
    "Application",
    "Backend",
    "BringUp",
    "Bucket",
    "BucketOrigin",
    "Cache",
    "Certificate",
    "Cluster",
    "ConfigurationValue",
    "Controller",
    "Database",
    "DatabaseLogin",
    "DatabaseServer",
    "Declaration",
    "Distribution",
    "Environment",
    "EnvironmentFileError",
    "Health",
    "Host",
    "HostedZone",
    "Ingress",
    "Job",
    "NatGateway",
    "Origin",
    "SecretKey",
    "Service",
    "Subject",
    "Subnet",
    "Superuser",
    "TerraformState",
    "Vantage",
    "Vpc",
    "Zone",
    "available",
    "find",
    "kind_of",
    "load",
    "scopes",
    "subject_named",
    "subjects",
]
