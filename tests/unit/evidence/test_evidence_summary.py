"""The summary page: nothing that runs, nothing from outside, nothing that is not escaped."""

from html.parser import HTMLParser

import pytest
from evidence_case import SIGNER, Story, telling

from onrecord.evidence import container
from onrecord.evidence.summary import clock, shown
from onrecord.evidence.verify import verify

HOSTILE = [
    "<script>alert(1)</script>",
    "\"'><img src=x onerror=alert(1)>",
    "</title></style><script src=//evil.example/x></script>",
    "<svg/onload=alert(1)>",
    "javascript:alert(1)",
    "{{ 7*7 }}{% raw %}",
    "&lt;b&gt;",
    "a\u202eevil\u2066\u200b\u0007\n",
]


class Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.text: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in {"meta", "br", "rect"}:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag != "rect":
            assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def read(pack: bytes) -> tuple[Reader, str]:
    page = container.read(pack).members["summary.html"].decode()
    reader = Reader()
    reader.feed(page)
    reader.close()
    return reader, page


@pytest.fixture(scope="module")
def page() -> tuple[Reader, str]:
    return read(telling(Story()).build())


def inert(reader: Reader) -> None:
    assert not set(reader.tags) & {"script", "iframe", "object", "embed", "link", "img", "a", "form", "base", "input"}
    for name, value in reader.attributes:
        assert not name.startswith("on")
        assert name not in {"src", "href", "srcset", "action", "style", "xlink:href", "data"}
        assert "javascript:" not in value.lower()
    assert reader.open == []


def test_it_is_inert_and_well_formed(page):
    reader, source = page
    inert(reader)
    assert "url(" not in source
    assert "@import" not in source
    assert "http://" not in source
    assert "https://" not in source


def test_it_tells_the_story(page):
    reader, _ = page
    text = " ".join(" ".join(reader.text).split())
    for words in (
        "Mara Feld, +4930000000",
        "Sealed: the count of events is fixed",
        "Consent given",
        "Notice given (as claimed by the platform)",
        "a sensitive part, such as a payment",
        "the person asked that nothing be recorded",
        "Transfer",
        "from: bot; to: agent; carries consent: yes",
        "Content disclosed",
        "retention : nothing deletes by schedule yet",
        SIGNER.verifier.vkey,
    ):
        assert words in text, words


def test_it_draws_kinds_that_were_decided_alike_and_each_track(page):
    reader, source = page
    labels = [value for name, value in reader.attributes if name == "aria-label"]
    assert labels == [
        "Decisions on AI summary, audio recording, transcript", "Decisions on disposition", "Stored sound of customer",
    ]  # fmt: skip
    assert 'x="333.33" y="0" width="166.67" height="16" fill="#c98a1b"' in source
    assert 'x="100.00" y="0" width="233.33" height="16" fill="#1f7a5a"' in source


@pytest.mark.parametrize("value", HOSTILE)
def test_hostile_values_stay_text(value):
    def hostile(kind, t, received=None, /, **data):
        words = {"name", "method", "channel", "prompt_version", "from", "to", "reason_code", "principal"}
        changed = {key: value if key in words else item for key, item in data.items()}
        return add(kind, t, received, **changed)

    story = Story()
    add, story.add = story.add, hostile
    telling(story, name=value)
    pack = story.build()
    reader, source = read(pack)
    inert(reader)
    assert "<script" not in source
    assert "<img" not in source
    assert not set(source) & set("\u202e\u2066\u200b\u0007")
    if value.isprintable() and "\u202e" not in value:
        assert any(value in text for text in reader.text)
    assert verify(pack, SIGNER.verifier.vkey).first_failure in {None, "closed_sound", "closed_derived"}


def test_invisible_characters_stand_as_code_points():
    assert shown("a\u202eb\u0000") == "a[U+202E]b[U+0000]"
    assert shown("Zoë 東京") == "Zoë 東京"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0, "00:00.0"), (-1.0, "00:00.0"), (59.96, "01:00.0"), (3661.25, "1:01:01.2"), (None, "end")],
)
def test_clock(seconds, text):
    assert clock(seconds) == text
