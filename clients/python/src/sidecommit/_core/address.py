"""Where the sidecar is."""

from __future__ import annotations

import os
from dataclasses import dataclass

DEFAULT = "unix:///run/sidecommit/api.sock"
VARIABLE = "SIDECOMMIT_ADDRESS"


@dataclass(frozen=True)
class Target:
    """What a gRPC channel is opened to."""

    name: str
    options: tuple[tuple[str, str | int], ...]


# The sidecar may be away for the time of a restart: look for it often, and wait for no connection for long.
_RECONNECT = (
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 2000),
    ("grpc.max_reconnect_backoff_ms", 1000),
)
_OPTIONS: tuple[tuple[str, str | int], ...] = (
    *_RECONNECT,
    # The subscription says how large a delivery may be.
    ("grpc.max_receive_message_length", -1),
    # The sidecar is on this machine, no proxy is in between.
    ("grpc.enable_http_proxy", 0),
    # Each client has a connection of its own, which close() closes.
    ("grpc.use_local_subchannel_pool", 1),
)


def target(address: str | None = None) -> Target:
    """The address that is given, else that of the environment, else the default.

    Raises:
        ValueError: It is none.
    """
    text = address or os.environ.get(VARIABLE) or DEFAULT
    if text.startswith("unix:"):
        path = text.removeprefix("unix:")
        path = "/" + path.lstrip("/") if path.startswith("/") else path
        if not path:
            raise ValueError(f"address {text!r}: no path after unix:")
        # Some libraries send the path as authority, which proxies do not take.
        return Target(f"unix:{path}", (*_OPTIONS, ("grpc.default_authority", "localhost")))
    name = text.removeprefix("tcp://").removeprefix("http://").rstrip("/")
    host, _, port = name.rpartition(":")
    if not host or not port.isdecimal() or "/" in name:
        raise ValueError(f"address {text!r}: expected unix:///path or host:port")
    return Target(name, _OPTIONS)
