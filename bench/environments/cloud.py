"""A pretend AWS that is quick and knows just what these environments ask: STS, EKS, IAM, ECR."""

import json
from collections import Counter
from typing import Any
from urllib.parse import parse_qs

from aiohttp import web

from bench.environments.size import ACCOUNT, CLUSTER, DIGEST, NODE_GROUP, NODE_ROLE, REGION, TAG, Size

_ROLE = f"arn:aws:iam::{ACCOUNT}:role/{NODE_ROLE}"
_PULLS = "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryReadOnly"
_PUSHED = 1_767_225_600


class Cloud:
    """Answers as AWS does; `endpoint` and `ca` (in base64) are those of the Kubernetes API."""

    def __init__(self, size: Size, endpoint: str, ca: str) -> None:
        self.calls: Counter[str] = Counter()
        self._may_pull = size.trouble != "one cause"
        self._cluster = {
            "name": CLUSTER,
            "arn": f"arn:aws:eks:{REGION}:{ACCOUNT}:cluster/{CLUSTER}",
            "status": "ACTIVE",
            "endpoint": endpoint,
            "certificateAuthority": {"data": ca},
            "resourcesVpcConfig": {"vpcId": "vpc-1"},
        }

    def application(self) -> web.Application:
        """Return the server's application."""
        app = web.Application()
        app.router.add_get("/clusters/{name}", self._eks)
        app.router.add_get("/clusters/{name}/node-groups", self._eks)
        app.router.add_get("/clusters/{name}/node-groups/{group}", self._eks)
        app.router.add_post("/", self._post)
        return app

    async def _eks(self, request: web.Request) -> web.Response:
        depth = request.path.count("/")
        if depth == 2:
            return web.json_response({"cluster": self._cluster})
        if depth == 3:
            return web.json_response({"nodegroups": [NODE_GROUP]})
        group = {"nodegroupName": NODE_GROUP, "nodeRole": _ROLE, "clusterName": CLUSTER}
        return web.json_response({"nodegroup": group})

    async def _post(self, request: web.Request) -> web.Response:
        target = request.headers.get("X-Amz-Target", "").rpartition(".")[2]
        if target:
            return self._ecr(target, await request.json())
        asked = parse_qs(await request.text())
        action = asked["Action"][0]
        self.calls[action] += 1
        text = f"<{action}Response><{action}Result>{self._told(action)}</{action}Result></{action}Response>"
        return web.Response(text=text, content_type="text/xml")

    def _told(self, action: str) -> str:
        if action == "GetCallerIdentity":
            arn = f"arn:aws:iam::{ACCOUNT}:user/bench"
            return f"<Arn>{arn}</Arn><UserId>AIDA</UserId><Account>{ACCOUNT}</Account>"
        if action == "ListRolePolicies":
            return "<PolicyNames/><IsTruncated>false</IsTruncated>"
        name = _PULLS.rpartition("/")[2]
        member = f"<member><PolicyName>{name}</PolicyName><PolicyArn>{_PULLS}</PolicyArn></member>"
        attached = f"<AttachedPolicies>{member if self._may_pull else ''}</AttachedPolicies>"
        return f"{attached}<IsTruncated>false</IsTruncated>"

    def _ecr(self, operation: str, asked: dict[str, Any]) -> web.Response:
        self.calls[operation] += 1
        if operation == "DescribeImages":
            found = {
                "registryId": ACCOUNT,
                "repositoryName": asked["repositoryName"],
                "imageDigest": DIGEST,
                "imageTags": [TAG],
                "imagePushedAt": _PUSHED,
            }
            return _json({"imageDetails": [found]})
        return _json({"__type": "RepositoryPolicyNotFoundException", "message": REGION}, status=400)


def _json(value: object, status: int = 200) -> web.Response:
    return web.Response(status=status, text=json.dumps(value), content_type="application/x-amz-json-1.1")
