"""Genesys' signature on the upgrade: the example of its documentation, own vectors, and each way to be refused."""

import base64
import hashlib
import hmac

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onrecord.entrypoints.ingest.httpsignature import COVERED, AudiohookSecret, AudiohookVerifier, read_secret

NOW = 1_800_000_000
KEY, SECRET = "b25yZWNvcmQtdGVzdC1rZXk", bytes(range(32))
TARGET = "/v1/ingest/audiohook?token=abc"
FIELDS = {
    "host": "calls.example.com",
    "audiohook-organization-id": "11111111-2222-4333-8444-555555555555",
    "audiohook-session-id": "66666666-7777-4888-8999-aaaaaaaaaaaa",
    "audiohook-correlation-id": "bbbbbbbb-cccc-4ddd-8eee-ffffffffffff",
    "x-api-key": KEY,
}


def signed(
    *, target=TARGET, secret=SECRET, covered=COVERED, fields=FIELDS, authority=None, order=None, **parameters
) -> dict[str, str]:
    """The upgrade's headers as the platform makes them; a parameter of None is left out."""
    values = {**fields, "@request-target": target, "@authority": authority or fields["host"]}
    given = {"keyid": KEY, "nonce": "n" * 22, "alg": "hmac-sha256", "created": NOW, "expires": NOW + 30, **parameters}
    shown = [f";{k}={v}" if isinstance(v, int) else f';{k}="{v}"' for k, v in given.items() if v is not None]
    over = "({}){}".format(" ".join(f'"{name}"' for name in covered), "".join(shown))
    base = "\n".join([*(f'"{name}": {values[name]}' for name in covered), f'"@signature-params": {over}'])
    made = base64.b64encode(hmac.new(secret, base.encode(), hashlib.sha256).digest()).decode()
    return {**fields, "signature-input": f"sig1={over}", "signature": f"sig1=:{made}:"}


def admits(headers, *, target=TARGET, now=NOW, began=NOW - 60, organization=None):
    clock = [float(began)]
    verifier = AudiohookVerifier(AudiohookSecret(KEY, SECRET, organization), lambda: clock[0])
    clock[0] = float(now)
    return verifier.admits(target, headers)


def test_the_example_of_the_documentation_holds():
    """developer.genesys.cloud/devapps/audiohook/security: published key and secret."""
    api_key = base64.b64encode(b"Hello, I am the API key!").decode()
    verifier = AudiohookVerifier(AudiohookSecret(api_key, b"MySuperSecretKeyTellNo-1!2@3#4$5"), lambda: 1_641_013_200)
    headers = {
        "host": "audiohook.example.com",
        "audiohook-organization-id": "d7934305-0972-4844-938e-9060eef73d05",
        "audiohook-session-id": "30b0e395-84d3-4570-ac13-9a62d8f514c0",
        "audiohook-correlation-id": "e160e428-53e2-487c-977d-96989bf5c99d",
        "x-api-key": api_key,
        "signature": "sig1=:NZBwyBHRRyRoeLqy1IzOa9VYBuI8TgMFt2GRDkDuJh4=:",
        "signature-input": 'sig1=("@request-target" "@authority" "audiohook-organization-id" "audiohook-session-id" '
        f'"audiohook-correlation-id" "x-api-key");keyid="{api_key}";nonce="VGhpc0lzQVVuaXF1ZU5vbmNl";'
        'alg="hmac-sha256";created=1641013200;expires=3282026430',
    }
    assert verifier.admits("/api/v1/voicebiometrics/ws", headers)


def test_what_is_signed_with_our_secret_is_let_in():
    assert admits(signed())
    assert admits(signed(alg=None, expires=None))
    assert admits(signed(covered=tuple(reversed(COVERED))))
    assert admits(signed(covered=(*COVERED, "host")))
    assert admits(signed(), organization=FIELDS["audiohook-organization-id"].upper())


def test_the_port_of_the_scheme_may_stand_in_the_host():
    fields = {**FIELDS, "host": "Calls.Example.com:443"}
    assert admits(signed(fields=fields, authority="calls.example.com"))
    assert not admits(signed(fields={**FIELDS, "host": "calls.example.com:8443"}, authority="calls.example.com"))


@pytest.mark.parametrize("name", [*COVERED, "keyid", "nonce", "created"])
def test_whatever_must_be_there_is_missed(name):
    if name in COVERED:
        assert not admits(signed(covered=[each for each in COVERED if each != name]))
    else:
        assert not admits(signed(**{name: None}))


@pytest.mark.parametrize("name", ["host", *COVERED[2:]])
def test_another_value_than_the_signed_one_is_refused(name):
    headers = signed()
    assert not admits({**headers, name: headers[name] + "0"})
    assert not admits({other: value for other, value in headers.items() if other != name})


@pytest.mark.parametrize(
    "parameters",
    [
        {"secret": bytes(32)},
        {"secret": b""},
        {"keyid": "another"},
        {"nonce": "n" * 21},
        {"alg": "hmac-sha512"},
        {"target": "/v1/ingest/audiohook"},
        {"created": NOW - 11},
        {"created": NOW + 4},
        {"created": "1800000000"},
        {"expires": NOW - 1},
        {"nonce": 1234567890123456},
    ],
)
def test_each_way_to_be_refused(parameters):
    assert not admits(signed(**parameters))


