"""How deep lists and objects of a JSON text lie in each other, told before it is parsed."""

from __future__ import annotations

_ALIKE = bytes.maketrans(b"{}", b"[]")
_OTHERS = bytes(sorted(set(range(256)) - set(b'[]{}"')))


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
    if b"\\" in body:  # what is left of escapes neither begins nor ends a text
        body = body.replace(b"\\\\", b"").replace(b'\\"', b"")
    left = body.translate(_ALIKE, _OTHERS)
    # Without both quotes of a pair all others begin and end as before.
    left = b"".join(left.replace(b'""', b"").split(b'"')[::2])
    too_deep = b"[" * (most + 1)
    for _ in range(most):  # each round takes the innermost away
        if not left or too_deep in left:
            break
        left = left.replace(b"[]", b"")
    return bool(left)
