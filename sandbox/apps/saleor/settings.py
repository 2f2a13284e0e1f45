"""Django's settings, read from the environment as Saleor's are."""

import os
from urllib.parse import parse_qs, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

REQUIRED = ("DATABASE_URL", "SECRET_KEY", "ALLOWED_HOSTS", "ALLOWED_CLIENT_HOSTS")


def _required(name: str) -> str:
    try:
        return os.environ[name]
    except KeyError:
        raise ImproperlyConfigured(f"Missing required environment variable: {name}") from None


def _listed(name: str) -> list[str]:
    return [word.strip() for word in _required(name).split(",") if word.strip()]


def _database(url: str) -> dict[str, object]:
    parts = urlsplit(url)
    options: dict[str, object] = {"connect_timeout": 3, "sslmode": "require"}
    options |= {key: values[-1] for key, values in parse_qs(parts.query).items()}
    return {
        "ENGINE": "sandbox.apps.saleor.database",
        "NAME": parts.path.lstrip("/"),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname or "",
        "PORT": str(parts.port or 5432),
        "CONN_MAX_AGE": 0,
        "OPTIONS": options,
    }


# Empty is not absent: Django starts without a key and fails at the first thing that must be signed.
SECRET_KEY = _required("SECRET_KEY")
DATABASES = {"default": _database(_required("DATABASE_URL"))}
ALLOWED_HOSTS = _listed("ALLOWED_HOSTS")
ALLOWED_CLIENT_HOSTS = _listed("ALLOWED_CLIENT_HOSTS")
REDIS_URL = os.environ.get("REDIS_URL", "")
MEDIA_BUCKET = os.environ.get("AWS_MEDIA_BUCKET_NAME", "")
PRODUCTS_DELAY_SECONDS = float(os.environ.get("SANDBOX_PRODUCTS_DELAY", "0"))

DEBUG = os.environ.get("DEBUG", "") == "True"
INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth", "sandbox.apps.saleor"]
MIDDLEWARE = ["django.middleware.common.CommonMiddleware", "sandbox.apps.saleor.views.signing"]
ROOT_URLCONF = "sandbox.apps.saleor.views"
AUTH_USER_MODEL = "saleor.User"
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
# The tables are made by SQL; an unapplied migration would be news about nothing.
MIGRATION_MODULES = {"auth": None, "contenttypes": None}
USE_TZ = True
LOGGING_CONFIG = None
