import hashlib
import http.server
import json
import time
from pathlib import Path

import pytest
from hostile.parts import changed, sound_parts, write
from loopback import broken, in_turn, status, whole

from d_q_trial import fetch, setting_types
from d_q_trial.download import MissingError, OfflineError, Patience
from d_q_trial.errors import UserError

HASTY = Patience(timeout=0.5, deadline=20, pauses=(0, 0))
TRIAL = Path(__file__).parents[1] / "data" / "trial.yaml"
NAME = "41591_2024_3096_MOESM4_ESM.xlsx"


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")


@pytest.fixture(scope="module")
def content(tmp_path_factory):
    path = tmp_path_factory.mktemp("source") / "sound.xlsx"
    write(path, sound_parts())
    return path.read_bytes()


def left_behind(folder):
    return sorted(path.name for path in folder.iterdir())


def test_workbook_is_stored_with_checksum_and_source(site, content, tmp_path):
    address = site.put(f"/a%20b/{NAME}", whole(content, ETag='"x"', Last_Modified="Mon, 22 Jul 2024 00:00:00 GMT"))
    found = fetch.fetch(address, tmp_path, patience=HASTY)
    digest = hashlib.sha256(content).hexdigest()
    assert found == fetch.Fetched(tmp_path / NAME, digest, address, True, [], None)
    assert found.path.read_bytes() == content
    assert (tmp_path / f"{NAME}.sha256").read_text() == f"{digest}  {NAME}\n"
    source = json.loads((tmp_path / f"{NAME}.source.json").read_text())
    assert (source["address"], source["sha256"], source["etag"]) == (address, digest, '"x"')
    assert left_behind(tmp_path) == [NAME, f"{NAME}.sha256", f"{NAME}.source.json"]


def test_same_content_again_is_said_and_changes_nothing(site, content, tmp_path):
    address = site.put("/a.xlsx", whole(content))
    before = fetch.fetch(address, tmp_path, patience=HASTY).path.stat().st_mtime_ns
    again = fetch.fetch(address, tmp_path, patience=HASTY)
    assert not again.new
    assert again.path.stat().st_mtime_ns == before


def test_other_content_is_never_overwritten_silently(site, content, tmp_path):
    address = site.put("/a.xlsx", whole(content))
    (tmp_path / "a.xlsx").write_bytes(b"mine")
    with pytest.raises(UserError, match="exists with other content"):
        fetch.fetch(address, tmp_path, patience=HASTY)
    assert left_behind(tmp_path) == ["a.xlsx"]
    assert (tmp_path / "a.xlsx").read_bytes() == b"mine"
    assert fetch.fetch(address, tmp_path, patience=HASTY, force=True).new
    assert (tmp_path / "a.xlsx").read_bytes() == content


def test_same_name_from_another_address_gets_a_name_of_its_own(site, content, tmp_path):
    first = fetch.fetch(site.put("/one/a.xlsx", whole(content)), tmp_path, patience=HASTY)
    second = fetch.fetch(site.put("/two/a.xlsx", whole(content)), tmp_path, patience=HASTY)
    assert first.path != second.path
    assert second.path.name.startswith("a-")


def test_broken_download_goes_on_where_it_stopped(site, content, tmp_path):
    page = broken(content, after=1000)
    assert fetch.fetch(site.put("/a.xlsx", page), tmp_path, patience=HASTY).path.read_bytes() == content
    assert page.calls == [0, 1000]
    assert site.asked[1][1]["range"] == "bytes=1000-"
    assert site.asked[1][1]["if-range"] == '"1"'


def test_broken_download_is_kept_for_the_next_run(site, content, tmp_path):
    page = broken(content, after=1000)
    address = site.put("/a.xlsx", page)
    with pytest.raises(UserError, match=r"broke off after 1,000 of .* 1,000 bytes are kept"):
        fetch.fetch(address, tmp_path, patience=Patience(0.5, 20, ()))
    assert left_behind(tmp_path) == ["a.xlsx.part", "a.xlsx.part.json"]
    assert fetch.fetch(address, tmp_path, patience=Patience(0.5, 20, ())).path.read_bytes() == content
    assert page.calls == [0, 1000]
    assert left_behind(tmp_path) == ["a.xlsx", "a.xlsx.sha256", "a.xlsx.source.json"]


