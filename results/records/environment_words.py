"""Environments in words: what is installed in one, in one line."""

from ..names import backend_name
from .environment import Environment


def installed(environment: Environment) -> str:
    """Return what an environment has in one line: Python, Keras, NumPy and each framework that works there."""
    frameworks = [f"{backend_name(p.backend)} {p.version}" for p in environment.probes if p.version]
    numpy = environment.packages.get("numpy")
    parts = [*shared(environment), *([f"NumPy {numpy}"] if numpy else []), *frameworks]
    return ", ".join([*parts, f"fingerprint {environment.fingerprint}"] if environment.fingerprint else parts)


def shared(environment: Environment) -> list[str]:
    """Return the versions of Keras and Python."""
    keras = dict.fromkeys(probe.keras for probe in environment.probes if probe.keras)
    return [*(f"Keras {version}" for version in keras), f"Python {environment.python_version}"]
