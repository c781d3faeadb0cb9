"""Two versions as the ends of a search, and the versions between them."""

import pytest
from dlbench.harness.comparing.version_range import VersionRange, given_between, is_version, listed_between, range_of
from dlbench.results.errors import UsageError
from hypothesis import assume, given
from hypothesis import strategies as st
from packaging.version import Version

SUFFIXES = ("", "", "", "rc1", "a2", ".dev3", ".post1", "+cpu", "rc1+cpu")
VERSIONS = st.builds(
    lambda numbers, suffix: Version(".".join(map(str, numbers)) + suffix),
    st.lists(st.integers(0, 3), min_size=1, max_size=3),
    st.sampled_from(SUFFIXES),
)


def texts(*versions: Version) -> list[str]:
    return [str(version) for version in versions]


def versions(*given: str) -> list[Version]:
    return [Version(text) for text in given]


@pytest.mark.parametrize("text", ["keras==3.10.0", "jax[cuda13] >= 0.5", "a_b.c~=1", "keras!=3", "x<2", "v1,jax==0.5"])
def test_a_requirement_is_a_version(text: str) -> None:
    assert is_version(text)


@pytest.mark.parametrize("text", ["HEAD", "HEAD@{1}", "v1.2", "main~2", "HEAD^", "release/3.10", "a1b2c3d", "x=y"])
def test_a_revision_is_none(text: str) -> None:
    assert not is_version(text)


def test_a_range_is_of_one_package_and_holds_the_others() -> None:
    found = range_of("JAX[cuda13]==0.6.0, keras==3.12", "keras==3.12,jax[cuda13]==0.10")
    assert found == VersionRange("jax[cuda13]", Version("0.6.0"), Version("0.10"), ("keras==3.12",))
    assert found.name == "jax"
    assert found.side(Version("0.7.1")) == ("jax[cuda13]==0.7.1", "keras==3.12")


@pytest.mark.parametrize(
    ("good", "bad", "said"),
    [
        ("keras==3.10.0", "jax==0.6.0", "--good names keras and --bad jax; give two versions of one package"),
        ("jax==0.6", "jax[cuda13]==0.7", r"--good names jax and --bad jax\[cuda13\]"),
        ("keras==3.10.0", "keras==3.10", "--good and --bad are both keras==3.10.0"),
        ("keras==3.15.0", "keras==3.10.0", "--bad keras==3.10.0 does not come after --good keras==3.15.0"),
        ("torch==2.13.0", "torch==2.13.0+cpu", "does not come after"),
        ("keras==3.10,jax==0.6", "keras==3.15,jax==0.7", "differ in keras and jax, and one package is searched"),
        ("keras>=3.10", "keras==3.15", "--good keras>=3.10: an end is one exact version"),
        ("keras==3.10", "keras==3.*", r"--bad keras==3\.\*: an end is one exact version"),
        ("keras==3.10", "keras==3.15; python_version > '3'", "an end is one exact version"),
        ("keras==3.10,v1", "keras==3.15", "--good v1: an end is one exact version"),
        ("keras==3.10,-r x", "keras==3.15", "--good -r x: not a package with a version"),
        ("keras==3.10,keras==3.11", "keras==3.15", "--good names keras twice"),
    ],
)
def test_ends_that_do_not_fit_are_told(good: str, bad: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        range_of(good, bad)


@given(VERSIONS, VERSIONS, st.lists(VERSIONS))
def test_what_lies_between_comes_in_order_and_ends_with_the_bad_one(
    one: Version, other: Version, listed: list[Version]
) -> None:
    good, bad = sorted((one, other))
    assume(Version(good.public) < Version(bad.public))
    found = listed_between(VersionRange("x", good, bad), [*listed, good, bad])
    assert found[-1] == bad
    plain = [Version(version.public) for version in found]
    assert plain == sorted(set(plain))
    wanted = {Version(version.public) for version in (*listed, bad) if good < Version(version.public) <= bad}
    early = good.is_prerelease or bad.is_prerelease
    assert set(plain) == {version for version in wanted if early or not version.is_prerelease} | {plain[-1]}


def test_final_releases_alone_count_unless_an_end_is_none() -> None:
    listed = versions("1.0", "1.1rc1", "1.1", "1.1.post1", "1.2.dev1", "1.2", "1.3rc1")
    final = listed_between(VersionRange("x", Version("1.0"), Version("1.2")), listed)
    assert texts(*final) == ["1.1", "1.1.post1", "1.2"]
    early = listed_between(VersionRange("x", Version("1.0"), Version("1.3rc1")), listed)
    assert texts(*early) == ["1.1rc1", "1.1", "1.1.post1", "1.2.dev1", "1.2", "1.3rc1"]


def test_neighbours_have_nothing_between_them() -> None:
    found = listed_between(VersionRange("x", Version("1"), Version("1.1")), versions("1.0", "1.1", "1.2"))
    assert texts(*found) == ["1.1"]


@pytest.mark.parametrize(("good", "bad", "option"), [("1.0.5", "1.2", "--good"), ("1.0", "1.9", "--bad")])
def test_an_end_that_is_not_there_is_told_with_those_near_it(good: str, bad: str, option: str) -> None:
    with pytest.raises(UsageError, match=rf"{option} x==1\.[09.5]+: the package index has no .*near it are .*1\.2"):
        listed_between(VersionRange("x", Version(good), Version(bad)), versions("1.0", "1.1", "1.2"))


def test_given_versions_need_no_index() -> None:
    found = VersionRange("x", Version("1.0"), Version("2.0"))
    assert texts(*given_between(found, ["1.5,1.2", "1.0,1.5rc1", "2"])) == ["1.2", "1.5rc1", "1.5", "2.0"]
    for wrong, said in (("3", "--versions has 3, which does not lie between"), ("1.x", "received '1.x'")):
        with pytest.raises(UsageError, match=said):
            given_between(found, [wrong])
