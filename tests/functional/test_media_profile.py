"""Standing profiles over media: what is recorded from the first frame on, and what a withdrawal elsewhere cuts off."""

from typing import Any

import httpx
from media_calls import SOUND, Begin, end, play, stream_of
from media_client import account, expected, heard, recordings, same
from serving import Server, Talk

pytest_plugins = ["media_fixtures"]

PURPOSES = [{"purposes": ["recording"], "method": "web_form", "given_at": "2025-05-01T10:00:00Z"}]


def called(client: httpx.Client, begin: Begin, external: str) -> Talk:
    person = client.post("/v1/persons", json={"external_id": external}).json()["person"]
    assert client.put(f"/v1/persons/{person}/profile", json={"consents": PURPOSES}).status_code == 200
    customer: dict[str, Any] = {"role": "customer", "jurisdiction": "IE", "external_id": external}
    return begin(parties=[customer, {"role": "agent", "jurisdiction": "IE"}])


def test_a_profile_records_from_the_first_frame(server: Server, client: httpx.Client, begin: Begin) -> None:
    talk = called(client, begin, "media-first")
    with stream_of(server, talk) as stream:
        play(stream, 0, 12)
        stream.stop()
    end(talk, 12.0)
    same(heard(talk), expected(SOUND, 12.0))
    assert account(talk)["silenced_policy"] == 0


def test_a_withdrawal_by_letter_cuts_every_live_recording_at_its_present(
    server: Server, client: httpx.Client, begin: Begin
) -> None:
    first, second = called(client, begin, "media-cut"), called(client, begin, "media-cut")
    with stream_of(server, first) as one, stream_of(server, second) as two:
        play(one, 0, 7)
        play(two, 0, 9)
        told = client.post("/v1/withdrawals", json={"external_id": "media-cut"})
        assert told.json()["interactions"] == 2
        for stream, start in ((one, 7), (two, 9)):
            play(stream, start, 12)
            stream.stop()
    for talk, cut in ((first, 7.0), (second, 9.0)):
        end(talk, 12.0)
        same(heard(talk), expected(SOUND, 12.0, (cut, 12.0)))
        assert [gap[2] for gap in recordings(talk)["customer"]["gaps"]] == ["consent_withdrawn"]


def test_a_withdrawal_in_one_call_cuts_the_other(server: Server, client: httpx.Client, begin: Begin) -> None:
    first, second = called(client, begin, "media-both"), called(client, begin, "media-both")
    with stream_of(server, second) as stream:
        play(stream, 0, 6)
        first.tell("consent_withdrawn", 3.0, method="verbal")
        play(stream, 6, 12)
        stream.stop()
    end(second, 12.0)
    same(heard(second), expected(SOUND, 12.0, (6.0, 12.0)))
