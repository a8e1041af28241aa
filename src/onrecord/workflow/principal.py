"""Who speaks: a credential with a source and scopes, and how it is kept."""

import hashlib
import hmac
import os
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from onrecord.workflow.deployment import Deployment
from onrecord.workflow.errors import ForbiddenError, InvalidRequestError, UnauthenticatedError
from onrecord.workflow.side_records import RecordKind, opened, sealed

ANY_SOURCE = "any"
LENT_SECONDS = 12 * 3600
MAX_LENT = 10_000
READY = "ready"
"""The name of the key in the ready file, which ends with the next start."""


class Scope(StrEnum):
    INTERACTIONS_WRITE = "interactions:write"
    EVENTS_WRITE = "events:write"
    ARTIFACTS_WRITE = "artifacts:write"
    RECORD_READ = "record:read"
    CONTENT_READ = "content:read"
    EVIDENCE_READ = "evidence:read"
    POLICY_SET = "policy:set"
    POLICY_REPLAY = "policy:replay"
    REPLAY = "replay"
    STRIP_LEND = "strip:lend"
    KEYS_ADMIN = "keys:admin"
    PERSONS_ERASE = "persons:erase"
    METRICS_READ = "metrics:read"
    SYSTEMS_ADMIN = "systems:admin"
    PROMPTS_WRITE = "prompts:write"
    PROMPTS_READ = "prompts:read"
    PROFILES_WRITE = "profiles:write"
    PROFILES_READ = "profiles:read"
    LEGAL_BASES_WRITE = "legal_bases:write"
    LEGAL_BASES_READ = "legal_bases:read"


@dataclass(frozen=True, slots=True)
class Principal:
    """`source` is what this credential speaks for in the matrix of who may say what; `any` for all of them. `name` is
    its maker's word for it. `interaction`: the only one that it is for; `system`: the capture system that it is for."""

    id: str
    source: str
    scopes: frozenset[Scope]
    name: str | None = None
    interaction: str | None = None
    system: str | None = None

    def need(self, scope: Scope) -> None:
        if scope not in self.scopes:
            raise ForbiddenError(f"this needs the scope `{scope.value}`")


class _Lent(NamedTuple):
    """`until` in nanoseconds of the steady clock."""

    digest: bytes
    principal: Principal
    lender: str
    until: int


class Credentials:
    """All credentials of a deployment, by id. Only a digest of each secret (256 random bits) is stored, sealed."""

    def __init__(self, d: Deployment) -> None:
        self._d = d
        self._known: dict[str, tuple[bytes, Principal]] = {}
        self._lent: dict[str, _Lent] = {}
        for record in d.store.records(d.tenant, RecordKind.CREDENTIAL):
            body = opened(d.vault, d.tenant, record)
            scopes = frozenset(Scope(scope) for scope in body["scopes"])
            principal = Principal(record.id, body["source"], scopes, body.get("name"), system=body.get("system"))
            self._known[record.id] = (bytes.fromhex(body["digest"]), principal)

    def issue(
        self, source: str, scopes: frozenset[Scope], name: str | None = None, system: str | None = None
    ) -> tuple[str, Principal]:
        """The secret key, shown once, and whom it makes. Durable when it returns."""
        identifier, secret = os.urandom(8).hex(), os.urandom(32).hex()
        digest = hashlib.sha256(secret.encode()).digest()
        principal = Principal(identifier, source, scopes, name, system=system)
        body = {"source": source, "scopes": sorted(scopes), "digest": digest.hex(), "name": name, "system": system}
        record = sealed(self._d.vault, self._d.tenant, RecordKind.CREDENTIAL, identifier, body)
        self._d.store.put(self._d.tenant, [record])
        self._known[identifier] = (digest, principal)
        return f"ork_{identifier}_{secret}", principal

    def lend(self, lender: Principal, source: str, scopes: frozenset[Scope], interaction: str) -> str:
        """The secret of a credential for one interaction, which lasts LENT_SECONDS, and no longer than the lender's or
        this process. Of more than MAX_LENT the oldest end."""
        now = self._d.clock.steady_ns()
        while self._lent and (len(self._lent) >= MAX_LENT or next(iter(self._lent.values())).until <= now):
            del self._lent[next(iter(self._lent))]
        identifier, secret = os.urandom(8).hex(), os.urandom(32).hex()
        principal = Principal(identifier, source, scopes, interaction=interaction)
        digest = hashlib.sha256(secret.encode()).digest()
        self._lent[identifier] = _Lent(digest, principal, lender.id, now + LENT_SECONDS * 1_000_000_000)
        return f"ork_{identifier}_{secret}"

    def revoke(self, identifier: str) -> bool:
        self._known.pop(identifier, None)
        return self._d.store.delete(self._d.tenant, RecordKind.CREDENTIAL, identifier)

    def stands(self, identifier: str) -> bool:
        return self._found(identifier) is not None

    def _found(self, identifier: str) -> tuple[bytes, Principal] | None:
        lent = self._lent.get(identifier)
        if lent is not None:
            stands = lent.lender in self._known and lent.until > self._d.clock.steady_ns()
            return (lent.digest, lent.principal) if stands else None
        return self._known.get(identifier)

    def list(self) -> list[Principal]:
        return [principal for _, principal in self._known.values()]

    def authenticate(self, key: str | None) -> Principal:
        """Errors: UnauthenticatedError."""
        parts = (key or "").split("_")
        found = self._found(parts[1]) if len(parts) == 3 and parts[0] == "ork" else None
        if found is not None:
            digest, principal = found
            if hmac.compare_digest(digest, hashlib.sha256(parts[2].encode()).digest()):
                return principal
        raise UnauthenticatedError("no valid key was given")


def scopes_of(words: list[str]) -> frozenset[Scope]:
    try:
        return frozenset(Scope(word) for word in words)
    except ValueError as error:
        raise InvalidRequestError("a scope is not known") from error
