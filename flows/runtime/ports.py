"""Ports of this machine, for servers of ours: nobody else reaches them."""

import socket

from components.frame.errors import UnreachableError, UsageError

HOST = "127.0.0.1"
TRIED = 20
"""So many ports, from the usual one on."""


def free(port: int | None, usual: int) -> int:
    """`port` if nobody listens there; without one, the first free of the usual one and the next.

    Raises:
        UsageError: `port` is taken.
        UnreachableError: all of them are.
    """
    tried = range(usual, usual + TRIED) if port is None else [port]
    found = next((one for one in tried if is_free(one)), None)
    if found is not None:
        return found
    if port is not None:
        raise UsageError(f"--port needs a free port, but {port} is taken. Name another one.")
    raise UnreachableError(
        f"A free port is needed, but {usual} to {usual + TRIED - 1} are taken. "
        "Name one with --port."
    )


def is_free(port: int) -> bool:
    """Whether nobody listens there."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True
