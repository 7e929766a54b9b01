"""Seeds that depend on numbers alone."""

import hashlib


def derived_seed(*parts: int) -> int:
    """A seed of 32 bits that depends on all parts, equal on every machine."""
    text = ",".join(str(part) for part in parts)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4])
