"""The data sets on this machine: their states, getting them, and `dlbench data`."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from dlbench.harness.commands import data as data_command
from dlbench.harness.experiments import datasets
from dlbench.harness.experiments.datasets import (
    ABSENT,
    DAMAGED,
    UNVERIFIED,
    VERIFIED,
    check,
    look,
    obtain,
    obtain_all,
)
from dlbench.harness.experiments.fetch import Report
from dlbench.harness.progress import Silence
from dlbench.results.errors import BrokenError, UsageError
from dlbench.workloads import downloads
from dlbench.workloads.downloads import Download

from .factories import FakeClock
from .small_downloads import FILES, small_downloads


class Notes(Silence):
    """Keeps what is noted."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def note(self, text: str) -> None:
        """Keep a line."""
        self.lines.append(text)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return Keras' folder with the small files in it, and a cache that knows nothing of them."""
    monkeypatch.setenv("DLBENCH_CACHE", str(tmp_path / "cache"))
    with small_downloads(tmp_path / "keras") as kept:
        yield kept


class Network:
    """Stands for the internet: brings the right files, or says why not; counts what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.broken: set[str] = set()

    def fetch(self, download: Download, report: Report) -> Path:
        """Bring a file in two parts."""
        self.asked.append(download.name)
        if download.name in self.broken:
            raise BrokenError(f"could not download {download.name}")
        content = FILES[download.name]()
        report(len(content) // 2, len(content))
        report(len(content), len(content))
        path = downloads.new_path(download)
        path.write_bytes(content)
        return path


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> Network:
    """Return what stands for the internet."""
    made = Network()
    monkeypatch.setattr(datasets, "fetch", made.fetch)
    monkeypatch.setattr(data_command, "fetch", made.fetch)
    return made


MNIST = "mnist.npz"


def mnist() -> Download:
    return downloads.get("mnist")


def test_a_file_is_verified_by_its_hash_and_stays_so_until_it_changes(folder: Path) -> None:
    assert look(mnist()) == UNVERIFIED
    assert check(mnist()) == VERIFIED
    assert look(mnist()) == VERIFIED
    content = (folder / MNIST).read_bytes()
    (folder / MNIST).write_bytes(content[:-1] + b"x")
    assert look(mnist()) == UNVERIFIED
    assert check(mnist()) == DAMAGED
    assert look(mnist()) == DAMAGED


def test_a_file_of_another_size_is_damaged_at_a_glance(folder: Path) -> None:
    (folder / MNIST).write_bytes(b"cut")
    assert look(mnist()) == DAMAGED


def test_a_check_counts_for_the_file_that_was_checked(folder: Path) -> None:
    cifar10 = downloads.get("cifar10")
    assert check(cifar10) == VERIFIED
    (folder / cifar10.files[0]).rename(folder / cifar10.files[1])
    assert look(cifar10) == UNVERIFIED


def test_a_check_counts_for_the_hash_of_today(folder: Path) -> None:
    check(mnist())
    assert look(replace(mnist(), sha256="0" * 64)) == DAMAGED


def test_a_file_that_is_not_here_is_absent(folder: Path) -> None:
    (folder / MNIST).unlink()
    assert look(mnist()) == check(mnist()) == ABSENT


def test_getting_a_file_says_so_before_during_and_after(folder: Path, network: Network) -> None:
    (folder / MNIST).unlink()
    notes, clock = Notes(), FakeClock()

    def slow() -> float:
        clock.spend(datasets.NEWS_S)
        return clock()

    obtain(mnist(), notes, slow)
    first, half, whole, last = notes.lines
    assert first == f"downloading mnist ({datasets.known_size(mnist())}) from {mnist().address}"
    assert half.startswith("mnist: ")
    assert " of " in whole
    assert last == f"mnist: verified, kept in {folder / MNIST}"
    assert look(mnist()) == VERIFIED


def test_a_quick_download_is_not_talked_about(folder: Path, network: Network) -> None:
    notes = Notes()
    obtain(mnist(), notes, FakeClock())
    assert len(notes.lines) == 2


def test_what_is_here_is_not_asked_for_again(folder: Path, network: Network) -> None:
    (folder / MNIST).unlink()
    assert obtain_all(["mnist", "imdb"], Notes()) == {}
    assert obtain_all(["mnist", "imdb"], Notes()) == {}
    assert network.asked == ["mnist"]


def test_one_that_cannot_be_had_does_not_keep_the_others_away(folder: Path, network: Network) -> None:
    for path in folder.iterdir():
        path.unlink()
    network.broken = {"mnist"}
    notes = Notes()
    assert obtain_all(["mnist", "imdb"], notes) == {"mnist": "could not download mnist"}
    assert "could not download mnist" in notes.lines
    assert [path.name for path in folder.iterdir()] == ["imdb.npz"]


# dlbench data


def test_the_list_names_size_state_users_and_origin(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    check(mnist())
    (folder / "imdb.npz").unlink()
    data_command.list_command("table")
    out = capsys.readouterr().out
    lines = {line.split()[0]: line for line in out.splitlines()[1:4]}
    assert "verified" in lines["mnist"]
    assert "mnist_cnn" in lines["mnist"]
    assert "not yet verified" in lines["cifar10"]
    assert "not here" in lines["imdb"]
    assert f"mnist comes from {mnist().address}" in out
    assert f"kept in {folder}" in out


def test_the_list_as_json(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data_command.list_command("json")
    records = json.loads(capsys.readouterr().out)["data_sets"]
    assert [record["name"] for record in records] == list(downloads.names())
    assert records[0] == {
        "name": "mnist",
        "state": UNVERIFIED,
        "size_bytes": len(FILES["mnist"]()),
        "workloads": ["mnist_cnn"],
        "file": str(folder / MNIST),
        "address": mnist().address,
        "sha256": mnist().sha256,
        "licence": mnist().licence,
    }


def test_another_form_is_refused() -> None:
    with pytest.raises(UsageError, match="unknown format 'xml'"):
        data_command.list_command("xml")


def test_verify_tells_what_is_damaged_or_missing_and_what_to_do(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert data_command.verify_command(()) == 0
    assert capsys.readouterr().out.count("verified") == 3
    (folder / MNIST).write_bytes(b"cut")
    (folder / "imdb.npz").unlink()
    assert data_command.verify_command(("cifar10",)) == 0
    capsys.readouterr()
    assert data_command.verify_command(()) == 4
    out = capsys.readouterr().out.splitlines()
    assert out[0].startswith(f"mnist: {folder / MNIST} is damaged")
    assert out[0].endswith("dlbench data fetch mnist")
    assert out[2] == f"imdb: not in {folder}; fetch it with: dlbench data fetch imdb"


@pytest.mark.parametrize("progress", ["plain", "live"])
def test_fetch_gets_what_is_missing_or_damaged_and_leaves_the_rest(
    progress: str, folder: Path, network: Network, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / MNIST).write_bytes(b"cut")
    (folder / "imdb.npz").unlink()
    assert data_command.fetch_command((), progress) == 0
    assert network.asked == ["mnist", "imdb"]
    said = capsys.readouterr()
    assert "cifar10: here and verified" in said.err
    assert f"mnist: verified, kept in {folder / MNIST}" in said.err
    assert said.out == ""
    assert [look(item) for item in downloads.DOWNLOADS] == [VERIFIED] * 3


def test_fetch_goes_on_after_a_failure_and_ends_with_its_status(
    folder: Path, network: Network, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in folder.iterdir():
        path.unlink()
    network.broken = {"cifar10"}
    assert data_command.fetch_command(("mnist,cifar10", "imdb"), "off") == 4
    assert network.asked == ["mnist", "cifar10", "imdb"]
    assert capsys.readouterr().err == "dlbench: could not download cifar10\n"


def test_an_unknown_data_set_is_told_before_anything_is_fetched(folder: Path, network: Network) -> None:
    for command in (
        lambda: data_command.fetch_command(("mnist", "imbd"), "off"),
        lambda: data_command.verify_command(("imbd",)),
    ):
        with pytest.raises(UsageError, match="unknown data set 'imbd'; did you mean 'imdb'"):
            command()
    assert network.asked == []
