"""AWS listings: every page of them, and of each item what checks judge by."""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

from postflight.probes.aws import ecr, route53
from sandbox import names
from selftests.aws_looks import connections, difference, look
from selftests.aws_server import Cloud
from selftests.serving import in_a_thread

pytest_plugins = ["selftests.aws_fixtures"]


def test_listing_goes_through_every_page(cloud: Cloud) -> None:
    """The zone that matters may be on the second page."""
    route = cloud.aws.client("route53")
    made = [
        route.create_hosted_zone(Name=f"page-{number}.test", CallerReference=str(number))["HostedZone"]["Id"]
        for number in range(100)
    ]
    before = cloud.aws.calls()
    try:
        found = look(connections(cloud.aws.endpoint_url), route53.zones)
    finally:
        for identifier in made:
            route.delete_hosted_zone(Id=identifier)
    assert len(found.items) == 100 + len(names.HOSTED_ZONES)
    assert difference(cloud.aws.calls(), before) == {"route53:ListHostedZones": 2}


def test_what_a_routing_policy_chooses_by_is_read(cloud: Cloud) -> None:
    """Without it a standby would be taken for a record that leads visitors elsewhere."""
    route = cloud.aws.client("route53")
    zone = route.create_hosted_zone(Name="policy.test", CallerReference="policy")["HostedZone"]["Id"]
    policies: tuple[tuple[str, dict[str, Any]], ...] = (
        ("weighed", {"Weight": 3}), ("weighed", {"Weight": 0}), ("nearest", {"Region": "us-east-1"}),
    )  # fmt: skip
    changes = [
        {
            "Action": "CREATE",
            "ResourceRecordSet": {
                "Name": f"{name}.policy.test", "Type": "CNAME", "TTL": 60, "SetIdentifier": str(number),
                "ResourceRecords": [{"Value": f"{number}.example"}], **policy,
            },
        }
        for number, (name, policy) in enumerate(policies)
    ]  # fmt: skip
    change: dict[str, Any] = {"Changes": changes}
    route.change_resource_record_sets(HostedZoneId=zone, ChangeBatch=change)
    try:
        reached = connections(cloud.aws.endpoint_url)
        found = look(reached, route53.records, "policy.test", zone.rpartition("/")[2])
    finally:
        for one in changes:
            one["Action"] = "DELETE"
        route.change_resource_record_sets(HostedZoneId=zone, ChangeBatch=change)
        route.delete_hosted_zone(Id=zone)
    weighed, nearest = (found.addressing(f"{name}.policy.test") for name in ("weighed", "nearest"))
    assert sorted((one.weight, one.is_secondary) for one in weighed) == [(0, False), (3, False)]
    assert [one.region for one in nearest] == ["us-east-1"]


def test_images_are_listed_in_pages_as_large_as_ecr_gives() -> None:
    """ECR lists by repository only, so the number of pages is all that can be saved."""
    asked: list[dict[str, Any]] = []

    class Registry(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            body = b'{"imageDetails": []}'
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
            """Stay silent."""

    with in_a_thread(HTTPServer(("127.0.0.1", 0), Registry)) as server:
        look(connections(f"http://127.0.0.1:{server.server_port}"), ecr.repository, "cart")
    assert [one["maxResults"] for one in asked] == [1000]
