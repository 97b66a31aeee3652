"""Figures inside the page: one file per stem as a data URI, with a caption that says how to read it."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path

from pdsim.errors import StoreError

LARGEST_SVG = 1_500_000
MEDIA = {".svg": "image/svg+xml", ".png": "image/png"}

# stem: heading, text for readers who cannot see the figure, how to read it
KNOWN = {
    "m_protein": (
        "Serum M-protein",
        "Line plots of serum M-protein in g/L over months, one panel per arm, with quantile bands and dosing days.",
        "Grey lines are single patients, at most 100 and evenly spaced by number. The thick line is the median, the "
        "dark band holds the middle half of the patients and the light band the middle 90 %; they stop where more "
        "than 10 % of the patients failed numerically. The axis is logarithmic and values below 0.1 g/L are drawn "
        "there. Bars under each panel are the days on which the regimen plans each drug; a patient who progresses or "
        "has a dose held takes fewer.",
    ),
    "waterfall": (
        "Best change of the M-protein",
        "Waterfall plots, one panel per arm: one bar per patient, sorted by best change of the M-protein in per cent.",
        "One bar per patient: the deepest measured fall of the M-protein from baseline, or the smallest rise where it "
        "never fell. Bars that would pass +100 % end there with a triangle. Colours are the best response; the dashed "
        "lines of 50 % and 90 % less are the M-protein limits of partial and very good partial response. A bar may "
        "pass a line without that response, which must be confirmed.",
    ),
    "clones": (
        "Clones",
        "Per arm, median number of myeloma cells over months above a stacked area of the mean share of each clone.",
        "Above: median of all myeloma cells with the band of the middle half of the patients, on a logarithmic axis. "
        "Below: the share of each clone among a patient's own cells, averaged over patients, so that every patient "
        "counts the same. White above the stack is the share of patients without a myeloma cell left.",
    ),
    "anc": (
        "Neutrophils",
        "Median and quantile bands of the neutrophil count over months, one panel per arm, with toxicity grade lines.",
        "Median with the bands of the middle half and the middle 90 % of the patients. A count below a dashed line has "
        "at least the CTCAE grade written under it. Points between two stored times are not seen, so a nadir may lie "
        "deeper than the line.",
    ),
    "platelets": (
        "Platelets",
        "Median and quantile bands of the platelet count over months, one panel per arm, with toxicity grade lines.",
        "Read as the neutrophils: median, middle half, middle 90 %, and the upper limits of CTCAE grades 2, 3 and 4.",
    ),
    "pfs": (
        "Progression-free survival",
        "Kaplan-Meier curves of progression-free survival over months, one per arm, with numbers at risk.",
        "Share of patients alive without confirmed progression after Kaplan and Meier. Ticks on a curve are censored "
        "patients; a patient whose simulation failed is censored at the last visit before. The table counts the "
        "patients whose event or censoring lies at that month or later. The patients are the same in every arm, so the "
        "distance of two curves has no ordinary confidence interval.",
    ),
    "ledger": (
        "Decisions of dosing rules",
        "Per arm and drug, share of patients at each kind of dose over months, and the dose intensity of each arm.",
        "Each patient has the dose planned, another one, none for a while, or none any more, by a rule or after "
        "progression; where a drug waits for a rule, the share who get it is drawn. Below: share of patients who got "
        "at least so much of the dose that was planned while they were on treatment.",
    ),
    "hypotheses": (
        "One regimen under each hypothesis",
        "M-protein in per cent of baseline over months for one regimen under several hypotheses.",
        "The same patients and regimen; each hypothesis sets some parameters of the model otherwise, as the study "
        "below says. Lines are medians, bands the middle half of the patients. Dotted lines are the M-protein limits "
        "of partial and very good partial response.",
    ),
}


def figure_blocks(paths: Sequence[str | Path], captions: Mapping[str, str]) -> list[dict[str, str]]:
    """Stem, heading, alternative text, caption and data URI of each figure, in the order given."""
    stems: dict[str, dict[str, Path]] = {}
    for path in map(Path, paths):
        if path.suffix.lower() in MEDIA:
            stems.setdefault(path.stem, {})[path.suffix.lower()] = path
    blocks = []
    for stem, files in stems.items():
        heading, alt, caption = KNOWN.get(stem, (stem.replace("_", " "), f"Figure {stem.replace('_', ' ')}", ""))
        blocks.append(
            {
                "stem": stem,
                "heading": heading,
                "alt": alt,
                "caption": str(captions.get(stem, caption)),
                "source": data_uri(choose(files)),
            }
        )
    return blocks


def choose(files: Mapping[str, Path]) -> Path:
    """Take the SVG unless it is too large and a PNG stands beside it."""
    svg, png = files.get(".svg"), files.get(".png")
    if svg is None or (png is not None and size(svg) > LARGEST_SVG):
        return png if png is not None else next(iter(files.values()))
    return svg


def size(path: Path) -> int:
    """Bytes of a file; `StoreError` if it is not there."""
    try:
        return path.stat().st_size
    except OSError as error:
        message = f"Cannot read the figure {path}: {error.strerror or error}. Draw the figures first."
        raise StoreError(message) from error


def data_uri(path: Path) -> str:
    """Whole file as a data URI; inside `img` an SVG can neither run code nor load anything."""
    size(path)
    content = base64.b64encode(path.read_bytes()).decode("ascii")
    return f"data:{MEDIA[path.suffix.lower()]};base64,{content}"
