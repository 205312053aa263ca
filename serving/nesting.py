"""The shape of a JSON text, told without parsing it."""

from __future__ import annotations

_ALIKE = bytes.maketrans(b"{}", b"[]")
_OTHERS = bytes(sorted(set(range(256)) - set(b'[]{}"')))
_NEITHER = bytes(sorted(set(range(256)) - set(b':"')))


def is_deeper(body: bytes, most: int) -> bool:
    """Say whether lists and objects lie more than so deep in each other.

    All of it is search and replacement of bytes, a tenth of what parsing takes. Of what is no
    JSON it may say either: the parser tells that.

    Parameters
    ----------
    body : bytes
        JSON in UTF-8.
    most : int
        How deep they may lie; ``[]`` is 1 deep.
    """
    if body.count(b"[") + body.count(b"{") <= most:
        return False
    left = _bare(body).translate(_ALIKE, _OTHERS)
    # Without both quotes of a pair all others begin and end as before.
    left = b"".join(left.replace(b'""', b"").split(b'"')[::2])
    too_deep = b"[" * (most + 1)
    for _ in range(most):  # each round takes the innermost away
        if not left or too_deep in left:
            break
        left = left.replace(b"[]", b"")
    return bool(left)


def members(body: bytes) -> int:
    """Return how many names with a value a JSON text's objects have together, twins counted."""
    left = _bare(body).translate(None, _NEITHER)
    return b"".join(left.replace(b'""', b"").split(b'"')[::2]).count(b":")


def _bare(body: bytes) -> bytes:
    """Return a text without its escapes: what is left of them neither begins nor ends a text."""
    if b"\\" not in body:
        return body
    return body.replace(b"\\\\", b"").replace(b'\\"', b"")
