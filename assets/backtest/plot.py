"""The backtest as a picture for the UI: a PNG that stands in the metadata itself."""

from __future__ import annotations

from base64 import b64encode
from io import BytesIO
from typing import TYPE_CHECKING

from assets.backtest.measures import Measures

if TYPE_CHECKING:
    import pandas as pd


def draw(measures: Measures, calibration: pd.DataFrame) -> bytes:
    """Draw the hit rates of the ranking and of simpler rules, and the hit rate by share, as PNG."""
    from matplotlib.figure import Figure

    # A figure of its own, not pyplot's: nothing is kept between runs and no display is looked for.
    figure = Figure(figsize=(7.5, 2.8), dpi=80, layout="constrained")
    rates, shares = figure.subplots(1, 2, width_ratios=[2, 3])

    bars = {
        "ranking": measures.hit_1,
        "one of 3": measures.hit_3,
        "last talker": measures.last,
        "most frequent": measures.frequent,
        "CRM owner": measures.owner,
    }
    percent = [100 * rate for rate in bars.values()]
    drawn = rates.barh(list(bars), percent, color=["tab:blue", "tab:blue", "0.6", "0.6", "0.6"])
    rates.bar_label(drawn, fmt="%.0f", padding=2)
    rates.invert_yaxis()
    rates.set(xlim=(0, 110), title=f"Calls taken by, % of {measures.calls}")

    shares.plot([0, 100], [0, 100], color="0.8", linewidth=1)
    shares.plot(100 * calibration["mean_share"], 100 * calibration["hit_rate"], "o-", color="tab:blue")
    for calls, share, rate in calibration[["calls", "mean_share", "hit_rate"]].itertuples(index=False):
        shares.annotate(f"{calls}", (100 * share, 100 * rate), (0, 5), textcoords="offset points", size=8)
    shares.set(xlim=(0, 105), ylim=(0, 110), xlabel="share of the first, %", title="First took the call, %")

    image = BytesIO()
    figure.savefig(image, format="png", metadata={"Software": None})
    return image.getvalue()


def as_markdown(image: bytes, title: str) -> str:
    """Return a PNG as Markdown that needs no file beside it."""
    return f"![{title}](data:image/png;base64,{b64encode(image).decode('ascii')})"
