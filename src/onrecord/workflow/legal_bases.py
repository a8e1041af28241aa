"""Registers on what a tenant's purposes rest beside consent; at admission, what an overlay rests on is looked up."""

import asyncio
from collections.abc import Mapping
from typing import Any

from onrecord.base.ids import TenantId
from onrecord.governance import legal_basis
from onrecord.governance.errors import InvalidLegalBasisError
from onrecord.governance.legal_basis import Basis, LegalBasis
from onrecord.policy.options import INTERESTS, parse_overlay
from onrecord.workflow.deployment import Deployment
from onrecord.workflow.errors import (
    BalancingUnknownError,
    ConflictingLegalBasisError,
    NotFoundError,
    RegisterFullError,
)
from onrecord.workflow.principal import Principal, Scope
from onrecord.workflow.side_records import RecordKind, opened, sealed

MAX_RECORDS = 1000
_GROUP = "legal_basis."


def load(d: Deployment) -> None:
    """What is registered, into memory. Errors: StorageError, VaultError."""
    for record in d.store.records(d.tenant, RecordKind.LEGAL_BASIS):
        found = legal_basis.parse(opened(d.vault, d.tenant, record))
        d.legal_bases[found.id] = found


async def register(d: Deployment, principal: Principal, raw: Mapping[str, Any]) -> tuple[LegalBasis, bool]:
    """The record, and whether it is new. Errors: ForbiddenError, InvalidLegalBasisError, ConflictingLegalBasisError,
    RegisterFullError, StorageError."""
    principal.need(Scope.LEGAL_BASES_WRITE)
    made = legal_basis.parse(raw)
    if not made.is_reviewed(d.clock.now_ns()):
        raise InvalidLegalBasisError("`reviewed_at` is yet to come")
    async with d.registering:
        known = d.legal_bases.get(made.id)
        if known is not None:
            if known != made:
                raise ConflictingLegalBasisError("another assessment stands under this id: a new one is a new record")
            return known, False
        if len(d.legal_bases) >= MAX_RECORDS:
            raise RegisterFullError("the register holds as many legal bases as it may")
        name = d.vault.blind(TenantId(d.tenant), f"legal basis\n{made.id}".encode()).hex()
        record = sealed(d.vault, d.tenant, RecordKind.LEGAL_BASIS, name, made.fixed())
        await asyncio.get_running_loop().run_in_executor(d.writers, d.store.put, d.tenant, [record])
        d.legal_bases[made.id] = made
    return made, True


def relied_on(d: Deployment, overlay: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What a conversation under this overlay rests on, to be kept with it. Errors: InvalidOverlayError;
    BalancingUnknownError where the overlay rests on legitimate interests, or names a balancing test, and there is none
    under that id, or none that is live, or it weighs something else."""
    chosen = parse_overlay(overlay)
    purposes = [
        option.removeprefix(_GROUP)
        for option, choice in chosen.chosen.items()
        if option.startswith(_GROUP) and choice == INTERESTS
    ]
    if chosen.balancing is None and not purposes:
        return []
    found = d.legal_bases.get(chosen.balancing or "")
    if found is None or found.basis is not Basis.LEGITIMATE_INTERESTS or not found.is_live(d.clock.now_ns()):
        raise BalancingUnknownError("no live balancing test of a legitimate interest is registered under this id")
    if not all(found.weighs(purpose) for purpose in purposes):
        raise BalancingUnknownError("the balancing test weighs another purpose")
    return [found.relied_on()]


def listed(d: Deployment) -> list[dict[str, Any]]:
    return [_shown(d, found) for _, found in sorted(d.legal_bases.items())]


def shown(d: Deployment, identifier: str) -> dict[str, Any]:
    """Errors: NotFoundError."""
    found = d.legal_bases.get(identifier)
    if found is None:
        raise NotFoundError("there is no such legal basis")
    return _shown(d, found)


def _shown(d: Deployment, found: LegalBasis) -> dict[str, Any]:
    return {**found.fixed(), "sha256": found.sha256, "live": found.is_live(d.clock.now_ns())}
