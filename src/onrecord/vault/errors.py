"""The vault's errors. Errors of the object store (onrecord.storage.ports) pass through as they are."""

from onrecord.base.errors import Disposition, OnRecordError


class VaultError(OnRecordError):
    code = "vault"


class ErasedError(VaultError):
    """A key was shredded: what it closed can never be opened, and its owner takes nothing new."""

    code = "erased"


class TamperedError(VaultError):
    """Bytes do not authenticate: changed, cut, spliced, or offered under another meaning."""

    code = "tampered"


class KeyMissingError(VaultError):
    """The key store never held this key: it is another or an older one than the data's. Not an erasure."""

    code = "key_missing"
    disposition = Disposition.HALT


class SubjectError(VaultError):
    """A subject is not a random person id, or is the operator where a person is needed."""

    code = "bad_subject"


class KeysBesideDataError(VaultError):
    code = "keys_beside_data"


class KeyFileError(VaultError):
    """The root key file is missing, unreadable, malformed or open to others; `code` says which."""

    code = "key_file_invalid"


class WrongKeyFileError(VaultError):
    """The root key does not open this key store. Nothing was changed."""

    code = "wrong_key_file"


class KmsRefusedError(VaultError):
    """The KMS does not open these bytes under this key and associated data."""

    code = "kms_refused"


class KeyStoreError(VaultError):
    """Not stored; may be tried again."""

    code = "key_store"
    disposition = Disposition.RETRY


class KeyConflictError(KeyStoreError):
    """Another writer was first: read again. Nothing stored."""

    code = "key_conflict"


class KeyStoreUnknownError(VaultError):
    """The write failed and may yet be stored. Every operation of the vault may be repeated after it."""

    code = "key_store_unknown"
    disposition = Disposition.HALT


class KeysLostError(VaultError):
    """The key store or the root key file is not the one that was opened any more: removed, replaced or cut."""

    code = "keys_lost"
    disposition = Disposition.HALT


class KeyStoreInvalidError(VaultError):
    """The key store is no key store, of an unknown version, or open to others; nothing was changed."""

    code = "key_store_invalid"