def test_file_that_changed_meanwhile_starts_anew(site, content, tmp_path):
    address = site.put("/a.xlsx", broken(b"old" * 1000, after=1000, etag='"old"'))
    with pytest.raises(UserError, match="broke off"):
        fetch.fetch(address, tmp_path, patience=Patience(0.5, 20, ()))
    site.put("/a.xlsx", in_turn(broken(content, after=len(content), etag='"new"')))
    assert fetch.fetch(address, tmp_path, patience=HASTY).path.read_bytes() == content


def test_server_without_ranges_starts_anew(site, content, tmp_path):
    page = broken(content, after=1000, ranges=False)
    assert fetch.fetch(site.put("/a.xlsx", page), tmp_path, patience=HASTY).path.read_bytes() == content


def test_piece_of_another_address_is_not_continued(site, content, tmp_path):
    (tmp_path / "a.xlsx.part").write_bytes(b"x" * 10)
    (tmp_path / "a.xlsx.part.json").write_text('{"address": "http://other/", "validator": "1"}')
    fetch.fetch(site.put("/a.xlsx", whole(content)), tmp_path, patience=HASTY)
    assert "range" not in site.asked[0][1]


def test_weak_etag_is_not_used_to_continue(site, content, tmp_path):
    page = broken(content, after=1000, etag='W/"1"')
    fetch.fetch(site.put("/a.xlsx", page), tmp_path, patience=HASTY)
    assert "range" not in site.asked[1][1]


def test_piece_that_is_refused_is_dropped(site, content, tmp_path):
    address = site.put("/a.xlsx", in_turn(status(416), whole(content)))
    (tmp_path / "a.xlsx.part").write_bytes(content + b"too much")
    (tmp_path / "a.xlsx.part.json").write_text(json.dumps({"address": address, "validator": '"1"'}))
    assert fetch.fetch(address, tmp_path, patience=HASTY).path.read_bytes() == content


def test_continuation_at_the_wrong_place_is_not_appended(site, content, tmp_path):
    wrong = status(206, content[7:], Content_Range=f"bytes 7-{len(content) - 1}/{len(content)}")
    address = site.put("/a.xlsx", in_turn(wrong, whole(content)))
    (tmp_path / "a.xlsx.part").write_bytes(content[:500])
    (tmp_path / "a.xlsx.part.json").write_text(json.dumps({"address": address, "validator": '"1"'}))
    assert fetch.fetch(address, tmp_path, patience=HASTY).path.read_bytes() == content


def test_truncated_body_without_length_is_caught_as_damaged(site, content, tmp_path):
    def answer(handler):
        handler.send_response(200)
        handler.end_headers()
        handler.wfile.write(content[:-100])

    with pytest.raises(UserError, match="truncated"):
        fetch.fetch(site.put("/a.xlsx", answer), tmp_path, patience=HASTY)
    assert left_behind(tmp_path) == []


def test_chunked_body_is_put_together(site, content, tmp_path):
    def answer(handler):
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        for at in range(0, len(content), 999):
            piece = content[at : at + 999]
            handler.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        handler.wfile.write(b"0\r\n\r\n")

    assert fetch.fetch(site.put("/a.xlsx", answer), tmp_path, patience=HASTY).path.read_bytes() == content


def test_silent_server_is_given_up(site, tmp_path):
    address = site.put("/a.xlsx", lambda handler: time.sleep(3))
    begin = time.monotonic()
    with pytest.raises(OfflineError, match=r"no answer for 0\.2 s.*By hand|no answer for 0\.2 s.*by hand"):
        fetch.fetch(address, tmp_path, patience=Patience(0.2, 20, (0,)))
    assert time.monotonic() - begin < 2


