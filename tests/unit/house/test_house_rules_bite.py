"""Each house rule against planted violations, and against their lawful neighbours."""

from collections.abc import Callable, Iterable

import house_errors
import house_rules
import house_waits
import pytest
from house_allowed import LOG_KEYS
from house_rules import Offence, Source

Rule = Callable[[Source], Iterable[Offence]]
LONG_FUNCTION = "def f():\n" + "    x = 1\n" * 60
RAISES = 'def f():\n    """Errors: ValueError where it is odd."""\n    raise ValueError("odd")\n'

CAUGHT = [
    (house_rules.module_length, "vault/a.py", "x = 1\n" * 301),
    (house_rules.function_length, "vault/a.py", LONG_FUNCTION),
    (house_rules.function_length, "vault/a.py", "async " + LONG_FUNCTION),
    (house_rules.vague_name, "vault/utils.py", ""),
    (house_rules.vague_name, "vault/key_manager.py", ""),
    (house_rules.vague_name, "common/keys.py", ""),
    (house_rules.vague_name, "vault/_helpers.py", ""),
    (house_rules.init_is_a_docstring, "vault/__init__.py", '"""Keys."""\nfrom x import y\n'),
    (house_rules.init_is_a_docstring, "vault/__init__.py", ""),
    (house_rules.init_is_a_docstring, "vault/__init__.py", "x = 1\n"),
    (house_waits.waits, "workflow/a.py", "async def f(d):\n    d.store.delete(1)\n"),
    (house_waits.waits, "workflow/a.py", "async def f(store):\n    if store.records(1):\n        pass\n"),
    (house_waits.waits, "workflow/a.py", "async def f(d):\n    return [each for each in d.objects.names()]\n"),
    (house_rules.wall_clock, "vault/a.py", "import time\nx = time.time()\n"),
    (house_rules.wall_clock, "vault/a.py", "import time\nnow = time.time_ns\n"),
    (house_rules.wall_clock, "vault/a.py", "import time as t\nt.time()\n"),
    (house_rules.wall_clock, "vault/a.py", "from time import time_ns\n"),
    (house_rules.wall_clock, "vault/a.py", "from time import time as t\n"),
    (house_rules.wall_clock, "vault/a.py", "from datetime import datetime\ndatetime.now(UTC)\n"),
    (house_rules.wall_clock, "vault/a.py", "from datetime import datetime as D\nD.utcnow()\n"),
    (house_rules.wall_clock, "vault/a.py", "from datetime import date\ndate.today()\n"),
    (house_rules.wall_clock, "vault/a.py", "import datetime\ndatetime.datetime.now()\n"),
    (house_rules.wall_clock, "vault/a.py", "import datetime as dt\ndt.date.today()\n"),
    (house_rules.wall_clock, "capture/a.py", "import time\ntime.monotonic()\n"),
    (house_rules.wall_clock, "ledger/tree.py", "from time import perf_counter\n"),
    (house_rules.silence, "policy/a.py", "import logging\n"),
    (house_rules.silence, "evidence/a.py", "from structlog import get_logger\n"),
    (house_rules.silence, "ledger/tree.py", "import logging.handlers\n"),
    (house_rules.silence, "capture/a.py", 'print("x")\n'),
    (house_rules.silence, "signal/a.py", 'log.info("x")\n'),
    (house_rules.log_line, "vault/a.py", 'log.info(f"took {call}")\n'),
    (house_rules.log_line, "vault/a.py", 'log.error("took {}".format(call))\n'),
    (house_rules.log_line, "vault/a.py", 'self._log.warning("took " + call)\n'),
    (house_rules.log_line, "vault/a.py", 'logger.debug("took %s" % call)\n'),
    (house_rules.log_line, "vault/a.py", 'log.info("took", call)\n'),
    (house_rules.log_line, "vault/a.py", 'logging.log(10, "took")\n'),
    (house_rules.log_line, "vault/a.py", "log.info(call)\n"),
    (house_rules.log_line, "vault/a.py", 'log.info("a sentence")\n'),
    (house_rules.log_line, "vault/a.py", "log.info()\n"),
    (house_rules.log_line, "vault/a.py", 'structlog.get_logger().bind(a=1).info(f"{x}")\n'),
    (house_rules.log_line, "vault/a.py", 'logging.getLogger("a").exception(str(x))\n'),
    (house_rules.log_line, "vault/a.py", 'log.info("took", phone=phone)\n'),
    (house_rules.log_line, "vault/a.py", 'log.info("took", **fields)\n'),
    (house_rules.log_line, "vault/a.py", 'log.error("took", error=str(error))\n'),
    (house_rules.log_line, "vault/a.py", 'log.error("took", code=error.message)\n'),
    (house_rules.log_line, "vault/a.py", 'log.error("took", code=f"{name}")\n'),
    (house_rules.log_line, "vault/a.py", 'log.error("took", interaction=party.name)\n'),
    (house_rules.log_line, "vault/a.py", 'log.error("took", host=request.headers["host"])\n'),
    (house_rules.log_line, "vault/a.py", 'log.error("took", exc_info=True)\n'),
    (house_rules.log_line, "vault/a.py", 'log.exception("took")\n'),
    (house_rules.log_line, "vault/a.py", 'log.debug("took")\n'),
    (house_rules.logger, "vault/a.py", "from structlog import get_logger\n"),
    (house_rules.logger, "vault/a.py", "from logging import getLogger as g\n"),
    (house_rules.logger, "vault/a.py", 'import structlog as s\nl = s.get_logger("a")\nl.info(name)\n'),
    (house_rules.logger, "vault/a.py", 'import logging\nl = logging.getLogger("a")\n'),
    (house_rules.logger, "vault/a.py", "log = structlog.get_logger(name)\n"),
    (house_rules.logger, "vault/a.py", 'log = structlog.get_logger("a").bind(name=name)\n'),
    (house_rules.logger, "vault/a.py", 'log.bind(name=name).info("took")\n'),
    (house_rules.logger, "vault/a.py", "say = log.info\nsay(name)\n"),
    (house_rules.logger, "vault/a.py", "loop.call_later(1, log.info, name)\n"),
    (house_rules.loud, "vault/a.py", "print(name)\n"),
    (house_rules.loud, "vault/a.py", "emit = print\n"),
    (house_rules.loud, "vault/a.py", "import warnings\n"),
    (house_rules.loud, "entrypoints/cli/a.py", "from traceback import print_exc\n"),
    (house_rules.loud, "vault/a.py", "import sys\nsys.stderr.write(name)\n"),
    (house_rules.builtin_errors, "vault/a.py", RAISES),
    (house_rules.builtin_errors, "vault/a.py", "raise KeyError\n"),
    (house_rules.builtin_errors, "vault/a.py", 'raise Exception("x") from error\n'),
    (house_rules.builtin_errors, "vault/a.py", "raise builtins.RuntimeError\n"),
    (house_rules.builtin_errors, "base/a.py", 'def f():\n    raise ValueError("x")\n'),
    (house_rules.builtin_errors, "base/a.py", 'def f():\n    """Errors: KeyError."""\n    raise ValueError("x")\n'),
    (house_rules.builtin_errors, "vault/a.py", "class LostError(Exception):\n    pass\n"),
    (house_rules.suppression, "a.py", "x = 1  # noqa\n"),
    (house_rules.suppression, "a.py", "x = 1  # noqa: E501\n"),
    (house_rules.suppression, "a.py", "x = 1  # noqa: S105, E501 why\n"),
    (house_rules.suppression, "a.py", "x = 1  # type: ignore\n"),
    (house_rules.suppression, "a.py", "x = 1  # type: ignore  # it is wrong here\n"),
    (house_rules.suppression, "a.py", "x = 1  # type: ignore[arg-type]\n"),
    (house_rules.suppression, "a.py", "# ruff: noqa\n"),
    (house_rules.suppression, "a.py", "x = 1  # pragma: no cover\n"),
    (house_rules.unfinished, "a.py", "# TO" + "DO later\n"),
    (house_rules.unfinished, "a.md", "This is not yet " + "implemented.\n"),
    (house_rules.unfinished, "a.py", "raise NotImplemented" + "Error\n"),
    (house_rules.unfinished, "a.md", "For " + "now it does.\n"),
    (house_rules.machine_path, "a.md", "see /ro" + "ot/notes\n"),
    (house_rules.machine_path, "a.py", 'x = "/wo' + 'rk/main"\n'),
    (house_rules.machine_path, "a.md", "(/ho" + "me/me/x)\n"),
    (house_rules.machine_path, "a.md", "C:" + "\\Users\n"),
]

