"""The zip file that a pack is: stored members, fixed headers, one byte form for one list of members.

Source: PKWARE APPNOTE 6.3.10, sections 4.3.7 (local header), 4.3.12 (central directory), 4.3.16 (end record). Every
header field that is free there is fixed here: version 20, no flags, method 0, 1980-01-01 00:00, no extra field, no
comment, made by Unix, mode 0600: what common writers put there too. Sizes are those of the data, so nothing can be
larger than the file that holds it."""

import re
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from zlib import crc32

from onrecord.evidence.errors import DossierError, UnreadablePackError

MAX_BYTES = 1 << 30
MAX_MEMBERS = 60_000
MAX_NAME = 160
FIRST = ("manifest.json", "manifest.note")

_LOCAL = struct.Struct("<4sHHHHHIIIHH")
_CENTRAL = struct.Struct("<4sHHHHHHIIIHHHHHII")
_END = struct.Struct("<4sHHHHIIH")
_LOCAL_MAGIC, _CENTRAL_MAGIC, _END_MAGIC = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"
_VERSION, _NO_FLAGS, _STORED, _TIME, _DATE = 20, 0, 0, 0, 0x0021
_MADE_BY, _ATTRIBUTES = 3 << 8 | 20, 0o600 << 16
_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]*(/[a-z0-9][a-z0-9_.-]*)?")


@dataclass(frozen=True, slots=True)
class Container:
    """`members` in the file's order; `damaged` names those whose checksum (CRC-32) is not that of their bytes."""

    members: Mapping[str, bytes]
    damaged: tuple[str, ...]


def is_name(name: str) -> bool:
    """Lower-case ASCII, at most one folder, no segment that begins with a dot."""
    return len(name) <= MAX_NAME and _NAME.fullmatch(name) is not None


def in_order(names: Iterable[str]) -> list[str]:
    """The manifest and its note, then the rest by code point."""
    return sorted(names, key=lambda name: (FIRST.index(name) if name in FIRST else len(FIRST), name))


def write(members: Mapping[str, bytes]) -> bytes:
    """The one file of these members. Errors: DossierError for a name out of form, too many members or bytes."""
    if len(members) > MAX_MEMBERS or not all(map(is_name, members)):
        raise DossierError("a member's name is out of form, or there are too many")
    headers = _LOCAL.size + _CENTRAL.size
    if _END.size + sum(headers + 2 * len(name) + len(data) for name, data in members.items()) > MAX_BYTES:
        raise DossierError("the pack would be too large")
    return _assemble(members, {name: crc32(data) for name, data in members.items()})


def _assemble(members: Mapping[str, bytes], sums: Mapping[str, int]) -> bytes:
    body, directory = bytearray(), bytearray()
    for name in in_order(members):
        data, raw = members[name], name.encode("ascii")
        offset = len(body)
        head = _VERSION, _NO_FLAGS, _STORED, _TIME, _DATE, sums[name], len(data), len(data), len(raw), 0
        body += _LOCAL.pack(_LOCAL_MAGIC, *head) + raw + data
        directory += _CENTRAL.pack(_CENTRAL_MAGIC, _MADE_BY, *head, 0, 0, 0, _ATTRIBUTES, offset) + raw
    count = len(members)
    return bytes(body + directory + _END.pack(_END_MAGIC, 0, 0, count, count, len(directory), len(body), 0))


def _members(data: bytes) -> tuple[dict[str, bytes], dict[str, int]]:
    """Members, and the checksums that their local headers state."""
    members: dict[str, bytes] = {}
    sums: dict[str, int] = {}
    position = 0
    while data[position : position + 4] == _LOCAL_MAGIC:
        if len(members) == MAX_MEMBERS or len(data) - position < _LOCAL.size:
            raise UnreadablePackError("too many members, or a header is cut off")
        _, *fixed, checksum, packed, size, name_length, extra = _LOCAL.unpack_from(data, position)
        if fixed != [_VERSION, _NO_FLAGS, _STORED, _TIME, _DATE] or packed != size or extra:
            raise UnreadablePackError("a member's header is not the fixed one: only stored members are read")
        start = position + _LOCAL.size + name_length
        name = data[position + _LOCAL.size : start].decode("ascii", "replace")
        position = start + size
        if not is_name(name) or name in members or position > len(data):
            raise UnreadablePackError("a member's name is out of form or stands twice, or its data is cut off")
        members[name], sums[name] = data[start:position], checksum
    return members, sums


def read(data: bytes) -> Container:
    """What `write` made, and only that: any other arrangement of the same members is refused. A wrong checksum is
    reported, not refused, so that the manifest can say which member was changed. Errors: UnreadablePackError."""
    if len(data) > MAX_BYTES:
        raise UnreadablePackError("larger than a pack may be")
    members, sums = _members(data)
    if tuple(members)[:2] != FIRST:
        raise UnreadablePackError("it does not begin with a manifest and its note")
    if _assemble(members, sums) != data:
        raise UnreadablePackError("not the one form of its members: directory, order or trailing bytes differ")
    return Container(members, tuple(name for name, member in members.items() if crc32(member) != sums[name]))
