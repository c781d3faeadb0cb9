"""The code in the documents runs, and gives what it is said to give."""

import re
from pathlib import Path
from typing import Any

DOCS = Path(__file__).resolve().parent.parent / "docs"


def test_the_functions_that_decide_can_be_called_as_comparing_shows() -> None:
    (code,) = re.findall(r"```python\n(.*?)```", (DOCS / "comparing.md").read_text(), re.DOTALL)
    found: dict[str, Any] = {}
    exec(code, found)  # noqa: S102 - our own document
    assert found["one"].p < 0.001
    assert found["looked"].verdict == "worse"
    assert found["looked"].stop
    assert found["told"].verdict == "regression"
    assert [change.place for change in found["level"]] == [20]