def test_server_that_stops_halfway_is_given_up(site, content, tmp_path):
    def answer(handler):
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content[:100])
        time.sleep(3)

    with pytest.raises(UserError, match=r"no data for 0\.2 s"):
        fetch.fetch(site.put("/a.xlsx", answer), tmp_path, patience=Patience(0.2, 20, ()))


@pytest.mark.parametrize("where", ["head", "body"])
def test_trickle_cannot_outlast_the_deadline(site, where, tmp_path):
    def answer(handler):
        if where == "body":
            handler.send_response(200)
            handler.end_headers()
        else:
            handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        for _ in range(100):
            handler.wfile.write(b"x")
            time.sleep(0.05)

    begin = time.monotonic()
    with pytest.raises(UserError, match=r"0\.6 s"):
        fetch.fetch(site.put("/a.xlsx", answer), tmp_path, patience=Patience(0.5, 0.6, (0,)))
    assert time.monotonic() - begin < 2


def test_web_page_with_status_200_is_no_workbook(site, tmp_path):
    page = whole(b"<!DOCTYPE html><html><title>Please log in</title></html>", Content_Type="text/html")
    with pytest.raises(UserError, match=r"a\.xlsx: not an Excel workbook but a web page"):
        fetch.fetch(site.put("/a.xlsx", page), tmp_path, patience=HASTY)
    assert left_behind(tmp_path) == []


def test_redirection_is_followed_and_recorded(site, content, tmp_path):
    address = site.put("/a.xlsx", status(302, Location="/b/other.bin"))
    site.put("/b/other.bin", whole(content))
    found = fetch.fetch(address, tmp_path, patience=HASTY)
    assert found.path.name == "a.xlsx"
    assert json.loads((tmp_path / "a.xlsx.source.json").read_text())["final_address"].endswith("/b/other.bin")


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://127.0.0.1/x", "data:text/plain,x"])
def test_redirection_out_of_the_web_is_not_followed(site, target, tmp_path):
    address = site.put("/a.xlsx", status(302, Location=target))
    with pytest.raises(UserError, match=r"not followed|redirected"):
        fetch.fetch(address, tmp_path, patience=HASTY)


def test_redirection_in_a_circle_ends(site, tmp_path):
    address = site.put("/a.xlsx", status(302, Location="/a.xlsx"))
    with pytest.raises(UserError, match="circle"):
        fetch.fetch(address, tmp_path, patience=HASTY)


@pytest.mark.parametrize(("code", "kind"), [(404, MissingError), (410, MissingError), (403, UserError)])
def test_refusals_are_told_and_not_repeated(site, code, kind, tmp_path):
    with pytest.raises(kind, match=str(code)):
        fetch.fetch(site.put("/a.xlsx", status(code)), tmp_path, patience=HASTY)
    assert len(site.asked) == 1


def test_busy_server_is_asked_again(site, content, tmp_path):
    address = site.put("/a.xlsx", in_turn(status(503), status(429), whole(content)))
    assert fetch.fetch(address, tmp_path, patience=HASTY).new
    assert len(site.asked) == 3


def test_wrong_checksum_stores_nothing(site, content, tmp_path):
    address = site.put("/a.xlsx", whole(content))
    with pytest.raises(UserError, match="not the demanded"):
        fetch.fetch(address, tmp_path, patience=HASTY, sha256="0" * 64)
    with pytest.raises(UserError, match="not the demanded"):
        fetch.fetch(f"{address}#sha256={'0' * 64}", tmp_path, patience=HASTY)
    assert left_behind(tmp_path) == []
    digest = hashlib.sha256(content).hexdigest()
    assert fetch.fetch(f"{address}#sha256={digest}", tmp_path, patience=HASTY).sha256 == digest


def test_file_that_is_too_large_is_refused_before_it_arrives(site, tmp_path):
    def answer(handler):
        handler.send_response(200)
        handler.send_header("Content-Length", str(10**12))
        handler.end_headers()

    with pytest.raises(UserError, match="larger than"):
        fetch.fetch(site.put("/a.xlsx", answer), tmp_path, patience=HASTY)


