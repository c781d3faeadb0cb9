"""Check the built distributions: the wheel's exact files, and a run from the installed wheel in another folder."""

import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
FOLDERS = ("backends", "harness", "results", "workloads")
LIMIT_S = 300


def expected_files() -> set[str]:
    """Return the names that the wheel must have, without its dist-info: what git tracks in the package's folders."""
    listed = subprocess.run(["git", "ls-files", *FOLDERS], cwd=ROOT, capture_output=True, text=True, check=True)
    tracked = {name for name in listed.stdout.split() if name.endswith((".py", "py.typed"))}
    return {f"dlbench/{name}" for name in tracked | {"__init__.py", "__main__.py"}}


def check_files(wheel: Path) -> None:
    """Fail unless the wheel has exactly the expected files."""
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    missing, surplus = expected_files() - names, names - expected_files()
    if missing or surplus:
        sys.exit(f"{wheel.name}: missing {sorted(missing)}, surplus {sorted(surplus)}")
    print(f"{wheel.name}: exactly the {len(names)} files expected")


def check_run(wheel: Path) -> None:
    """Install the wheel alone into a folder and measure with it, far from the repository."""
    with tempfile.TemporaryDirectory() as folder:
        site, work = Path(folder) / "site", Path(folder) / "work"
        work.mkdir()
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(site), str(wheel)]
        subprocess.run(pip, check=True)
        environ = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(site), "DLBENCH_CACHE": str(work / "cache")}
        where = [sys.executable, "-c", "import dlbench.harness.cli.app as c; print(c.__file__)"]
        found = subprocess.run(where, cwd=work, env=environ, capture_output=True, text=True, check=True).stdout
        if not found.startswith(str(site)):
            sys.exit(f"ran {found.strip()}, not the wheel")
        words = ["run", "cancer_mlp", "--trials", "1", "--phase", "infer", "--progress", "off"]
        run = [sys.executable, "-m", "dlbench", *words]
        done = subprocess.run(run, cwd=work, env=environ, capture_output=True, text=True, timeout=LIMIT_S, check=False)
        if done.returncode or "cancer_mlp" not in done.stdout:
            sys.exit(f"the installed wheel does not run: {done.returncode}\n{done.stdout}{done.stderr}")
        print("the installed wheel runs in another folder")


if __name__ == "__main__":
    (built,) = Path(sys.argv[1]).glob("*.whl")
    check_files(built)
    check_run(built)
