from __future__ import annotations

import pytest

from sidecommit._core.address import target


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("unix:///run/a.sock", "unix:/run/a.sock"),
        ("unix:/run/a.sock", "unix:/run/a.sock"),
        ("127.0.0.1:50051", "127.0.0.1:50051"),
        ("tcp://localhost:1", "localhost:1"),
        ("http://localhost:1/", "localhost:1"),
        ("[::1]:1", "[::1]:1"),
    ],
)
def test_addresses_are_gRPCs_targets(given: str, name: str) -> None:  # noqa: N802
    assert target(given).name == name


@pytest.mark.parametrize("given", ["unix:", "localhost", "localhost:", ":1", "http://host:1/path", "host:port"])
def test_what_is_no_address_is_said_so(given: str) -> None:
    with pytest.raises(ValueError, match="address"):
        target(given)


def test_the_authority_of_a_socket_is_localhost() -> None:
    authority = ("grpc.default_authority", "localhost")
    assert authority in target("unix:///a").options
    assert authority not in target("a:1").options


def test_without_an_address_it_is_the_environments_and_then_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIDECOMMIT_ADDRESS", "a:1")
    assert target().name == "a:1"
    assert target("b:1").name == "b:1"
    monkeypatch.delenv("SIDECOMMIT_ADDRESS")
    assert target().name == "unix:/run/sidecommit/api.sock"
