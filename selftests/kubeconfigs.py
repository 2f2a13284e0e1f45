"""Kubeconfigs of all kinds, each with what a run and kubectl make of it: clusters, files, proxies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from selftests.kubeconfig_logins import LENIENT, LOGINS, Variant

_NO_CA = {"certificate-authority-data": None}
_FRONT = {"server": "{front}", "certificate-authority-data": "{front_ca}"}
_BY_NAME = {"server": "https://api.shop.example:{front_port}", "certificate-authority-data": "{front_ca}"}

_CLUSTERS: Final[Sequence[Variant]] = (
    Variant("a token and a CA"),
    Variant("a CA in a file", cluster={**_NO_CA, "certificate-authority": "{folder}/ca.pem"}),
    Variant("a CA in a relative file", cluster={**_NO_CA, "certificate-authority": "ca.pem"}),
    Variant("a CA in a folder above", cluster={**_NO_CA, "certificate-authority": "../{base}/ca.pem"}),
    Variant(
        "empty CA data beside a CA file",
        cluster={"certificate-authority-data": "", "certificate-authority": "ca.pem"},
    ),
    Variant("CA data over several lines", cluster={"certificate-authority-data": "{wrapped_ca}"}),
    Variant("CA data with blanks", cluster={"certificate-authority-data": "{spaced_ca}"}, differs=LENIENT),
    Variant(
        "a missing CA file", "which cannot be read", cluster={**_NO_CA, "certificate-authority": "none.pem"}
    ),
    Variant("CA data that is not base64", "not base64", cluster={"certificate-authority-data": "a"}),
    Variant(
        "CA data that is no certificate", "cannot be used", cluster={"certificate-authority-data": "c2hvcA=="}
    ),
    Variant("another cluster's CA", "not trusted", cluster={"certificate-authority-data": "{front_ca}"}),
    Variant("no CA", "not trusted", cluster=_NO_CA),
    Variant("the server's own certificate as CA", cluster={"certificate-authority-data": "{leaf}"}),
    Variant(
        "no verification",
        "skips TLS verification",
        cluster={**_NO_CA, "insecure-skip-tls-verify": True},
        differs="TLS is always verified",
    ),
    Variant("verification said", cluster={"insecure-skip-tls-verify": False}),
    Variant("a slash at the end", cluster={"server": "{url}/"}),
    Variant("a server without a scheme", "is not the URL", cluster={"server": "127.0.0.1:{port}"}),
    Variant("no server", "names no `server`", cluster={"server": None}),
    Variant("a server that is none", "is not the URL", cluster={"server": "https://"}),
    Variant("another scheme", "is not the URL", cluster={"server": "ftp://127.0.0.1:{port}"}),
    Variant("a closed port", "refuses connections", cluster={"server": "https://127.0.0.1:1"}),
    Variant("plain HTTP to a TLS port", "asked to list pods", cluster={"server": "http://127.0.0.1:{port}"}),
    Variant(
        "a path before /api",
        cluster={**_FRONT, "server": "{front}/k8s/clusters/c-1"},
        differs="kubectl get --raw leaves the path out",
    ),
    Variant(
        "another cluster's path",
        "it begins with '<html>",
        cluster={**_FRONT, "server": "{front}/k8s/clusters/c-2"},
    ),
    Variant(
        "an IPv6 address",
        cluster={"server": "https://[::1]:{ipv6_port}", "certificate-authority-data": "{front_ca}"},
    ),
    Variant(
        "another name than the certificate's",
        "not trusted",
        cluster={"server": "https://localhost:{port}"},
    ),
    Variant("the certificate's name said", cluster={"tls-server-name": "127.0.0.1"}),
    Variant("another name said", "not trusted", cluster={"tls-server-name": "api.other.example"}),
)
_FILES: Final[Sequence[Variant]] = (
    Variant("an empty second file", kubeconfig="{folder}/config:{folder}/empty"),
    Variant("an empty first file", kubeconfig="{folder}/empty:{folder}/config"),
    Variant("a second file that is not there", kubeconfig="{folder}/config:{folder}/none"),
    Variant(
        "a second file that is broken",
        "is not YAML",
        files={"other": "a: ["},
        kubeconfig="{folder}/config:{folder}/other",
    ),
    Variant("no file there", "there is no such file", kubeconfig="{folder}/none"),
    Variant("UTF-16", encoding="utf-16"),
    Variant("UTF-8 with a byte order mark", encoding="utf-8-sig"),
    Variant("another default context", whole={"current-context": "elsewhere"}),
    Variant("no default context", whole={"current-context": None}),
    Variant("no such context", "has no context 'prod'; it has: shop", named="prod"),
    Variant("no clusters", "has no cluster 'shop'", whole={"clusters": None}),
    Variant("no users", "has no user 'looker'", whole={"users": None}),
    Variant(
        "a cluster that is null", "names no `server`", whole={"clusters": [{"name": "shop", "cluster": None}]}
    ),
    Variant(
        "entries that are null",
        whole={"users": [None, {"name": "looker", "user": {"token": "viewer"}}]},
        differs=LENIENT,
    ),
    Variant("no user in the context", "has no user named", context={"user": None}),
    Variant("a user that is not there", "has no user 'other'", context={"user": "other"}),
    Variant("a cluster that is not there", "has no cluster 'other'", context={"cluster": "other"}),
    Variant(
        "users that are no list", "`users` is not a list", whole={"users": {"looker": {"token": "viewer"}}}
    ),
    Variant("a context with an odd name", named="arn:aws:eks:x:1:cluster/샵 @ä'\""),
)
_PROXIES: Final[Sequence[Variant]] = (
    Variant("a proxy", cluster={**_BY_NAME, "proxy-url": "http://127.0.0.1:{proxy}"}),
    Variant(
        "a proxy with a login",
        cluster={**_BY_NAME, "proxy-url": "http://me:p%40ss%20word@127.0.0.1:{login_proxy}"},
    ),
    Variant(
        "a proxy without its login",
        "the proxy answers 407",
        cluster={**_BY_NAME, "proxy-url": "http://127.0.0.1:{login_proxy}"},
    ),
    Variant("a proxy over TLS", cluster={**_BY_NAME, "proxy-url": "https://127.0.0.1:{tls_proxy}"}),
    Variant(
        "a proxy that is down",
        "the proxy refuses connections",
        cluster={**_BY_NAME, "proxy-url": "http://127.0.0.1:1"},
    ),
    Variant(
        "a proxy of another kind",
        "is not the URL of an http, https or socks5 proxy",
        cluster={**_BY_NAME, "proxy-url": "ftp://127.0.0.1:{proxy}"},
    ),
    Variant("the shell's proxy", cluster=_BY_NAME, process={"HTTPS_PROXY": "http://127.0.0.1:{proxy}"}),
    Variant(
        "the shell's proxy without a scheme", cluster=_BY_NAME, process={"https_proxy": "127.0.0.1:{proxy}"}
    ),
    Variant(
        "the kubeconfig's proxy, whatever NO_PROXY says",
        process={"NO_PROXY": "*"},
        cluster={**_BY_NAME, "proxy-url": "http://127.0.0.1:{proxy}"},
    ),
    Variant("the shell's proxy and a loopback address", process={"HTTPS_PROXY": "http://127.0.0.1:1"}),
)
VARIANTS: Final = (*_CLUSTERS, *LOGINS, *_FILES, *_PROXIES)
