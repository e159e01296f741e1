"""Plots as SVG: a bar for each front, and a mark for how far its rounds were apart. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

_WIDTH: Final = 720
_LABEL: Final = 130
_VALUE: Final = 110
_ROW: Final = 26
_TOP: Final = 44
_OURS: Final = "#0b6e4f"
_THEIRS: Final = "#9aa5b1"
# A ground of its own: it is read on dark pages as well.
_STYLE: Final = "font-family: system-ui, sans-serif; font-size: 13px"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A front's median, and the least and the most of its rounds."""

    name: str
    value: float
    least: float
    most: float


def bars(title: str, rows: Sequence[Row]) -> str:
    """Return a plot in which the longest bar fills the width; bars begin at nought."""
    longest = max(row.most for row in rows) or 1.0
    scale = (_WIDTH - _LABEL - _VALUE) / longest
    height = _TOP + _ROW * len(rows) + 10
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img" style="{_STYLE}">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>',
        f'<text x="10" y="24" font-weight="bold" fill="#1f2933">{escape(title)}</text>',
        *(line for place, row in enumerate(rows) for line in _bar(row, _TOP + _ROW * place, scale)),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _shown(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def _bar(row: Row, y: int, scale: float) -> Sequence[str]:
    colour = _OURS if row.name.startswith("relay") else _THEIRS
    width, least, most = (max(0.0, scale * value) for value in (row.value, row.least, row.most))
    middle = y + 9
    return (
        f'<text x="{_LABEL - 8}" y="{y + 14}" text-anchor="end" fill="#1f2933">{escape(row.name)}</text>',
        f'<rect x="{_LABEL}" y="{y}" width="{width:.1f}" height="18" fill="{colour}"/>',
        f'<path d="M{_LABEL + least:.1f} {middle}H{_LABEL + most:.1f}" stroke="#1f2933" stroke-width="2"/>',
        f'<text x="{_LABEL + max(width, most) + 8:.1f}" y="{y + 14}" fill="#1f2933">{_shown(row.value)}</text>',
    )
