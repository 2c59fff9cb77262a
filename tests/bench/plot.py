"""The goals of the bench as a picture: how far culver is from each."""
import math
from xml.sax.saxutils import escape

LEFT, WIDTH, LINE, TOP = 290, 360, 22, 44
MOST = 4  # the scale ends at this many times the goal


def reach(row):
    """1 is the goal; above it is better."""
    if row["sign"] == ">=":
        return row["is"] / row["goal"]
    return row["goal"] / row["is"] if row["is"] > 0 else MOST


def place(times):
    """Where a reach lies, on a scale of logarithms around the goal."""
    part = math.log(min(max(times, 1 / MOST), MOST)) / math.log(MOST)
    return LEFT + WIDTH * (part + 1) / 2


def bar(row, i):
    y, goal, x = TOP + i * LINE, place(1), place(reach(row))
    name = row["what"] + (f" / {row['against']}" if row["against"] else "")
    colour = "#2f6f4f" if row["met"] else "#b5482f"
    return (f'<text x="{LEFT - 8}" y="{y + 13}" text-anchor="end">'
            f'{escape(name)}</text>'
            f'<rect x="{min(goal, x):.1f}" y="{y + 3}" height="{LINE - 8}" '
            f'width="{max(abs(x - goal), 1):.1f}" fill="{colour}"/>'
            f'<text x="{LEFT + WIDTH + 8}" y="{y + 13}">'
            f'{row["is"]:.3g} ({escape(row["sign"])} {row["goal"]:.3g})</text>')


def draw(rows):
    height = TOP + len(rows) * LINE + 12
    width = LEFT + WIDTH + 130
    marks = "".join(
        f'<line x1="{place(t):.1f}" x2="{place(t):.1f}" y1="{TOP - 8}" '
        f'y2="{height - 8}" stroke="{"#000" if t == 1 else "#bbb"}"/>'
        f'<text x="{place(t):.1f}" y="{TOP - 14}" text-anchor="middle">'
        f'{"goal" if t == 1 else f"{t:g} x"}</text>'
        for t in (0.25, 0.5, 1, 2, 4))
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" '
            f'height="{height}" font-family="sans-serif" font-size="12">'
            f'<title>culver and its goals</title>'
            f'<rect width="100%" height="100%" fill="#fff"/>{marks}'
            + "".join(bar(r, i) for i, r in enumerate(rows)) + "</svg>\n")