LAWFUL = [
    (house_rules.module_length, "vault/a.py", "x = 1\n" * 300),
    (house_rules.function_length, "vault/a.py", "def f():\n" + "    x = 1\n" * 59),
    (house_rules.vague_name, "vault/keyring.py", ""),
    (house_rules.vague_name, "capture/manifest.py", ""),
    (house_rules.init_is_a_docstring, "vault/__init__.py", '"""Keys."""\n'),
    (house_rules.init_is_a_docstring, "vault/a.py", "x = 1\n"),
    (
        house_waits.waits,
        "workflow/a.py",
        "async def f(d):\n    await loop.run_in_executor(d.writers, d.store.delete, 1)\n",
    ),
    (
        house_waits.waits,
        "workflow/a.py",
        "async def f(d):\n    def work():\n        d.store.delete(1)\n    return work\n",
    ),
    (house_waits.waits, "workflow/a.py", "def f(d):\n    d.store.delete(1)\n"),
    (house_rules.wall_clock, "base/clock.py", "import time\ntime.time_ns()\n"),
    (house_rules.wall_clock, "vault/a.py", "import time\ntime.monotonic()\nclock.now_ns()\nlive.now(5)\n"),
    (house_rules.wall_clock, "vault/a.py", "from datetime import datetime\ndatetime.fromisoformat(x)\nrow.time\n"),
    (house_rules.silence, "vault/a.py", "import logging\n"),
    (house_rules.silence, "ledger/sequencer.py", "import structlog\n"),
    (house_rules.silence, "policy/a.py", "math.log(5)\ncatalog.info\n"),
    (house_rules.log_line, "vault/a.py", 'log.info("ready", api_port=port)\n'),
    (house_rules.log_line, "vault/a.py", 'log.error("failed", error=type(error).__name__)\n'),
    (house_rules.log_line, "vault/a.py", 'math.log(x + 1)\ncatalog.error(f"{x}")\n'),
    (house_rules.log_line, "vault/a.py", 'log.info("took", code=error.code, interaction=cause.interaction)\n'),
    (house_rules.logger, "vault/a.py", 'import structlog\nlog = structlog.get_logger("a")\nlog.info("took")\n'),
    (house_rules.logger, "vault/a.py", 'd.vault.log("key", 1)\nself.log\ntrial.log.size\nmath.log(5)\n'),
    (house_rules.loud, "entrypoints/cli/a.py", "import sys\nprint(1, file=sys.stderr)\n"),
    (house_rules.loud, "vault/a.py", "import sys\nsys.setswitchinterval(1)\n"),
    (house_rules.builtin_errors, "base/a.py", RAISES),
    (house_rules.builtin_errors, "vault/a.py", "class _Slow(Exception):\n    pass\n\n\nraise _Slow\n"),
    (house_rules.builtin_errors, "vault/a.py", "raise SystemExit(2)\nraise VaultError('x') from error\n"),
    (house_rules.suppression, "a.py", "x = 1  # noqa: S305  (one block of a CMAC)\n"),
    (house_rules.suppression, "a.py", "x = 1  # type: ignore[arg-type]  # the stub is wrong\n"),
    (house_rules.suppression, "a.py", "# ruff: noqa: INP001 - scripts that run from here\n"),
    (house_rules.suppression, "a.py", 'x = "# noqa"\n'),
    (house_rules.unfinished, "a.md", "A token; to do so, for nowhere else. `return NotImplemented`\n"),
    (house_rules.machine_path, "a.md", "/v1/interactions, src/work/x, https://example.org/home/x, $OUT/tmp/x\n"),
]


