"""A gate's verdict as JUnit XML, which CI systems show as tests."""

from ..errors import UnsupportedError
from .verdict import BROKEN, INCONCLUSIVE, NOTHING_COMPARABLE, REGRESSION, REPORTED, GateVerdict


def as_junit(verdict: GateVerdict, suite: str) -> str:
    """Return a test suite with a test for each metric of each case.

    A regression is a failure, what could not be decided or broke is an error, what is only reported is skipped.

    Args:
        verdict: of the gate.
        suite: its name.

    Raises:
        UnsupportedError: junitparser is not installed.

    """
    try:
        from junitparser import Error, Failure, JUnitXml, Skipped, TestCase, TestSuite
    except ImportError as error:
        remedy = "install dlbench[ci], or leave out --report junit=…"
        raise UnsupportedError(f"JUnit XML needs junitparser, which is not installed; {remedy}") from error
    kinds = {REGRESSION: Failure, INCONCLUSIVE: Error, NOTHING_COMPARABLE: Error, REPORTED: Skipped}
    found = TestSuite(suite)
    for metric in verdict.metrics:
        case = TestCase(metric.name, classname=metric.case)
        if metric.verdict in kinds:
            case.result = [kinds[metric.verdict](metric.words, metric.verdict)]
        else:
            case.system_out = metric.words
        found.add_testcase(case)
    for number, words in enumerate(verdict.broken, 1):
        case = TestCase(f"{BROKEN} {number}", classname="dlbench gate")
        case.result = [Error(words, BROKEN)]
        found.add_testcase(case)
    xml = JUnitXml("dlbench gate")
    xml.add_testsuite(found)
    text: bytes | str = xml.tostring()
    return text.decode("utf-8") if isinstance(text, bytes) else text
