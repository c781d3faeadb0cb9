"""Development tasks. `run` and `tests` are the two that a visitor needs; all sessions share one environment."""

import hashlib
import os
import sys
from pathlib import Path

import nox

nox.needs_version = ">=2025.2.9"
nox.options.sessions = ["tests"]
nox.options.default_venv_backend = "none"

ROOT = Path(__file__).parent
SHARED = ROOT / ".nox" / "shared"
BIN = SHARED / ("Scripts" if os.name == "nt" else "bin")
PACKAGES = ["dlbench.harness", "dlbench.workloads", "dlbench.backends", "dlbench.results"]


def shared_environment(session: nox.Session) -> None:
    """Install dlbench, the frameworks and the tools once; again only when what is asked for changes."""
    asked = b"".join((ROOT / name).read_bytes() for name in ("pyproject.toml", "constraints.txt"))
    wanted = hashlib.sha256(asked + sys.version.encode()).hexdigest()
    stamp = SHARED / "installed.sha256"
    if stamp.exists() and stamp.read_text() == wanted:
        return
    session.log("installing the frameworks and dlbench into .nox/shared (about 3 GB, once)")
    session.run(sys.executable, "-m", "venv", "--clear", str(SHARED), external=True)
    # pip, not uv: only pip finds a torch without CUDA packages through its usual settings.
    install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-c", "constraints.txt"]
    session.run(str(BIN / "python"), *install, "--editable", ".[all,dev]", external=True, stdout=sys.stderr)
    stamp.write_text(wanted)


def run_tool(session: nox.Session, name: str, *arguments: str, **environ: str) -> None:
    """Run a program of the shared environment and leave Ctrl-C to it: wait until it has ended by itself."""
    path = os.pathsep.join([str(BIN), os.environ.get("PATH", "")])
    session.run(
        str(BIN / name),
        *arguments,
        env={"PATH": path, **environ},
        external=True,
        stderr=None,
        interrupt_timeout=None,
        terminate_timeout=None,
    )


@nox.session
def run(session: nox.Session) -> None:
    """Compare the frameworks: `dlbench run`; arguments after -- reach it."""
    shared_environment(session)
    run_tool(session, "dlbench", "run", *session.posargs)


@nox.session
def tests(session: nox.Session) -> None:
    """Run the tests; arguments after -- reach pytest."""
    shared_environment(session)
    # In the order of tests/conftest.py: files with real child processes first, so that both processes end together.
    spread = ("--numprocesses", "2", "--dist", "loadfile", "--no-loadscope-reorder")
    run_tool(session, "python", "-m", "pytest", *spread, *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and the import layers."""
    shared_environment(session)
    run_tool(session, "ruff", "check", ".")
    run_tool(session, "ruff", "format", "--check", ".")
    run_tool(session, "lint-imports")


@nox.session
def typing(session: nox.Session) -> None:
    """Check types, strictly; a link gives mypy the package under its installed name."""
    shared_environment(session)
    link = Path(session.create_tmp()) / "dlbench"
    if not link.is_symlink():
        link.symlink_to(ROOT, target_is_directory=True)
    packages = [part for name in PACKAGES for part in ("-p", name)]
    run_tool(session, "mypy", *packages, MYPYPATH=str(link.parent))


@nox.session
def package(session: nox.Session) -> None:
    """Build sdist and wheel, check the exact files, and run the wheel from another folder."""
    shared_environment(session)
    dist = Path(session.create_tmp()) / "dist"
    for old in dist.glob("*"):
        old.unlink()
    run_tool(session, "python", "-m", "build", "--outdir", str(dist), ".")
    run_tool(session, "python", "tests/package/check.py", str(dist))


@nox.session
def bench(session: nox.Session) -> None:
    """Print the figures that README claims; arguments after -- choose some of them."""
    shared_environment(session)
    run_tool(session, "python", "tests/bench/figures.py", *session.posargs)


@nox.session
def gpu(session: nox.Session) -> None:
    """Check what only a GPU can show, and write gpu-checks.json; arguments after -- choose backends."""
    shared_environment(session)
    run_tool(session, "python", "tests/gpu/check.py", "gpu-checks.json", *session.posargs)
