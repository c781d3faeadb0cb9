"""A model saved by Keras: `FILE.keras`, read in safe mode unless its user vouches for the code in it."""

from pathlib import Path
from typing import Any

from ...results.errors import UsageError
from .offer import Offer, broken

SUFFIX = ".keras"


def offer(path: Path, *, allow_code: bool = False) -> Offer:
    """Return what a saved model offers: itself, with its weights, and what it was compiled with.

    Args:
        path: the file.
        allow_code: whether code in the file may run, such as that of a Lambda layer.

    Raises:
        UsageError: there is no such file.

    """
    if not path.is_file():
        raise UsageError(f"{path}: no such file")

    def model() -> Any:
        import keras

        try:
            return keras.saving.load_model(path, safe_mode=not allow_code)
        except Exception as error:
            text = " ".join(str(error).split())
            if "safe_mode" in text or "unsafe" in text.lower():
                raise UsageError(
                    f"{path}: the file holds code, such as a Lambda layer, which safe mode does not run; "
                    "if you trust who made it: --allow-code"
                ) from error
            raise broken(str(path), error) from error

    return Offer(str(path), "the saved model", model)
