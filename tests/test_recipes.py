"""Recipes: what is installed for a backend, and how a package of the user's takes the place of one."""

import tomllib
from pathlib import Path

import dlbench
import pytest
from dlbench.backends.catalog import BACKENDS
from dlbench.harness.environments.recipes import BASE, KINDS, RECIPES, index_of, name_of, requirements
from dlbench.results.errors import UsageError
from hypothesis import given
from hypothesis import strategies as st

ROOT = Path(dlbench.__file__).resolve().parent


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("backend", BACKENDS, ids=lambda backend: backend.name)
def test_every_backend_has_a_recipe_that_brings_its_package(backend: object, kind: str) -> None:
    found = RECIPES[backend.name][kind]  # type: ignore[attr-defined]
    assert backend.distribution in {name_of(package) for package in found.packages}  # type: ignore[attr-defined]


def test_the_limits_are_those_of_the_package() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    for backend, kinds in RECIPES.items():
        assert list(kinds["cpu"].packages) == extras[backend]
    assert all(extras["gpu"][0] in kinds["cuda"].packages for kinds in RECIPES.values())


def test_a_package_of_the_users_takes_the_place_of_the_recipes() -> None:
    found = requirements(("jax",), "cpu", ("jax[cuda12]==0.6.0", "keras==3.10.0", "optax"))
    assert found.packages == ("numpy>=1.26", "jax[cuda12]==0.6.0", "keras==3.10.0", "optax")
    assert found.indexes == ()


def test_torch_for_cpus_is_looked_for_in_an_index_of_its_own() -> None:
    assert requirements(("torch",), "cpu", ()).indexes == ("https://download.pytorch.org/whl/cpu",)
    assert requirements(("torch",), "cuda", ()).indexes == ()
    both = requirements(("jax", "torch"), "cpu", ())
    assert both.packages == (*BASE, "jax>=0.5", "torch>=2.6")


@pytest.mark.parametrize(
    ("package", "build"),
    [
        ("torch==2.13.0+cpu", "cpu"),
        ("torchaudio==2.6.0+cu128", "cu128"),
        ("torch==2.9.1+rocm6.4", "rocm6.4"),
        ("torch==2.9.1+xpu", "xpu"),
        ("torch==2.13.0", None),
        ("torch-scatter==2.1.2+pt25cpu", None),
        ("jaxlib==0.4.30+cuda12.cudnn91", None),
        ("mine==1.0+cpu", None),
    ],
)
def test_a_local_version_tells_the_index_of_pytorchs_packages_alone(package: str, build: str | None) -> None:
    assert index_of(package) == (f"https://download.pytorch.org/whl/{build}" if build else None)


def test_without_a_backend_there_is_only_what_was_asked_for() -> None:
    assert requirements((), "cpu", ("numpy",)).packages == ("numpy",)


@pytest.mark.parametrize(
    ("backends", "kind", "given", "said"),
    [
        ((), "cpu", (), "what should it hold"),
        (("jax",), "gpu", (), "unknown recipe 'gpu'"),
        (("jxa",), "cpu", (), "did you mean 'jax'"),
        (("jax",), "cpu", ("--upgrade",), "--with takes packages as pip does"),
        (("jax",), "cpu", ("",), "--with takes packages as pip does"),
    ],
)
def test_wrong_use_is_told(backends: tuple[str, ...], kind: str, given: tuple[str, ...], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        requirements(backends, kind, given)


@given(st.from_regex(r"[A-Za-z][A-Za-z0-9]*([-_.][A-Za-z0-9]+){0,2}", fullmatch=True), st.sampled_from(["", "==1.0"]))
def test_names_are_the_same_however_they_are_written(name: str, rest: str) -> None:
    assert name_of(f"{name}[x]{rest}") == name_of(name.upper().replace("_", "-").replace(".", "--") + rest)
