"""Values are bytes; these make them. For any other format: a function to bytes (`connect(serializer=...)`), and back."""

from __future__ import annotations

import json as _json
from collections.abc import Callable
from typing import Any

Serializer = Callable[[Any], bytes]
"""Makes the bytes of a value or key that is none of bytes, bytearray, memoryview and None."""


def text(value: str) -> bytes:
    """A text as UTF-8."""
    return value.encode()


def json(value: Any) -> bytes:
    """A value as JSON, compact, in UTF-8."""
    return _json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
