"""Pieces of an HTML page: plain text goes in, escaped markup comes out."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from html import escape

STYLE = """
:root { color-scheme: light; --line: #d9dce1; --soft: #f5f6f8; --ink: #1c2330; --mute: #5b6472 }
* { box-sizing: border-box }
body { margin: 0 auto; max-width: 56rem; padding: 1.5rem 1rem 4rem; color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; background: #fff }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 .25rem }
h2 { font-size: 1.2rem; margin: 2.4rem 0 .6rem; padding-top: .6rem; border-top: 1px solid #d9dce1 }
p { margin: .5rem 0 } .mute { color: var(--mute) } small { font-size: .85rem }
.verdict { border-left: .4rem solid; border-radius: .3rem; padding: .8rem 1rem; margin: 1.2rem 0 }
.verdict strong { font-size: 1.15rem } .verdict ul { margin: .4rem 0 0; padding-left: 1.2rem }
.pass { border-color: #2e7d4f; background: #eef7f1 } .fail { border-color: #b3372a;
  background: #fdf1ef }
.scroll { overflow-x: auto } table { border-collapse: collapse; width: 100%; font-size: .93rem;
  font-variant-numeric: tabular-nums }
th, td { padding: .4rem .6rem; border-bottom: 1px solid var(--line); text-align: right;
  vertical-align: top }
th { font-weight: 600; background: var(--soft) } th:first-child, td:first-child {
  text-align: left } td.after { font-weight: 600 } .left td { text-align: left }
.left td:first-child { width: 32% ; color: var(--mute) }
code { font-size: .85em; overflow-wrap: anywhere } img { width: 100%; height: auto; display: block;
  margin-top: 1rem }
ul.checks { list-style: none; padding: 0 } ul.checks li { padding: .35rem 0 .35rem 5.4rem;
  position: relative; border-bottom: 1px solid var(--line) }
.mark { position: absolute; left: 0; width: 4.6rem; text-align: center; border-radius: .3rem;
  font-size: .8rem; font-weight: 600; padding: .1rem 0 } .mark.pass { color: #1d5e38 }
.mark.fail { color: #8f2418 } dt { font-weight: 600; margin-top: .6rem } dd { margin: 0 }
@media print { body { max-width: none; font-size: 11pt; padding: 0 } h2 { break-after: avoid }
  tr, img, li, .verdict { break-inside: avoid } * { print-color-adjust: exact } }
"""


def section(title: str, body: str) -> str:
    """A titled part of the page; ``body`` is markup."""
    return f"<section><h2>{escape(title)}</h2>{body}</section>"


def facts(facts: Mapping[str, str]) -> str:
    """A table of two columns, what and value."""
    rows = "".join(
        f"<tr><td>{escape(name)}</td><td>{_breakable(value)}</td></tr>"
        for name, value in facts.items()
    )
    return f'<div class="scroll"><table class="left">{rows}</table></div>'


def _breakable(value: str) -> str:
    return f"<code>{escape(value)}</code>" if len(value) > 60 else escape(value)


def table(heads: Iterable[str], rows: Iterable[Iterable[str]], mark: int) -> str:
    """A table of numbers, with the column ``mark`` in bold."""
    head = "".join(f"<th>{escape(cell)}</th>" for cell in heads)
    body = "".join(
        "<tr>" + "".join(
            f'<td{" class=after" if place == mark else ""}>{escape(cell)}</td>'
            for place, cell in enumerate(row)
        ) + "</tr>"
        for row in rows
    )
    return f'<div class="scroll"><table><tr>{head}</tr>{body}</table></div>'


def bullets(lines: Iterable[str]) -> str:
    """A list of sentences."""
    return "<ul>" + "".join(f"<li>{escape(line)}</li>" for line in lines) + "</ul>"


def picture(content: bytes, title: str) -> str:
    """A PNG file as an image that is part of the page."""
    data = base64.b64encode(content).decode()
    return f'<img alt="{escape(title)}" src="data:image/png;base64,{data}">'
