"""docs/design/format.md followed by hand, from the bytes of the key file to the plaintext."""

import hmac
import json
import sqlite3

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from onrecord.vault.keystore import KeyClass
from onrecord.vault.localkms import store_file
from onrecord.vault.xaes import Xaes


def aad_of(row, version):
    value = ["onrecord/key/v1", row["kind"], row["id"], row["tenant"], row["owner"], row["class"]]
    value += [row["parents"].split(), version]
    return json.dumps(value, separators=(",", ":")).encode()


def derive(keys, use, names):
    return HKDF(hashes.SHA256(), 32, None, f"onrecord/{use}/v1 {names}".encode()).derive(b"".join(keys))


class Reader:
    def __init__(self, key_file):
        header, line = key_file.read_text().splitlines()
        number, digits = line.split(" ")
        assert (header, number) == ("onrecord-root-key-v1", "1")
        self.root = bytes.fromhex(digits)
        self.db = sqlite3.connect(store_file(key_file))
        self.db.row_factory = sqlite3.Row

    def row(self, identifier):
        return self.db.execute("SELECT * FROM keys WHERE id = ?", (identifier,)).fetchone()

    def root_unwrap(self, wrapped, aad):
        assert wrapped[:4] == bytes([0, 0, 0, 1])
        return Xaes(self.root).open(b"onrecord/root/v1\0root\0" + wrapped[:4] + aad, wrapped[4:])

    def key(self, identifier):
        row = self.row(identifier)
        version, wrapped = int.from_bytes(row["slot"][:4], "big"), row["slot"][4:]
        if not row["parents"]:
            return self.root_unwrap(wrapped, aad_of(row, version))
        above = [self.key(parent) for parent in row["parents"].split()]
        return Xaes(derive(above, "wrap", row["parents"])).open(aad_of(row, version), wrapped)


def test_everything_opens_by_the_written_format(disk, tenant, persons):
    sealed = disk.vault.seal(tenant, persons, KeyClass.EVENT, b"aad", b"payload")
    ref = disk.vault.write(tenant, persons[:2], KeyClass.AUDIO, b"meta", b"sound")
    person = disk.vault.person_for(tenant, b"crm:4711")
    seed = disk.vault.signing_seed(tenant)
    reader = Reader(disk.key_file)

    check = reader.db.execute("SELECT value FROM meta WHERE name = 'check'").fetchone()[0]
    assert reader.root_unwrap(check, b"onrecord/check/v1") == disk.keys.deployment_id.encode()

    keys = [reader.key(name) for name in sealed.keys.split(" ")]
    assert Xaes(derive(keys, "seal", sealed.keys)).open(b"aad", sealed.blob) == b"payload"

    data, header = disk.objects.get(ref.object_id), disk.objects.get(ref.object_id, 0, 15)
    digest = hashes.Hash(hashes.SHA256())
    digest.update(b"onrecord/chunks/v1".ljust(24, b"\0") + header + b"meta")
    nonce = header[8:] + bytes(4) + b"\x01"
    assert AESGCM(reader.key(ref.key_id)).decrypt(nonce, data[15:], digest.finalize()) == b"sound"

    rows = {row["kind"]: row["id"] for row in reader.db.execute("SELECT kind, id FROM keys WHERE owner = ?", (tenant,))}
    assert reader.key(rows["signing"]) == seed
    tag = hmac.digest(reader.key(rows["index"]), b"crm:4711", "sha256")
    found = reader.db.execute("SELECT person FROM tags WHERE tag = ?", (tag,)).fetchone()[0]
    assert found == person
    reader.db.close()
