"""Repairs of JSON that clients really send, applied only after a plain decode has failed."""

import re

_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"  # a surrogate pair: kept
    rb"|(u[dD][89a-fA-F][0-9a-fA-F]{2})"  # half of a pair
    rb"|.)",  # any other escape, so that an escaped backslash is never taken for the start of one
    re.DOTALL,
)


def with_paired_surrogates(body: bytes) -> bytes:
    r"""`body` with every lone surrogate escape (`\ud83d`) replaced by `\ufffd`.

    Clients cut strings in the middle of an emoji; strict decoders then refuse the whole body.
    """
    return _ESCAPE.sub(_paired, body)


def _paired(escape: re.Match[bytes]) -> bytes:
    return rb"\ufffd" if escape[1] else escape[0]
