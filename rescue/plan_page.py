"""The plan as one self-contained HTML page: the picture, the adjustments, and the whole text."""

from __future__ import annotations

import html
from typing import Iterable, Sequence

from rescue.hardware import Hardware
from rescue.plan import RestorePlan
from rescue.plan_view import plan_svg, plan_text
from sif.model import SystemInformation

_STYLE = ("body{font:15px/1.45 sans-serif;max-width:1000px;margin:2em auto;padding:0 1em;color:#222}"
          "table{border-collapse:collapse;width:100%}td,th{border:1px solid #bbb;padding:.3em .5em;text-align:left;"
          "vertical-align:top}th{background:#eee}pre{background:#f6f6f4;padding:1em;overflow:auto;font-size:13px}"
          ".ask{background:#fff0d8}")


def plan_page(saved: SystemInformation, hardware: Hardware, plan: RestorePlan, signature: str = "") -> str:
    """The page; it loads nothing and runs nothing."""
    title = html.escape(f"Restore of {plan.hostname}")
    asked = sum(1 for adjustment in plan.adjustments if adjustment.consent) + len(plan.consents)
    return "\n".join([
        "<!DOCTYPE html>", '<html lang="en"><head><meta charset="utf-8">', f"<title>{title}</title>",
        f"<style>{_STYLE}</style></head><body>", f"<h1>{title}</h1>",
        f"<p>{len(plan.adjustments)} adjustments, {asked} things that somebody has to agree to, "
        f"{len(plan.actions)} steps.</p>", plan_svg(saved, hardware, plan),
        _table("To be overwritten", ("disk", "holds", "is it the recorded one", "kept as it is"), (
            (True, (c.path, "; ".join(c.holds), "yes" if c.same_disk else "NO", ", ".join(c.kept)))
            for c in plan.consents)),
        _table("Adjustments", ("code", "what", "then", "now", "because", "and so"), (
            (a.consent, (a.code, a.subject, a.before, a.after, a.reason, a.consequence)) for a in plan.adjustments)),
        _table("Left alone", ("disk", "because"), ((False, (r.path, r.reason)) for r in plan.rejections)),
        "<h2>The plan as text</h2>", f"<pre>{html.escape(plan_text(saved, hardware, plan, signature))}</pre>",
        "</body></html>", ""])


def _table(title: str, heads: Sequence[str], rows: "Iterable[tuple[bool, Sequence[str]]]") -> str:
    body = "".join(f"<tr{' class=ask' if asks else ''}>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row)
                   + "</tr>" for asks, row in rows)
    head = "".join(f"<th>{html.escape(word)}</th>" for word in heads)
    return f"<h2>{html.escape(title)}</h2><table><tr>{head}</tr>{body}</table>" if body else ""
