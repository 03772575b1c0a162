"""HTML for notebooks: built as a tree, aligned by itself, and never markup from what a person wrote."""

from __future__ import annotations

from nbflow.render.html import block, document, paragraph, table


def test_a_table_aligns_its_cells_and_quiets_some() -> None:
    made = document(table(("", "step", "time"), [[("✔", "green"), ("load", ""), ("2 s", "dim")]], right=(2,)))
    assert made == (
        '<div><table style="margin:0"><thead><tr><th scope="col" style="text-align:left"></th>'
        '<th scope="col" style="text-align:left">step</th><th scope="col" style="text-align:right">time</th>'
        "</tr></thead>"
        '<tbody><tr><td style="text-align:left">✔</td><td style="text-align:left">load</td>'
        '<td style="text-align:right;opacity:.75">2 s</td></tr></tbody></table></div>'
    )


def test_words_stay_words() -> None:
    hostile = "<script>alert('x')</script> & \"quotes\""
    safe = "&lt;script&gt;alert('x')&lt;/script&gt; &amp; \"quotes\""
    assert document(paragraph(hostile), block(hostile)) == (
        f'<div><p style="margin:.5em 0">{safe}</p><pre style="margin:.5em 0">{safe}</pre></div>'
    )
    assert f'<td style="text-align:left">{safe}</td>' in document(table(("a",), [[(hostile, "")]]))