def _closed_address():
    with http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler) as server:
        return f"http://127.0.0.1:{server.server_port}"


def test_offline_says_what_to_do_by_hand(tmp_path):
    with pytest.raises(OfflineError, match=r"no connection to 127\.0\.0\.1 .*offline\?.*with a browser"):
        fetch.fetch(f"{_closed_address()}/a.xlsx", tmp_path, patience=HASTY)


@pytest.mark.parametrize(
    "address",
    ["a.xlsx", "ftp://x/a.xlsx", "file:///etc/passwd", "https://", "http://[x/a", "http://h/a b", "http://h:99999/"],
)
def test_what_is_no_web_address_is_refused(address, tmp_path):
    with pytest.raises(UserError, match="address"):
        fetch.fetch(address, tmp_path, patience=HASTY)


def test_password_in_an_address_is_not_written_down(tmp_path):
    with pytest.raises(UserError, match="user name or password") as caught:
        fetch.fetch("http://me:secret@127.0.0.1/a.xlsx", tmp_path, patience=HASTY)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("http://h/x/41591_2024_3096_MOESM4_ESM.xlsx", "41591_2024_3096_MOESM4_ESM.xlsx"),
        ("http://h/", "workbook.xlsx"),
        ("http://h/..%2f..%2fetc%2fpasswd", "passwd.xlsx"),
        ("http://h/get?file=a.xlsx", "get.xlsx"),
        ("http://h/My%20data%3B.XLSM", "My_data.XLSM"),
        ("http://h/%2e%2e", "workbook.xlsx"),
        ("http://h/" + "x" * 500 + ".xlsx", "x" * 95 + ".xlsx"),
    ],
)
def test_file_name_comes_from_the_address_and_stays_in_the_folder(address, name):
    assert fetch.file_name(address) == name


class TestSupplement:
    def supplement(self, site, verified=False):
        return fetch.Supplement("the article", "https://doi.org/x", site.address + "/MOESM{n}.xlsx", (1, 5), verified)

    def test_first_workbook_with_participants_wins(self, site, content, tmp_path):
        site.put("/MOESM2.xlsx", whole(b"%PDF-1.4 reporting summary"))
        site.put("/MOESM3.xlsx", whole(content))
        site.put("/MOESM4.xlsx", whole(content))
        said = []
        found = fetch.fetch_first(
            self.supplement(site),
            tmp_path,
            patience=HASTY,
            say=said.append,
            check=lambda path: None if site.asked[-1][0] == "/MOESM4.xlsx" else "no participants here",
        )
        assert found.path.name == "MOESM4.xlsx"
        assert ["404" in said[0], "PDF" in said[1], "no participants" in said[2]] == [True] * 3
        assert len(site.asked) == 4

    def test_workbooks_without_participants_are_kept_and_named(self, site, content, tmp_path):
        site.put("/MOESM3.xlsx", whole(content))
        with pytest.raises(UserError, match=r"a guess.*recognised in: .*MOESM3\.xlsx.*By hand|To do it by hand"):
            fetch.fetch_first(self.supplement(site), tmp_path, patience=HASTY, check=lambda path: "none")
        assert (tmp_path / "MOESM3.xlsx").read_bytes() == content

    def test_offline_ends_the_series_with_the_way_by_hand(self, tmp_path):
        supplement = fetch.Supplement("x", "https://doi.org/x", _closed_address() + "/{n}.xlsx", (1, 5), False)
        said = []
        with pytest.raises(OfflineError, match=r"offline\?.*open https://doi\.org/x.*Supplementary information"):
            fetch.fetch_first(supplement, tmp_path, patience=HASTY, say=said.append)
        assert said == []

    def test_bundled_supplement_is_marked_as_unverified(self):
        bundled = fetch.load_supplement(Path(__file__).parents[1] / "data" / "supplement.yaml")
        assert not bundled.verified
        assert len(bundled.addresses) == 20
        assert all(setting_types.is_address(address) for address in bundled.addresses)
        assert bundled.addresses[3].endswith(f"/{NAME}")

    @pytest.mark.parametrize("text", ["", "title: x", "numbers: [a, b]", "[", "{title: x, article: y, address: z}"])
    def test_file_of_another_kind_is_an_error_of_the_user(self, text, tmp_path):
        path = tmp_path / "supplement.yaml"
        path.write_text(text)
        with pytest.raises(UserError, match="not a list of supplementary addresses"):
            fetch.load_supplement(path)


