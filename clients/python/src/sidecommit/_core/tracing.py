"""OpenTelemetry's context, where its API is installed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

try:
    from opentelemetry import context as _context
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    _propagator: TraceContextTextMapPropagator | None = TraceContextTextMapPropagator()
except ImportError:
    _propagator = None

Metadata = tuple[tuple[str, str], ...]


def metadata() -> Metadata | None:
    """The caller's context, for a call's metadata: traceparent and tracestate."""
    if _propagator is None:
        return None
    carrier: dict[str, str] = {}
    _propagator.inject(carrier)
    return tuple(carrier.items()) or None


@contextmanager
def current(headers: Sequence[tuple[str, bytes | None]]) -> Iterator[None]:
    """Makes the context of a record's headers current."""
    if _propagator is None:
        yield
        return
    carrier = {name: value.decode("ascii", "replace") for name, value in headers if value and name in _FIELDS}
    token = _context.attach(_propagator.extract(carrier, _context.Context()))
    try:
        yield
    finally:
        _context.detach(token)


_FIELDS = ("traceparent", "tracestate")