def named(case: tuple[Rule, str, str]) -> str:
    rule, path, text = case
    return f"{rule.__name__}-{path}-{text[:40]!r}"


@pytest.mark.parametrize("case", CAUGHT, ids=named)
def test_a_violation_is_found(case: tuple[Rule, str, str]) -> None:
    rule, path, text = case
    found = list(rule(Source(path, text)))
    assert found
    assert all(offence.path == path and offence.line >= 1 and offence.what for offence in found)


@pytest.mark.parametrize("case", LAWFUL, ids=named)
def test_what_is_lawful_passes(case: tuple[Rule, str, str]) -> None:
    rule, path, text = case
    assert list(rule(Source(path, text))) == []


def test_every_classified_key_has_a_reason() -> None:
    assert all(key.reason and key.value for key in LOG_KEYS.values())


ERRORS = Source(
    "vault/errors.py",
    "class OnRecordError(Exception):\n    code = 'internal'\n"
    "class VaultError(OnRecordError):\n    code = 'vault'\n"
    "class LostError(errors.VaultError):\n    code: str = 'key_lost'\n",
)
MAKER = "def _lost(track, why):\n    return LostError(why)\n"


def codes(text: str) -> list[str]:
    family = house_errors.family([ERRORS, Source("ledger/errors.py", text)])
    return [offence.what for offence in house_errors.codes(family, {"HeirError"}, {"shared"})]


