"""Typed random ids. An id says what it names by its prefix and nothing about whom."""

import os
from typing import NewType

from onrecord.base.draw import block

TenantId = NewType("TenantId", str)
InteractionId = NewType("InteractionId", str)
PersonId = NewType("PersonId", str)
ArtifactId = NewType("ArtifactId", str)
ObjectId = NewType("ObjectId", str)
KeyId = NewType("KeyId", str)

RAW_BYTES = 16


def _random(prefix: str) -> str:
    return f"{prefix}_{os.urandom(RAW_BYTES).hex()}"


def new_interaction_id() -> InteractionId:
    return InteractionId(_random("int"))


def new_person_id() -> PersonId:
    return PersonId(_random("prs"))


def new_artifact_id() -> ArtifactId:
    return ArtifactId(_random("art"))


def new_object_id() -> ObjectId:
    return ObjectId(_random("obj"))


def new_key_id() -> KeyId:
    return KeyId(_random("key"))


def new_uid() -> bytes:
    return block()[:RAW_BYTES]


def raw(identifier: str) -> bytes:
    """The 16 random bytes of an id made here. Errors: ValueError where it is not one."""
    prefix, _, digits = identifier.partition("_")
    value = bytes.fromhex(digits)
    if len(value) != RAW_BYTES or f"{prefix}_{value.hex()}" != identifier:
        raise ValueError("not an id")
    return value
