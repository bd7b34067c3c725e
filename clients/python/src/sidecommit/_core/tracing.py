"""OpenTelemetry's context, where its API is installed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from ..v1 import types_pb2

try:
    from opentelemetry import context as _context
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    _propagator: TraceContextTextMapPropagator | None = TraceContextTextMapPropagator()
except ImportError:
    _propagator = None

Metadata = tuple[tuple[str, str], ...]
Headers = Sequence[tuple[str, bytes | None]]


def metadata() -> Metadata | None:
    """The caller's context, for a call's metadata: traceparent and tracestate."""
    if _propagator is None:
        return None
    carrier: dict[str, str] = {}
    _propagator.inject(carrier)
    return tuple(carrier.items()) or None


@contextmanager
def current(headers: Headers) -> Iterator[None]:
    """Makes the context of a record's headers current."""
    if _propagator is None:
        yield
        return
    token = _context.attach(_propagator.extract(_carrier(headers), _context.Context()))
    try:
        yield
    finally:
        _context.detach(token)


def follow(record: types_pb2.Record, headers: Headers) -> None:
    """Lets a record go on with the trace of the headers of the one that it was made of, unless it has one of its own."""
    if _propagator is None or any(header.name == "traceparent" for header in record.headers):
        return
    carrier: dict[str, str] = {}
    _propagator.inject(carrier, _propagator.extract(_carrier(headers), _context.Context()))
    record.headers.extend(types_pb2.Header(name=name, value=value.encode()) for name, value in carrier.items())


def _carrier(headers: Headers) -> dict[str, str]:
    return {name: value.decode("ascii", "replace") for name, value in headers if value and name in _FIELDS}


_FIELDS = ("traceparent", "tracestate")
