"""What a platform shows on the upgrade: X-Twilio-Signature (twilio.com/docs/usage/security), and the credentials of
Basic authentication (RFC 7617)."""

import base64
import hashlib
import hmac


def twilio_signature(auth_token: bytes, url: str) -> str:
    """Base64 of HMAC-SHA1 over the whole URL that the platform connects to."""
    return base64.b64encode(hmac.new(auth_token, url.encode(), hashlib.sha1).digest()).decode()


def twilio_signed(auth_token: bytes, host: str, path: str, signature: str | None) -> bool:
    """Whether the signature is for this path at this host; the scheme is wss, or ws where TLS ends elsewhere."""
    given = (signature or "").encode()
    return any(
        hmac.compare_digest(twilio_signature(auth_token, f"{scheme}://{host}{path}").encode(), given)
        for scheme in ("wss", "ws", "https")
    )


def basic_shown(credentials: bytes, authorization: str | None) -> bool:
    """Whether the header shows these credentials, `user:password`."""
    scheme, _, given = (authorization or "").partition(" ")
    try:
        shown = base64.b64decode(given.strip(), validate=True)
    except ValueError:
        return False
    return scheme.lower() == "basic" and hmac.compare_digest(credentials, shown)
