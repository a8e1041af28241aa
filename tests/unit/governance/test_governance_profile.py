"""Standing profiles: what of a consent is left, for how long, after which withdrawals."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onrecord.base.clock import rfc3339
from onrecord.governance.errors import InvalidProfileError
from onrecord.governance.profile import Given, Profile, Standing, Withdrawal, decoded, encoded, parse_consents
from onrecord.policy.purposes import CONVERSATION, Purpose

ALL = frozenset(Purpose)
NOW = 1_000


def agreed(*purposes: str, at: int = 10, expires: int | None = None) -> Given:
    return Given(tuple(purposes), "email", at, expires)


def test_a_consent_lasts_until_it_expires() -> None:
    mine = agreed("recording", expires=50)
    profile = Profile((mine,))
    assert [profile.standing(mine, at) for at in (49, 50)] == [Standing.LIVE, Standing.EXPIRED]
    assert profile.states(49) == dict.fromkeys(("ai_analysis", "recording", "transcription"), "live")
    assert profile.withdrawn() == frozenset()


def test_a_withdrawal_takes_what_was_given_before_it_or_with_it() -> None:
    before, same, after = (agreed("recording", at=at) for at in (9, 10, 11))
    profile = Profile((before, same, after), (Withdrawal(10),))
    assert [profile.standing(each, NOW).value for each in profile.consents] == ["withdrawn", "withdrawn", "live"]
    assert profile.withdrawn() == ALL - CONVERSATION


def test_a_scope_takes_its_part() -> None:
    mine = agreed("recording", "training")
    profile = Profile((mine,), (Withdrawal(20, ("training",)),))
    assert profile.left(mine) == {Purpose.RECORDING, *CONVERSATION} - {Purpose.TRAINING}
    assert profile.standing(mine, NOW) is Standing.LIVE
    assert profile.states(NOW)["training"] == "withdrawn"


def test_a_word_that_is_not_known_takes_everything() -> None:
    mine = agreed("recording")
    assert Profile((mine,), (Withdrawal(20, ("whatever",)),)).withdrawn() == ALL


def test_what_expired_since_does_not_bring_a_withdrawal_back() -> None:
    profile = Profile((agreed("training", at=30, expires=40),), (Withdrawal(20, ("training",)),))
    assert profile.withdrawn() == frozenset()
    assert profile.states(NOW) == {"training": "expired"}


purposes = st.lists(st.sampled_from([purpose.value for purpose in Purpose]), min_size=1, max_size=3).map(tuple)
consents = st.lists(
    st.builds(Given, purposes, st.just("email"), st.integers(0, 9), st.none() | st.integers(10, 20)), max_size=4
)
withdrawals = st.lists(st.builds(Withdrawal, st.integers(0, 12), st.none() | purposes), max_size=4)


@settings(deadline=None, derandomize=True, max_examples=200)
@given(consents, withdrawals, st.builds(Withdrawal, st.integers(0, 12), st.none() | purposes), st.integers(0, 25))
def test_one_withdrawal_more_only_takes(
    given_: list[Given], taken: list[Withdrawal], more: Withdrawal, now: int
) -> None:
    before, after = Profile(tuple(given_), tuple(taken)), Profile(tuple(given_), (*taken, more))
    for each in given_:
        assert after.left(each) <= before.left(each)
    assert after.withdrawn() >= before.withdrawn()
    live = {purpose for purpose, state in after.states(now).items() if state == "live"}
    assert live <= {purpose for purpose, state in before.states(now).items() if state == "live"}


@settings(deadline=None, derandomize=True, max_examples=100)
@given(consents)
def test_what_is_kept_is_what_was_given(given_: list[Given]) -> None:
    assert [decoded(encoded(each)) for each in given_] == given_


def test_given_now_where_it_does_not_say_when() -> None:
    (mine,) = parse_consents([{"purposes": ["video", "recording", "video"], "method": "chat"}], NOW)
    assert (mine.given_at, mine.purposes) == (NOW, ("recording", "video"))


def test_a_consent_by_a_clock_that_is_ahead_is_given_now() -> None:
    """So that what is taken back a moment later is."""
    (mine,) = parse_consents(
        [{"purposes": ["recording"], "method": "chat", "given_at": rfc3339(NOW + 200 * 10**9)}], NOW
    )
    assert Profile((mine,), (Withdrawal(NOW + 1),)).standing(mine, NOW + 2) is Standing.WITHDRAWN


@pytest.mark.parametrize("method", ["continued", "stored_profile", "", None, 7])
def test_only_who_said_yes_has_agreed_for_good(method: object) -> None:
    with pytest.raises(InvalidProfileError):
        parse_consents([{"purposes": ["recording"], "method": method}], NOW)


def test_there_is_an_end_to_it() -> None:
    with pytest.raises(InvalidProfileError):
        parse_consents([{"purposes": ["recording"], "method": "chat"}] * 51, NOW)
