"""Segments on their way to the disk: those of all calls that come within a moment are written in one go, by one turn of
a thread and with one durable write of their keys."""

import asyncio
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass, field

from onrecord.base.digests import Domain, commit
from onrecord.base.errors import OnRecordError
from onrecord.base.ids import TenantId
from onrecord.signal.encoding import Encoding
from onrecord.signal.wav import pcm16
from onrecord.vault.vault import ObjectRef, Plain, Vault

GATHER_SECONDS = 0.2
AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class Written:
    """`commitment`: to the samples as PCM16, under the salt given."""

    ref: ObjectRef
    commitment: bytes


@dataclass(frozen=True, slots=True)
class _Waiting:
    plain: Plain
    encoding: Encoding
    salt: bytes
    done: "asyncio.Future[Written]"


_Batch = tuple["asyncio.Future[list[Written | OnRecordError]]", list[_Waiting]]


@dataclass(slots=True)
class Writing:
    """On one event loop at a time. What is gathered is written after GATHER_SECONDS, when it is AT_ONCE segments, and
    without delay while somebody waits."""

    vault: Vault
    tenant: TenantId
    executor: Executor
    _waiting: list[_Waiting] = field(default_factory=list)
    _under_way: list[_Batch] = field(default_factory=list)
    _timer: asyncio.TimerHandle | None = None
    _waited_for: int = 0

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Nothing is gathered meanwhile."""
        self._waited_for += 1
        try:
            self._go()
            yield
        finally:
            self._waited_for -= 1

    async def write(self, plain: Plain, encoding: Encoding, salt: bytes) -> Written:
        """As `Vault.write`, with a commitment. Whoever waits must leave the sound as it is."""
        loop = asyncio.get_running_loop()
        waiting = _Waiting(plain, encoding, salt, loop.create_future())
        self._waiting.append(waiting)
        if len(self._waiting) >= AT_ONCE:
            self._go()
        elif self._timer is None:
            self._timer = loop.call_later(0 if self._waited_for else GATHER_SECONDS, self._go)
        return await waiting.done

    def _go(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        batch, self._waiting = self._waiting, []
        if not batch:
            return
        try:
            task = asyncio.get_running_loop().run_in_executor(self.executor, self._write, batch)
        except Exception as error:  # noqa: BLE001  the executor is shut down, or memory ran out
            _fail(batch, error)
        else:
            self._under_way.append((task, batch))
            task.add_done_callback(lambda _: self._settle())

    def look_again(self) -> None:
        """On the event loop, now and then, in case a wake-up was lost: where memory runs out, one is."""
        self._go()
        self._settle()

    def _settle(self) -> None:
        """Tells those whose batch is done. What fails here fails for them: whoever is not told waits for ever."""
        done = [each for each in self._under_way if each[0].done()]
        for task, batch in done:
            try:
                _tell(batch, _results(len(batch), task))
            except Exception as error:  # noqa: BLE001  memory ran out
                _fail(batch, error)
            self._under_way.remove((task, batch))

    def _write(self, batch: Sequence[_Waiting]) -> list[Written | OnRecordError]:
        refs = self.vault.write_all(self.tenant, [each.plain for each in batch])
        return [
            ref
            if isinstance(ref, OnRecordError)
            else Written(ref, commit(Domain.OBJECT, each.salt, pcm16(each.plain.content, each.encoding)))
            for each, ref in zip(batch, refs, strict=True)
        ]


_Result = Written | BaseException


def _results(count: int, done: "asyncio.Future[list[Written | OnRecordError]]") -> Sequence[_Result]:
    failed = asyncio.CancelledError() if done.cancelled() else done.exception()
    return done.result() if failed is None else [failed] * count


def _fail(batch: Sequence[_Waiting], error: Exception) -> None:
    for each in batch:
        if not each.done.done():
            each.done.set_exception(error)


def _tell(batch: Sequence[_Waiting], results: Sequence[_Result]) -> None:
    """Each that still waits."""
    for each, result in zip(batch, results, strict=True):
        if each.done.done():
            continue
        if isinstance(result, BaseException):
            each.done.set_exception(result)
        else:
            each.done.set_result(result)
