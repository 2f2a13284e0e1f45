"""What the stand-in answers at its paths."""

import json
import logging
from collections.abc import Callable
from functools import cache
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.core.signing import Signer
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse
from django.urls import path

from sandbox.apps.saleor.schema import execute, make_schema

logger = logging.getLogger("saleor")

PLAYGROUND = "<!doctype html><title>GraphQL</title><p>Send a POST request with a GraphQL query.</p>"
shared_schema = cache(make_schema)


def signing(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Sign a request id into each answer, as sessions and tokens sign theirs: no SECRET_KEY, no answer."""

    def middleware(request: HttpRequest) -> HttpResponse:
        identity = Signer().sign(uuid4().hex)
        response = get_response(request)
        response["X-Request-Id"] = identity
        return response

    return middleware


def graphql(request: HttpRequest) -> HttpResponse:
    """Answer a GraphQL request; errors in resolvers come as `errors` with status 200."""
    if request.method == "GET":
        return HttpResponse(PLAYGROUND)
    if request.method != "POST":
        return HttpResponseNotAllowed(["GET", "POST", "OPTIONS"])
    try:
        question = json.loads(request.body)
        query_given = isinstance(question, dict) and isinstance(question.get("query"), str)
    except ValueError:
        query_given = False
    if not query_given:
        message = "Unable to parse query: expected a JSON object with a string `query`."
        return JsonResponse({"errors": [{"message": message}]}, status=400)
    answer = execute(shared_schema(), question)
    # An error without a path comes from the question; one with a path, from a resolver.
    refused = any("path" not in error for error in answer.get("errors", ()))
    return JsonResponse(answer, status=400 if refused else 200)


def upload(request: HttpRequest) -> HttpResponse:
    """Put an uploaded image into the media bucket."""
    import boto3  # most processes never upload, and the import costs half a second
    from botocore.exceptions import BotoCoreError, ClientError

    if request.method != "POST":
        return HttpResponseNotAllowed(["POST", "OPTIONS"])
    key = f"uploads/{uuid4().hex}"
    body, kind = _uploaded(request)
    try:
        bucket = boto3.client("s3")
        bucket.put_object(Bucket=settings.MEDIA_BUCKET, Key=key, Body=body, ContentType=kind)
    except (BotoCoreError, ClientError) as error:
        logger.exception("Upload to %s failed", settings.MEDIA_BUCKET)
        return JsonResponse({"error": str(error)}, status=500)
    return JsonResponse({"bucket": settings.MEDIA_BUCKET, "key": key}, status=201)


def _uploaded(request: Any) -> tuple[bytes, str]:
    for file in request.FILES.values():
        return file.read(), file.content_type
    return request.body, request.content_type or "application/octet-stream"


urlpatterns = [path("graphql/", graphql), path("media/upload/", upload)]
