"""A service that means harm, or is broken in a way that looks so: every answer ends, and the key is shown nowhere."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from comtrade_stub import KEY, Stub, serving
from minsum.fetch import client as client_module
from minsum.fetch.secret import Censor
from test_fetch import Night, content

pytestmark = pytest.mark.slow


@pytest.fixture
def night(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Night]:
    monkeypatch.setenv("MINSUM_COMTRADE_KEY", KEY)
    with serving() as stub:
        yield Night(tmp_path, stub)


HEAD = b"HTTP/1.1 200 OK\r\n"
OPEN = HEAD + b"Connection: close\r\n\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
MANY = 4_000
"""Pieces of a script: 20 seconds and more, which no test waits for."""
SLOW = {
    "a byte of a header now and then": [HEAD + b"X-Slow: ", *[b"x"] * MANY],
    "a status line that does not end": [b"H"] * MANY,
    "one continue after the other": [b"HTTP/1.1 100 Continue\r\n\r\n"] * MANY,
    "a byte of the body now and then": [OPEN + b"\x1f\x8b", *[b"x"] * MANY],
    "a chunk size that does not end": [CHUNKED, b"5;", *[b"x"] * MANY],
    "trailers without end": [CHUNKED, b"0\r\n", *[b"X: y\r\n"] * MANY],
}


@pytest.mark.parametrize("kind", ["list", "file"])
@pytest.mark.parametrize("script", SLOW)
def test_answers_that_do_not_end(night: Night, kind: str, script: str) -> None:
    night.configure(timeout=0.3, attempts=1, longest_answer=0.5)
    night.stub.publish(156, 2015, content())
    night.stub.scripts = {"slow": SLOW[script]}
    night.stub.faults[kind] = ["slow!"]
    start = time.monotonic()
    report = night.fetch()
    assert report.exit_code == 7
    assert time.monotonic() - start < 5
    assert " s" in str(report.remote) or "bytes in" in str(report.remote)


def test_an_answer_that_is_steady_but_never_ends(night: Night) -> None:
    night.configure(timeout=0.2, attempts=1, longest_answer=0.5)
    night.stub.publish(156, 2015, content())
    night.stub.scripts = {"steady": [OPEN, *[b" " * 500] * MANY]}
    night.stub.faults["list"] = ["steady!"]
    assert "the answer takes more than 0.5 s" in str(night.fetch().remote)


def test_a_list_of_gigabytes(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "MOST_LISTED", 1 << 20)
    night.configure(attempts=2)
    night.stub.scripts = {"large": [OPEN + b'{"data": [', *[b'"' + b"x" * 65_000 + b'",'] * MANY]}
    night.stub.faults["list"] = ["large!"]
    report = night.fetch()
    assert report.exit_code == 7
    assert "more than the 1,048,576 bytes expected" in str(report.remote)
    assert night.stub.n_sent < 2 * 100


@pytest.mark.parametrize("is_sized", [True, False])
def test_a_file_far_over_its_size(
    night: Night,
    is_sized: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("minsum.fetch.download._MOST", 1 << 20)
    night.configure(attempts=1)
    night.stub.listed_sizes = is_sized
    night.stub.publish(156, 2015, content())
    night.stub.scripts = {"over": [OPEN + content(), *[b"\0" * 65_536] * MANY]}
    night.stub.faults["file"] = ["over!"]
    report = night.fetch()
    assert report.exit_code == 3
    assert "bytes expected" in str(report.rejected)
    assert night.stub.n_sent < 100
    assert not night.raw()
    assert not list((night.folder / ".minsum" / "fetch").iterdir())


NOWHERE = [
    "http://[::1", "http://a..b", "http://" + "a" * 300, "http://h:99999999", "http://", "http://:80",
    "ftp://localhost", "http://h\x00st", "http://xn--a", "//", "http://\xff\xfe",
]  # fmt: skip


@pytest.mark.parametrize("place", NOWHERE)
def test_redirects_to_nowhere(night: Night, place: str) -> None:
    night.configure(attempts=1, timeout=2)
    night.stub.publish(156, 2015, content())
    night.stub.elsewhere = place
    night.stub.faults["file"] = ["redirect!"]
    result = night.command("fetch")
    assert result.exit_code == 7
    assert "files could not be downloaded" in result.stderr
    assert "Traceback" not in result.output


def test_redirects_without_end(night: Night) -> None:
    night.configure(attempts=1)
    night.stub.publish(156, 2015, content())
    night.stub.faults["file"] = ["redirect!"]
    assert "more than 3 redirects" in str(night.fetch().remote)
    assert len(night.stub.of_kind("file")) == 4


def test_a_redirect_does_not_carry_the_key_in_its_address(night: Night) -> None:
    night.configure(attempts=1)
    night.stub.publish(156, 2015, content())
    with serving(Stub(key="")) as other:
        night.stub.elsewhere = f"{other.url}/?subscription-key={KEY}&to="
        night.stub.faults["file"] = ["redirect!"]
        report = night.fetch()
        assert "an address that holds the key" in str(report.remote)
        assert not other.calls


def test_the_body_of_a_redirect_is_not_read(night: Night) -> None:
    night.stub.publish(156, 2015, content())
    with serving() as other:
        other.entries, other.files = night.stub.entries, night.stub.files
        [path] = other.files
        head = f"HTTP/1.1 302 Found\r\nLocation: {night.stub.url}{path}\r\n\r\n".encode()
        night.stub.scripts = {"away": [head, *[b"x" * 65_536] * MANY]}
        night.stub.faults["file"] = ["away"]
        assert len(night.summary()["fetched"]) == 1
        assert night.stub.n_sent < 100


ECHOES = {
    "error of a list": [OPEN + json.dumps({"data": [], "error": f"bad key {KEY}"}).encode()],
    "error of a list, escaped": [
        OPEN + json.dumps({"data": [], "error": KEY}).replace("0", "\\u0030").encode()
    ],
    "malformed entries": [
        OPEN + json.dumps({"data": [{"typeCode": "C", "freqCode": "A", "reporterCode": KEY}]}).encode()
    ],
    "an entry that is the key": [OPEN + json.dumps({"data": [KEY]}).encode()],
    "an error page cut in the middle": [
        b"HTTP/1.1 500 Oops\r\nConnection: close\r\n\r\n" + b"<p>" * 1_355 + KEY.encode()
    ],
    "an error page that breaks off": [
        b"HTTP/1.1 500 Oops\r\nContent-Length: 9999\r\n\r\n<b>key:</b> " + KEY[:-9].encode()
    ],
    "capitals": [b"HTTP/1.1 500 Oops\r\nConnection: close\r\n\r\nno: " + KEY.upper().encode()],
    "a status line": [KEY.encode() + b" is bad\r\n\r\n"],
    "malformed headers": [HEAD + b"X: y\r\n" + KEY.encode() + b" and more\r\nConnection: close\r\n\r\n{}"],
}


@pytest.mark.parametrize("script", ECHOES)
def test_a_list_that_echoes_the_key(night: Night, script: str, capfd: pytest.CaptureFixture[str]) -> None:
    night.configure(attempts=1)
    night.stub.scripts = {"echo": ECHOES[script]}
    night.stub.faults["list"] = ["echo!"]
    with pytest.raises(Exception, match=r".") as raised:
        night.work().fetch_plan()
    seen = [night.command("fetch").output, night.command("fetch", "--plan").output, *capfd.readouterr()]
    seen += [repr(raised.value), repr(raised.getrepr(chain=True, funcargs=False, showlocals=False))]
    seen += [path.read_text() for path in night.folder.rglob("*") if path.is_file()]
    assert "error" in seen[0]
    for text in seen:
        for n in (len(KEY), 20):
            assert KEY[:n].lower() not in text.lower()


@pytest.mark.parametrize(
    "body", [b"<html>bad key " + KEY.encode(), gzip.compress(b"")[:10] + b"\0" * 100 + KEY.encode()]
)
def test_an_error_page_in_place_of_a_file_is_not_kept(night: Night, body: bytes) -> None:
    """It breaks off: what had come was kept, to be gone on with."""
    night.configure(attempts=1)
    night.stub.publish(156, 2015, content())
    night.stub.scripts = {"page": [HEAD + b"Content-Length: 999\r\n\r\n", *(body[n : n + 7] for n in range(0, len(body), 7))]}  # fmt: skip
    night.stub.faults["file"] = ["page!"]
    report = night.fetch()
    assert report.exit_code == 3
    assert any(
        reason in str(report.rejected)
        for reason in ("a web page instead of a gzip file", "the file holds the key")
    )
    for path in night.folder.rglob("*"):
        assert not path.is_file() or KEY[:20].encode() not in path.read_bytes()


def test_a_row_key_that_is_the_key_is_no_file_name(night: Night) -> None:
    night.stub.publish(156, 2015, content())
    night.stub.publish(842, 2015, content(reporter=842))["rowKey"] = KEY
    report = night.fetch()
    assert report.exit_code == 3
    assert "it holds the key" in str(report.rejected)
    assert KEY not in "".join(path.name for path in (night.folder / "raw").iterdir())


SENSELESS = [
    {"fileSize": "9" * 400 + " GB"}, {"reporterCode": float("inf")}, {"eTag": 7}, {"timestamp": 7}, {"eTag": "\ud800"},
    {"timestamp": "0001-01-01T00:00:00+14:00"}, {"period": "2" * 5000}, {"rowKey": ["a"]},
]  # fmt: skip


@pytest.mark.parametrize("wrong", SENSELESS, ids=repr)
def test_an_entry_that_makes_no_sense_is_rejected_alone(night: Night, wrong: dict[str, object]) -> None:
    night.stub.publish(156, 2015, content())
    night.stub.publish(842, 2015, content(reporter=842)).update(wrong)
    result = night.command("fetch")
    assert result.exit_code == 3
    assert "rejected: list entry 2 of H4" in result.stderr
    assert night.raw() == ["COMTRADE-FINAL-CA1562015H4[2024-03-10]"]


def test_a_list_that_nests_too_deep(night: Night) -> None:
    night.configure(attempts=1)
    night.stub.scripts = {"deep": [OPEN + b"[" * 200_000]}
    night.stub.faults["list"] = ["deep!"]
    assert "not a JSON object" in str(night.fetch().remote)


@pytest.mark.parametrize(
    ("head", "body"),
    [
        (b"429 Wait\r\nRetry-After: " + b"9" * 400, b""),
        (b"429 Wait\r\nRetry-After: Mon, 01 Jan 9999 00:00:00 GMT", b""),
        (b"429 Wait\r\nRetry-After: Mon, 01 Jan 0001 00:00:00 -9999999", b""),
        (b"403 No", b"Out of call volume quota. Quota will be replenished in 99999999999.03:14:17."),
        (b"403 No", b"Out of call volume quota. Quota will be replenished in 999999999.03:14:17."),
    ],
)
def test_pauses_longer_than_a_life(night: Night, head: bytes, body: bytes) -> None:
    night.configure(attempts=1)
    night.stub.scripts = {"wait": [b"HTTP/1.1 " + head + b"\r\nConnection: close\r\n\r\n" + body]}
    night.stub.faults["list"] = ["wait!"]
    result = night.command("fetch")
    assert result.exit_code == 7
    assert "Traceback" not in result.output


def test_lengths_that_are_no_numbers(night: Night) -> None:
    night.configure(attempts=1)
    night.stub.publish(156, 2015, content())
    night.stub.scripts = {"odd": [HEAD + b"Content-Length: " + b"9" * 5_000 + b"\r\n\r\n" + content()]}
    night.stub.faults["file"] = ["odd!"]
    assert night.fetch().exit_code in (0, 3, 7)


@pytest.mark.parametrize("setting", ["key_file", "base_url", "key_file, a number"])
def test_a_key_in_another_setting_is_not_echoed(night: Night, setting: str) -> None:
    wrong = {
        "key_file": {"key_file": KEY},
        "base_url": {"base_url": f"https://user:{KEY}@comtradeapi.un.org"},
        "key_file, a number": {"key_file": 4213_9876_5432_1098},
    }[setting]
    night.configure(**wrong)
    for command in (["fetch"], ["fetch", "--plan"], ["run"], ["status"]):
        result = night.command(*command)
        assert result.exit_code == 2
        assert setting.partition(",")[0] in result.stderr
        assert KEY not in result.output
        assert "4213987654321098" not in result.output
    assert not list((night.folder / "runs").glob("*"))


def test_a_short_word_as_key_file_is_not_echoed(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MINSUM_COMTRADE_KEY")
    night.configure(key_file="secretword")
    result = night.command("fetch")
    assert result.exit_code == 7
    assert "no Comtrade key" in result.stderr
    assert "secretword" not in result.output


def test_a_key_file_that_cannot_be_read(
    night: Night, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MINSUM_COMTRADE_KEY")
    for file in (str(tmp_path), "~no-such-user/key", "/a/" + "b" * 300, "/a\x00b"):
        night.configure(key_file=file)
        result = night.command("fetch")
        assert result.exit_code == 7, file
        assert "error:" in result.stderr


def test_the_key_is_cut_out_in_every_spelling() -> None:
    censor = Censor(SecretStr('a+b/c&"d=12345'))
    for text in ('x a+b/c&"d=12345 y', "x A%2Bb%2Fc%26%22d%3D12345 y", "x a+b/c&amp;&quot;d=12345 y", 'x a+b/c&\\"d=12345 y'):  # fmt: skip
        assert censor.clean(text) == "x *** y"
    assert censor.clean("cut a+b/c") == "cut ***"
    assert censor.clean("a\tb\ud800\n<c>") == "a b <c>"
