"""Text -> what each format may hold."""

import pytest

from sweeper.report.render import escaping
from sweeper.visible import one_line


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("two\n  lines\tand\r\nmore\u2028", "two lines and more"),
        ("\x1b[31mred\x07", r"\x1b[31mred\x07"),
        ("\x9b2J\x7f", r"\x9b2J\x7f"),
        ("abc\u202etxt\u200b", r"abc\u202etxt\u200b"),
        ("\ud800", r"\ud800"),
        ("naïve 数 α", "naïve 数 α"),
        ("[bold]x[/bold]", "[bold]x[/bold]"),
    ],
)
def test_one_line(text: str, plain: str) -> None:
    assert one_line(text) == plain


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("a|b", r"a\|b"),
        ("<script>", r"\<script\>"),
        ("*x* _y_ `z`", r"\*x\* \_y\_ \`z\`"),
        ("[t](u) ![i]", r"\[t\](u) \!\[i\]"),
        ("a\\|b", r"a\\\|b"),
        ("$x$ #1 @me &lt; ~~s~~", r"\$x\$ \#1 \@me \&lt; \~\~s\~\~"),
        ("1. one", r"1\. one"),
        ("- one", r"\- one"),
        ("-0.77", "-0.77"),
        ("11.40 ± 0.90", "11.40 ± 0.90"),
    ],
)
def test_markdown(text: str, escaped: str) -> None:
    assert escaping.markdown(text) == escaped


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        (r"\input{x}", r"\textbackslash{}input\{x\}"),
        ("a_b & 50% #1 $x$", r"a\_b \& 50\% \#1 \$x\$"),
        ("x^2 ~ <y> |z|", r"x\textasciicircum{}2 \textasciitilde{} \textless{}y\textgreater{} \textbar{}z\textbar{}"),
        ("[-1.60, 0.00] 3*x", r"{[}$-$1.60, 0.00{]} 3{*}x"),
        ("–", "--"),
        ("1 ± 2", r"1 $\pm$ 2"),
        ("two-fold, step-2", "two-fold, step-2"),
    ],
)
def test_latex(text: str, escaped: str) -> None:
    assert escaping.latex(text) == escaped


@pytest.mark.parametrize("text", ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "-inf", "＝1", "\t=1", "-1_000"])
def test_csv_formulas_are_disarmed(text: str) -> None:
    assert escaping.csv_cell(text) == "'" + text.strip()


@pytest.mark.parametrize("text", ["-0.5", "+1", "-1e-05", ".5", "3.", "plain", "a=b", ""])
def test_csv_numbers_and_words_stay(text: str) -> None:
    assert escaping.csv_cell(text) == text