class TestLocalCopy:
    def test_network_is_used_once(self, site, content, tmp_path):
        address = site.put("/a.xlsx", whole(content))
        first = fetch.local_copy(address, tmp_path, patience=HASTY)
        assert fetch.local_copy(address, tmp_path, patience=HASTY) == first
        assert len(site.asked) == 1

    def test_copy_that_was_edited_is_not_used(self, site, content, tmp_path):
        address = site.put("/a.xlsx", whole(content))
        fetch.local_copy(address, tmp_path, patience=HASTY).write_bytes(b"edited")
        with pytest.raises(UserError, match="was changed after it was fetched"):
            fetch.local_copy(address, tmp_path, patience=HASTY)

    def test_demanded_checksum_is_compared_with_the_copy_too(self, site, content, tmp_path):
        address = site.put("/a.xlsx", whole(content))
        fetch.local_copy(address, tmp_path, patience=HASTY)
        with pytest.raises(UserError, match="not the demanded"):
            fetch.local_copy(f"{address}#sha256={'0' * 64}", tmp_path, patience=HASTY)


@pytest.mark.parametrize(
    ("value", "expected"),
    [("https://x/a.xlsx", True), ("HTTP://x/a", True), ("data/a.xlsx", False), ("httpx.xlsx", False), (None, False)],
)
def test_address_is_told_from_a_file(value, expected):
    assert setting_types.is_address(value) is expected


class TestCommand:
    def run(self, *arguments):
        from d_q_trial.__main__ import main

        return main(["fetch", *arguments])

    def test_help_says_that_the_addresses_are_unverified(self, capsys):
        with pytest.raises(SystemExit) as caught:
            self.run("--help")
        assert caught.value.code == 0
        assert "UNVERIFIED" in capsys.readouterr().out

    def test_workbook_with_participants_is_stored(self, site, content, tmp_path, capsys):
        address = site.put("/a.xlsx", whole(content))
        assert self.run(address, "--folder", str(tmp_path / "raw"), "--trial", str(TRIAL)) == 0
        out = capsys.readouterr().out
        assert hashlib.sha256(content).hexdigest() in out
        assert "stored" in out
        assert "no participants" not in out
        assert f"inspect {tmp_path / 'raw' / 'a.xlsx'}" in out

    def test_workbook_without_participants_is_stored_and_said(self, site, tmp_path, capsys):
        changed(
            tmp_path / "other.xlsx", STRINGS=lambda part: part.replace(b">D+Q<", b">x<").replace(b">Control<", b">y<")
        )
        address = site.put("/a.xlsx", whole((tmp_path / "other.xlsx").read_bytes()))
        assert self.run(address, "--folder", str(tmp_path / "raw"), "--trial", str(TRIAL)) == 0
        assert "no participants of both arms" in capsys.readouterr().out

    def test_failure_is_one_line_and_status_1(self, tmp_path, capsys):
        assert self.run(f"{_closed_address()}/a.xlsx", "--folder", str(tmp_path), "--trial", str(TRIAL)) == 1
        err = capsys.readouterr().err
        assert err.count("\n") == 1
        assert "offline?" in err

    @pytest.mark.parametrize("seconds", ["0", "-1", "nan", "inf", "x"])
    def test_timeout_has_to_be_a_number_of_seconds(self, seconds, capsys):
        with pytest.raises(SystemExit) as caught:
            self.run("--timeout", seconds)
        assert caught.value.code == 2
        assert "--timeout" in capsys.readouterr().err
