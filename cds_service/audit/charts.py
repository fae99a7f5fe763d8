"""Bars of verdicts as inline SVG, without script, and the same bytes for the same figures.

pygal, since it draws nothing but SVG, needs neither numpy nor a browser, and is kept.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping, Sequence
from typing import Any
from xml.etree.ElementTree import Element, register_namespace, tostring

SVG = "http://www.w3.org/2000/svg"
WIDTH, HEIGHT = 900, 340  #: of upright ones; the others are as high as they have bars
ROW, FRAME = 34, 60


def bars(name: str, labels: Sequence[str], series: Sequence[tuple[str, str, Sequence[int]]], *, upright: bool) -> str:
    """Stacked bars.

    Args:
        name: of the chart, alone in its page.
        labels: of the bars.
        series: title, colour and one value for each bar.
        upright: columns beside each other, as for a course of time.
    """
    pygal = importlib.import_module("pygal")
    # It leaves a finder for plug-ins behind, of a protocol that Python has given up, and each later import would warn.
    sys.meta_path[:] = [finder for finder in sys.meta_path if hasattr(finder, "find_spec")]
    style = importlib.import_module("pygal.style").Style(
        background="transparent",
        plot_background="transparent",
        font_family="system-ui, sans-serif",
        colors=tuple(colour for _, colour, _ in series),
        opacity="1",
        label_font_size=13,
        major_label_font_size=13,
        foreground="#222222",
        foreground_strong="#222222",
        foreground_subtle="#999999",
    )
    kind = pygal.StackedBar if upright else pygal.HorizontalStackedBar
    height = HEIGHT if upright else FRAME + ROW * len(labels)
    chart = kind(
        style=style,
        js=(),
        width=WIDTH,
        height=height,
        show_legend=False,  # the page has one, which does not run over its own words
        x_label_rotation=40 if upright else 0,
        value_formatter=lambda value: f"{value:.0f}",
        margin=8,
        explicit_size=False,
    )
    chart.uuid = name
    ordered = range(len(labels)) if upright else range(len(labels) - 1, -1, -1)  # bars grow from the bottom
    chart.x_labels = [labels[place] for place in ordered]
    for title, _, values in series:
        chart.add(title, [values[place] for place in ordered])
    return _still(chart.render_tree(), {"role": "img", "aria-label": name})


def _still(tree: Element, told: Mapping[str, Any]) -> str:
    """The drawing without its script and its comments, which tell the day."""
    for parent in list(tree.iter()):
        for child in list(parent):
            if not isinstance(child.tag, str) or child.tag.rpartition("}")[2] == "script":
                parent.remove(child)
    tree.attrib.update(told)
    register_namespace("", SVG)
    return tostring(tree, encoding="unicode")