@pytest.mark.parametrize(
    "text",
    [
        "class AError(VaultError):\n    pass\n",
        "class AError(VaultError):\n    code = 'keyLost'\n",
        "class AError(VaultError):\n    code = 'key-lost'\n",
        "class AError(VaultError):\n    code = ''\n",
        "class AError(VaultError):\n    code = PREFIX + 'lost'\n",
        "class AError(VaultError):\n    code = 'key_lost'\n",
        "class AError(LostError):\n    code = 'vault'\n",
        "class AError(VaultError):\n    code = 'a'\nclass BError(AError):\n    code = 'a'\n",
    ],
)
def test_a_bad_code_is_found(text: str) -> None:
    assert len(codes(text)) == 1


def test_lawful_codes_pass() -> None:
    assert codes("class AError(VaultError):\n    code = 'key_2_lost'\nclass HeirError(AError):\n    pass\n") == []
    assert (
        codes("class AError(VaultError):\n    code = 'shared'\nclass BError(VaultError):\n    code = 'shared'\n") == []
    )
    assert codes("class Stranger(Other):\n    code = 'key_lost'\n") == []


def messages(text: str) -> list[str]:
    source = Source("vault/a.py", MAKER + text)
    family = house_errors.family([ERRORS, source])
    return [offence.what for offence in house_errors.messages(source, family, {("vault/a.py", "LIMIT")})]


@pytest.mark.parametrize(
    "text",
    [
        'raise LostError("The key is lost")\n',
        'raise LostError("")\n',
        'raise LostError("one\\ntwo")\n',
        'raise LostError("the key is lost.")\n',
        "raise LostError()\n",
        "raise LostError\n" + "x = LostError()\n",
        'raise errors.LostError(f"the key of {name} is lost")\n',
        'raise LostError(f"the key {LIMIT} of {name} is lost")\n',
        'raise LostError(message=f"lost {name}")\n',
        'raise LostError("the key of " + name)\n',
        'raise LostError("the key of {}".format(name))\n',
        'raise LostError("the key of %s" % name)\n',
        "raise LostError(str(error))\n",
        "raise LostError(text)\n",
        'raise LostError("lost" if x else f"lost {name}")\n',
        'def f():\n    why = f"lost {name}"\n    raise LostError(why)\n',
        'error = LostError(f"lost {name}")\n',
        'raise _lost(track, f"lost {name}")\n',
        'raise _lost(track, "Lost")\n',
        'raise LostError("lost", code="keyLost")\n',
        'raise LostError("lost", code=f"{x}")\n',
        'raise LostError("lost", code=name)\n',
    ],
)
def test_a_bad_message_is_found(text: str) -> None:
    assert len(messages(text)) == 1


@pytest.mark.parametrize(
    "text",
    [
        'raise LostError("the key is lost") from error\n',
        'raise LostError("`key` is lost", code="key_lost_twice")\n',
        'raise LostError("lost", code="a" if x else "b")\n',
        'raise LostError(f"more than {LIMIT} keys")\n',
        'raise LostError("one" if x else "two")\n',
        'def f():\n    why = "lost"\n    raise LostError(why)\n',
        'raise _lost(f"any {track}", "lost")\n',
        'raise Other(f"{name}")\n',
    ],
)
def test_a_lawful_message_passes(text: str) -> None:
    assert messages(text) == []
