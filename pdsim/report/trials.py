"""Write the page of trials: scores, figures, every published figure beside its prediction, designs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pdsim.errors import StoreError
from pdsim.report.figures import figure_blocks
from pdsim.report.page import render

HEADINGS = {
    "predicted_observed": ("Predicted against published", "Scatter plots of predicted against published figures."),
    "errors": ("Standardised errors by trial", "Forest plot of the signed standardised error of each figure."),
    "ratios": ("Hazard ratios", "Forest plot of predicted and published hazard ratios with intervals."),
    "pfs": ("Progression-free survival", "Kaplan-Meier curves of progression-free survival."),
    "os": ("Overall survival", "Kaplan-Meier curves of overall survival."),
    "swimmer": ("Courses of patients", "Swimmer plot, one line for each patient."),
    "power": ("Replicate trials", "Histogram of hazard ratios of replicate trials."),
}


def write_trials(
    folder: Path, page: Mapping[str, Any], figures: Sequence[str | Path], captions: Mapping[str, str]
) -> Path:
    """Write ``report.html``, one page that needs no other file and no network.

    Parameters
    ----------
    folder : Path
    page : mapping
        ``title`` and ``lead`` (texts), ``notes`` and ``remarks`` (lists of sentences), and the tables ``scores``,
        ``figures`` and ``designs``, each with ``headings`` and ``rows`` of text.
    figures : sequence of path
        Files; those of one stem are one figure in several formats.
    captions : mapping of str to str
        Figure stem to text.

    Returns
    -------
    Path

    Raises
    ------
    StoreError
        A figure cannot be read, or the page cannot be written.
    """
    blocks = figure_blocks(figures, captions)
    for block in blocks:
        key = next((key for key in HEADINGS if block["stem"].startswith(key)), "")
        if key:
            block["heading"], block["alt"] = HEADINGS[key]
    text = render({**page, "plates": blocks}, "trials.html.j2")
    path = folder / "report.html"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise StoreError(f"Cannot write the report {path}: {error.strerror or error}.") from error
    return path
