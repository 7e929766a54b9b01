"""A person's proxies: for what leaves this machine, never for our own traffic on it.

Clients read HTTP_PROXY and its like by themselves. Some fail at a kind of proxy that they do not
know, even for an address that NO_PROXY leaves out. So a process that speaks with a server of ours
holds proxies off altogether, but for the moments in which it reaches out.
"""

import ipaddress
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from urllib.parse import urlsplit

VARIABLES = ("no_proxy", "NO_PROXY")
"""Which addresses are asked directly; where both are set, clients read the first."""
NOBODY = "*"
"""Their value where every address is."""
OUTWARDS = "THAWLINE_NO_PROXY"
"""Holds their value for what leaves the machine, in a process that holds proxies off."""
HERE = ("localhost", "127.0.0.1", "::1")
SERVERS = ("MLFLOW_TRACKING_URI", "PREFECT_API_URL")
"""Variables that may name a server on this machine."""


def spared(given: Mapping[str, str]) -> dict[str, str]:
    """What an environment lacks to keep its proxies from this machine's own addresses."""
    if not any(_is_proxy(name) and value for name, value in given.items()):
        return {}
    known = [name.strip() for name in _excepted(given).split(",") if name.strip()]
    if NOBODY in known:
        return dict.fromkeys(VARIABLES, NOBODY)
    named = [host for host in (_host(given.get(name, "")) for name in SERVERS) if is_here(host)]
    return dict.fromkeys(VARIABLES, ",".join(dict.fromkeys([*known, *HERE, *named])))


def hold_off() -> None:
    """Keep this process, and what it starts, from every proxy."""
    if OUTWARDS not in os.environ:
        os.environ[OUTWARDS] = _excepted(os.environ)
        os.environ.update(dict.fromkeys(VARIABLES, NOBODY))


@contextmanager
def reaching_out() -> Iterator[None]:
    """Let this process use a person's proxies again, where it holds them off."""
    outwards = os.environ.pop(OUTWARDS, None)
    if outwards is None:
        yield
        return
    _set(outwards)
    try:
        yield
    finally:
        hold_off()


def is_here(host: str) -> bool:
    """Whether the name of a host says that it is this very machine."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def names_here(address: str) -> bool:
    """As `is_here`, of an address on the web."""
    return is_here(_host(address))


def _set(excepted: str) -> None:
    for name in VARIABLES:
        if excepted:
            os.environ[name] = excepted
        else:
            os.environ.pop(name, None)


def _excepted(given: Mapping[str, str]) -> str:
    return next((given[name] for name in VARIABLES if given.get(name)), "")


def _is_proxy(name: str) -> bool:
    return name.lower().endswith("_proxy") and name not in (*VARIABLES, OUTWARDS)


def _host(address: str) -> str:
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""
