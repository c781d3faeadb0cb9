"""Downloads from a server on this machine: what arrives whole is kept, everything else is told and leaves nothing."""

import hashlib
import os
import socket
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread

import pytest
from dlbench.harness.experiments.fetch import CHUNK_BYTES, fetch
from dlbench.results.errors import BrokenError
from dlbench.workloads import downloads
from dlbench.workloads.downloads import Download

from .small_downloads import FILES, small

CONTENT = os.urandom(3 * CHUNK_BYTES + 17)
SHORT_S = 0.2
MANY = 40
"""Times that an answer without an end is sent."""


class Server:
    """Answers as it is told, and counts how often it is asked."""

    def __init__(self) -> None:
        self.content = CONTENT
        self.manner = "whole"
        self.asked = 0
        self.over = Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked += 1
                outer.answer(self)

            def log_message(self, *words: object) -> None:
                """Keep the test's output clean."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        self.address = f"http://127.0.0.1:{self._server.server_port}/file"

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        """Send what the manner says."""
        if self.manner == "missing":
            request.send_error(404)
            return
        request.send_response(200)
        if self.manner not in ("endless", "unsized"):
            request.send_header("Content-Length", str(len(self.content)))
        request.end_headers()
        try:
            if self.manner == "endless":
                for _ in range(MANY):
                    request.wfile.write(self.content)
            elif self.manner in ("cut", "stalled"):
                request.wfile.write(self.content[: len(self.content) // 2])
                request.wfile.flush()
                if self.manner == "stalled":
                    self.over.wait()
            else:
                request.wfile.write(self.content)
        except OSError:
            request.close_connection = True

    def close(self) -> None:
        """End the server and what still waits in it."""
        self.over.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def server() -> Iterator[Server]:
    """Return a server that sends CONTENT."""
    made = Server()
    yield made
    made.close()


@pytest.fixture
def download(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Download:
    """Return a download from that server into an empty folder."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    return Download("tiny", ("tiny.bin",), server.address, hashlib.sha256(CONTENT).hexdigest(), len(CONTENT), "made up")


def ignore(came: int, total: int | None) -> None:
    """Report to nobody."""


def left(download: Download) -> list[str]:
    """Return the names of the files in the folder."""
    return sorted(path.name for path in downloads.new_path(download).parent.iterdir())


def failure(download: Download, stall_s: float = 10.0) -> str:
    """Return what is said of a download that fails."""
    with pytest.raises(BrokenError) as caught:
        fetch(download, ignore, stall_s)
    return str(caught.value)


@pytest.mark.parametrize("manner", ["whole", "unsized"])
def test_what_arrives_whole_is_kept_under_its_name(manner: str, server: Server, download: Download) -> None:
    server.manner = manner
    reports: list[tuple[int, int | None]] = []
    path = fetch(download, lambda came, total: reports.append((came, total)))
    assert path == downloads.new_path(download)
    assert path.read_bytes() == CONTENT
    assert left(download) == ["tiny.bin"]
    assert [came for came, _ in reports] == sorted({came for came, _ in reports})
    assert reports[-1] == (len(CONTENT), len(CONTENT))


def test_nobody_knows_the_size_of_an_unsized_answer(server: Server, download: Download) -> None:
    server.manner = "unsized"
    totals = set()
    fetch(replace(download, size_bytes=None), lambda came, total: totals.add(total))
    assert totals == {None}


def test_a_kept_file_can_be_read_by_others(download: Download) -> None:
    mask = os.umask(0o022)
    try:
        assert fetch(download, ignore).stat().st_mode & 0o777 == 0o644
    finally:
        os.umask(mask)


def test_another_content_is_not_kept(server: Server, download: Download) -> None:
    server.content = CONTENT[:-1] + bytes([CONTENT[-1] ^ 1])
    assert "what came is not the file (another SHA-256)" in failure(download)
    assert left(download) == []


def test_a_short_answer_is_told_with_both_sizes(server: Server, download: Download) -> None:
    server.content = CONTENT[:1000]
    assert f"it ended after 1,000 of {len(CONTENT):,} bytes" in failure(download)
    assert left(download) == []


def test_a_connection_that_breaks_off_is_told(server: Server, download: Download) -> None:
    server.manner = "cut"
    said = failure(download)
    # Python 3.12 says it in words of its own.
    assert f"of {len(CONTENT):,} bytes" in said or "IncompleteRead" in said
    assert left(download) == []


def test_a_connection_that_stalls_is_given_up(server: Server, download: Download) -> None:
    server.manner = "stalled"
    assert "nothing came for 200 ms" in failure(download, SHORT_S)
    assert left(download) == []


def test_an_answer_without_end_is_not_read_to_its_end(server: Server, download: Download) -> None:
    server.manner = "endless"
    most = []
    with pytest.raises(BrokenError, match="not the file"):
        fetch(download, lambda came, total: most.append(came))
    assert max(most) <= len(CONTENT)
    assert left(download) == []


def test_a_file_that_the_server_does_not_have_is_told(server: Server, download: Download) -> None:
    server.manner = "missing"
    assert "the server answered 404 Not Found" in failure(download)


def test_without_a_network_it_says_where_to_copy_the_file(download: Download) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        closed = f"http://127.0.0.1:{free.getsockname()[1]}/file"
        said = failure(replace(download, address=closed))
    assert said == (
        f"could not download tiny from {closed}: Connection refused; fetch it on a machine with internet with "
        f"`dlbench data fetch tiny` and copy the file to {downloads.new_path(download)}"
    )
    assert left(download) == []


def test_a_failed_download_leaves_what_was_there(server: Server, download: Download) -> None:
    path = downloads.new_path(download)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"before")
    server.manner = "cut"
    failure(download)
    assert path.read_bytes() == b"before"
    server.manner = "whole"
    fetch(download, ignore)
    assert path.read_bytes() == CONTENT


def test_an_interrupted_download_leaves_nothing(download: Download) -> None:
    def interrupt(came: int, total: int | None) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch(download, interrupt)
    assert left(download) == []


def test_a_folder_that_cannot_be_written_names_the_way_out(download: Download, tmp_path: Path) -> None:
    (tmp_path / "keras").write_text("a file")
    assert "choose another folder with KERAS_HOME" in failure(download)


@pytest.mark.parametrize("name", ["mnist", "cifar10", "imdb"])
def test_the_real_formats_pass_through(name: str, server: Server, download: Download) -> None:
    wanted = small(downloads.get(name), server.address)
    server.content = FILES[name]()
    assert fetch(wanted, ignore).read_bytes() == server.content
