"""MLflow servers and the proxies of the environment (http_proxy): a server on this machine is never asked through one."""

import ipaddress
import os
import urllib.request
from urllib.parse import urlsplit

_NAMES = ("no_proxy", "NO_PROXY")
"""Both are read, the first before the second."""


def pass_the_proxy(uri: str) -> None:
    """Where a server's address is of this machine, add it to `no_proxy`: a proxy elsewhere would look on its own."""
    host = _host(uri)
    if host is not None and _is_here(host):
        listed = next((os.environ[name] for name in _NAMES if os.environ.get(name)), "")
        if host not in listed.split(","):
            os.environ |= dict.fromkeys(_NAMES, ",".join(filter(None, (listed, host))))


def asked_by_proxy(uri: str) -> str:
    """What to add to a failed request's message: that a proxy was asked, and what sends requests past it; empty where none was."""
    host, scheme = _host(uri), urlsplit(uri).scheme
    name = next((name for name in (f"{scheme}_proxy", f"{scheme.upper()}_PROXY", "all_proxy", "ALL_PROXY") if os.environ.get(name)), None)
    if host is None or name is None or urllib.request.proxy_bypass(host):
        return ""
    return f" (asked through the proxy of {name}; if that does not reach the server, add {host} to no_proxy)"


def _host(uri: str) -> str | None:
    """Of an http(s) URI."""
    try:
        return urlsplit(uri).hostname if uri.startswith(("http://", "https://")) else None
    except ValueError:
        return None


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
