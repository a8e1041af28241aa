import pytest

from onrecord.base.errors import Disposition, OnRecordError


class RefusedError(OnRecordError):
    code = "refused"
    disposition = Disposition.HALT


def test_an_error_says_its_code_and_its_line() -> None:
    error = RefusedError("a thing is refused")
    assert (error.code, error.message, str(error)) == ("refused", "a thing is refused", "a thing is refused")
    assert error.diagnostics() == "refused: a thing is refused"
    assert error.disposition is Disposition.HALT


def test_a_code_of_its_own_concerns_one_error_alone() -> None:
    assert RefusedError("once", code="refused_once").diagnostics() == "refused_once: once"
    assert RefusedError("again").code == RefusedError.code == "refused"


def test_the_root_is_internal_and_the_callers_fault_unless_said_otherwise() -> None:
    assert (OnRecordError.code, OnRecordError.disposition) == ("internal", Disposition.REFUSE)
    assert issubclass(OnRecordError, Exception)
    with pytest.raises(OnRecordError):
        raise RefusedError("caught by its root")
