"""The environment file of a pretend environment: what should be there."""

import json
from typing import Any

from bench.environments.size import (
    ACCOUNT,
    CLUSTER,
    CONTEXT,
    HEALTH,
    LOGIN,
    NAMESPACE,
    REGION,
    SETTINGS,
    Size,
)


def environment_text(size: Size, app_port: int = 80, dns_port: int = 53) -> str:
    """Return an environment file; JSON is YAML."""
    defaults: dict[str, Any] = {
        "namespace": NAMESPACE,
        "replicas": size.replicas,
        "port": app_port,
        "health": {"path": HEALTH, "body": "ok", "limit_s": 5},
        "service_account": "shop",
        "tag_policy": "fixed",
        "secrets": [LOGIN],
        "required": {
            "DB_HOST": {"value": "db.shop.example", "cause": f"from ConfigMap {SETTINGS}"},
            "DB_PASSWORD": {"cause": f"from Secret {LOGIN}"},
            "LOG_LEVEL": {"value": "info"},
        },
    }
    if size.has_images:
        defaults["image_repository"] = "shop/${name}"
    declared = {
        "description": f"{size.services} services",
        "aws": {"account": ACCOUNT, "region": REGION},
        "cluster": {"name": CLUSTER, "context": CONTEXT, "node_security_group": "nodes"},
        "resolver": f"127.0.0.1:{dns_port}",
        "services": {"defaults": defaults, **dict.fromkeys(size.names)},
    }
    return json.dumps(declared, indent=1) + "\n"
