"""Layout: alignment, what is left out in a narrow terminal, sentences."""

from dlbench.results.layout import Entry, Grid, Head, fit, measure, wrapped

HEADS = [Head(("name",), 0, left=True), Head(("speed", "per s"), 0), Head(("extra",), 2), Head(("more",), 1)]
ROW = Entry([("jax", "jit"), ("1,234",), ("n/a",), ("12",)], ["bold", "", "", ""], remarks=["half of it failed"])
LOST = Entry([("tensorflow",), (), (), ()], ["bold", "", "", ""], sentence="n/a (a reason that is rather long)")


def test_widths_come_from_headings_and_cells() -> None:
    assert measure(HEADS, [ROW, LOST]) == [10, 5, 5, 4]


def test_the_gap_narrows_before_a_column_goes_and_the_highest_rank_goes_first() -> None:
    widths = measure(HEADS, [ROW, LOST])
    assert fit(HEADS, widths, 30) == ([0, 1, 2, 3], 2)
    assert fit(HEADS, widths, 29) == ([0, 1, 2, 3], 1)
    assert fit(HEADS, widths, 26) == ([0, 1, 3], 2)
    assert fit(HEADS, widths, 20) == ([0, 1], 2)
    assert fit(HEADS, widths, 5) == ([0, 1], 1)


def test_figures_are_right_aligned_and_headings_stand_on_the_rule() -> None:
    grid = Grid(HEADS, measure(HEADS, [ROW, LOST]), 2)
    lines = [line.plain for line in grid.lines([ROW, LOST], 40)]
    assert lines == [
        "            speed",
        "name        per s  extra  more",
        "\N{BOX DRAWINGS LIGHT HORIZONTAL}" * 30,
        "jax         1,234    n/a    12",
        "jit",
        "  half of it failed",
        "tensorflow  n/a (a reason that is rather",
        "            long)",
    ]


def test_entries_choose_columns() -> None:
    assert list(ROW.choose([0, 3]).cells) == [("jax", "jit"), ("12",)]
    assert ROW.choose([0]).remarks == ROW.remarks


def test_wrapping_never_goes_below_a_readable_width() -> None:
    assert wrapped("twenty letters stay together", 3, "  ") == ["  twenty letters stay", "  together"]