@pytest.mark.parametrize(("created", "let_in"), [(-11, False), (-10, True), (0, True), (3, True), (4, False)])
def test_a_signature_is_fresh_for_ten_seconds(created, let_in):
    assert admits(signed(created=NOW + created)) is let_in


def test_what_was_signed_before_the_verifier_began_is_refused():
    assert not admits(signed(created=NOW - 1), began=NOW)
    assert admits(signed(created=NOW), began=NOW + 0.7, now=NOW + 1)


def test_an_upgrade_is_let_in_once():
    clock = [NOW - 60.0]
    verifier = AudiohookVerifier(AudiohookSecret(KEY, SECRET), lambda: clock[0])
    clock[0] = NOW
    assert verifier.admits(TARGET, signed())
    assert not verifier.admits(TARGET, signed())
    clock[0] = NOW + 9
    assert not verifier.admits(TARGET, signed(created=NOW + 9)), "the nonce is still known"
    assert verifier.admits(TARGET, signed(created=NOW + 9, nonce="m" * 22))
    clock[0] = NOW + 11
    assert verifier.admits(TARGET, signed(created=NOW + 11)), "and forgotten when nothing it signed is fresh"


def test_a_refused_upgrade_uses_up_no_nonce():
    verifier = AudiohookVerifier(AudiohookSecret(KEY, SECRET), lambda: NOW)
    assert not verifier.admits(TARGET, signed(secret=bytes(32)))
    assert verifier.admits(TARGET, signed())


def test_another_organization_is_refused():
    assert not admits(signed(), organization="99999999-2222-4333-8444-555555555555")


@pytest.mark.parametrize(
    "given",
    [
        "",
        "sig1",
        "sig1=()",
        "sig1=(;",
        'sig1=("a);created=1',
        "sig2=();created=1",
        'sig1=("@method";req);created=1',
        'sig1=("x\\"y");created=1',
        "x" * 5000,
    ],
)
def test_fields_out_of_form_are_refused(given):
    assert not admits({**signed(), "signature-input": given})
    assert not admits({**signed(), "signature": given})


def test_two_signatures_or_a_parameter_twice_are_refused():
    headers = signed()
    assert not admits({**headers, "signature-input": f"{headers['signature-input']}, sig2=()"})
    assert not admits({**headers, "signature-input": f"{headers['signature-input']};created={NOW}"})
    assert not admits(signed(covered=(*COVERED, COVERED[0])))


@settings(deadline=None, derandomize=True, max_examples=100)
@given(st.data())
def test_one_character_less_or_other_is_refused(data):
    headers = signed()
    name = data.draw(st.sampled_from(["signature", "signature-input"]))
    at = data.draw(st.integers(0, len(headers[name]) - 1))
    other = data.draw(st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=1))
    changed = headers[name][:at] + other + headers[name][at + 1 :]
    spare = name == "signature" and at == len(changed) - len(other) - 2  # two bits of the last digit carry nothing
    assert spare or changed == headers[name] or not admits({**headers, name: changed})


ENCODED = base64.b64encode(SECRET).decode()
ORGANIZATION = FIELDS["audiohook-organization-id"]


@pytest.mark.parametrize(
    ("raw", "organization"),
    [
        (f"{KEY}\n{ENCODED}\n", None),
        (f"  {KEY}\r\n\r\n{ENCODED}\r\n{ORGANIZATION}", ORGANIZATION),
        (f'{{"api_key": "{KEY}", "client_secret": "{ENCODED}"}}', None),
        (f'{{"api_key": "{KEY}", "client_secret": "{ENCODED}", "organization_id": "{ORGANIZATION}"}}', ORGANIZATION),
    ],
)
def test_a_secret_is_read_from_lines_or_json(raw, organization):
    assert read_secret(raw.encode()) == AudiohookSecret(KEY, SECRET, organization)


@pytest.mark.parametrize(
    "raw",
    [
        "",
        KEY,
        f"{KEY}\nnot base64",
        f"{KEY}\n{base64.b64encode(bytes(15)).decode()}",
        f"{KEY}\n{ENCODED}\na\nb",
        f"two words\n{ENCODED}",
        f"\xe9\n{ENCODED}",
        "{",
        '{"api_key": "a"}',
        f'{{"api_key": 1, "client_secret": "{ENCODED}"}}',
        f'{{"api_key": "a", "client_secret": "{ENCODED}", "organization_id": null}}',
        "[1, 2]",
        '{"a":' * 100_000,
    ],
)
def test_anything_else_holds_no_secret(raw):
    assert read_secret(raw.encode()) is None


def test_a_secret_is_not_shown():
    assert ENCODED not in repr(AudiohookSecret(KEY, SECRET))
    assert repr(SECRET) not in repr(AudiohookSecret(KEY, SECRET))
