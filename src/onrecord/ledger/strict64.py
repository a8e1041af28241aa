"""Base64 with one form for one value (RFC 4648 section 4, padding present, spare bits zero)."""

import binascii

from onrecord.ledger.errors import MalformedError


def encode(data: bytes) -> str:
    return binascii.b2a_base64(data, newline=False).decode("ascii")


def decode(text: str) -> bytes:
    """Errors: MalformedError (base64_malformed) for every text that `encode` would not have made."""
    try:
        data = binascii.a2b_base64(text.encode("ascii"), strict_mode=True)
    except (ValueError, UnicodeEncodeError) as error:
        raise MalformedError("not base64", code="base64_malformed") from error
    if encode(data) != text:
        raise MalformedError("not canonical base64", code="base64_malformed")
    return data
