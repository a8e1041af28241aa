"""Segments are gathered, and written in one go; what is told of one is told of no other."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest

from onrecord.base.digests import Domain, commit
from onrecord.base.ids import KeyId, ObjectId, TenantId
from onrecord.signal.encoding import Encoding
from onrecord.storage.ports import StorageFullError
from onrecord.vault.keystore import KeyClass
from onrecord.vault.vault import ObjectRef, Plain
from onrecord.workflow import writing
from onrecord.workflow.writing import AT_ONCE, Writing

SALT = bytes(32)
NEVER_SECONDS = 3600.0


class Vault:
    """Notes what it is given at once; refuses content that says so."""

    def __init__(self):
        self.batches = []

    def write_all(self, tenant, wanted):
        self.batches.append([bytes(each.content) for each in wanted])
        return [self.one(each) for each in wanted]

    def one(self, each):
        if each.content == b"full":
            return StorageFullError("the disk has no room")
        return ObjectRef(ObjectId("obj"), KeyId("key"), len(each.content), 1, b"")


@pytest.fixture
def vault(monkeypatch):
    monkeypatch.setattr(writing, "GATHER_SECONDS", NEVER_SECONDS)
    return Vault()


def write(waiting, content):
    plain = Plain((), KeyClass.AUDIO, b"", content)
    return asyncio.ensure_future(waiting.write(plain, Encoding.PCM16, SALT))


def run(vault, story):
    async def told():
        with ThreadPoolExecutor(1) as executor:
            return await story(Writing(vault, TenantId("t"), executor))

    return asyncio.run(told())


def test_as_many_as_go_at_once_are_written_together(vault):
    async def story(waiting):
        return await asyncio.gather(*(write(waiting, b"%02d" % n) for n in range(AT_ONCE)))

    done = run(vault, story)
    assert vault.batches == [[b"%02d" % n for n in range(AT_ONCE)]]
    assert [each.commitment for each in done] == [commit(Domain.OBJECT, SALT, b"%02d" % n) for n in range(AT_ONCE)]


def test_fewer_wait_for_a_moment(vault, monkeypatch):
    monkeypatch.setattr(writing, "GATHER_SECONDS", 0.0)

    async def story(waiting):
        await asyncio.gather(write(waiting, b"01"), write(waiting, b"02"))
        await write(waiting, b"03")

    run(vault, story)
    assert vault.batches == [[b"01", b"02"], [b"03"]]


def test_nothing_waits_while_somebody_waits_for_it(vault):
    async def story(waiting):
        before = write(waiting, b"01")
        await asyncio.sleep(0)
        with waiting.at_once():
            await before
            await write(waiting, b"02")

    run(vault, story)
    assert vault.batches == [[b"01"], [b"02"]]


def test_one_that_fails_fails_alone(vault):
    async def story(waiting):
        with waiting.at_once():
            tasks = [write(waiting, content) for content in (b"01", b"full", b"03")]
            return await asyncio.gather(*tasks, return_exceptions=True)

    first, failed, last = run(vault, story)
    assert isinstance(failed, StorageFullError)
    assert first.ref.size == last.ref.size == 2


def test_what_nobody_expected_reaches_everyone_who_waits(vault):
    def broken(tenant, wanted):
        raise ZeroDivisionError

    vault.write_all = broken

    async def story(waiting):
        with waiting.at_once():
            return await asyncio.gather(write(waiting, b"01"), write(waiting, b"02"), return_exceptions=True)

    assert [type(each) for each in run(vault, story)] == [ZeroDivisionError, ZeroDivisionError]


def test_whoever_does_not_wait_any_more_keeps_nobody_else_waiting(vault):
    async def story(waiting):
        gone, there = write(waiting, b"01"), write(waiting, b"02")
        await asyncio.sleep(0)
        gone.cancel()
        with waiting.at_once():
            return await there

    assert run(vault, story).ref.size == 2


def test_with_the_threads_gone_everyone_is_told(vault):
    async def told():
        executor = ThreadPoolExecutor(1)
        executor.shutdown()
        waiting = Writing(vault, TenantId("t"), executor)
        with waiting.at_once():
            return await asyncio.gather(write(waiting, b"01"), return_exceptions=True)

    (error,) = asyncio.run(told())
    assert isinstance(error, RuntimeError)
