"""Write the report of a run: gather what it says, render the template, save one file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pdsim.errors import StoreError
from pdsim.report.figures import figure_blocks
from pdsim.report.provenance import methods, provenance, study_text, summary
from pdsim.report.tables import arm_table, failure_table, parameter_status

if TYPE_CHECKING:
    import pandas
    import xarray as xr

UNSTATED = "Nothing was stated about what the intervals in brackets cover."


def write_report(
    run: xr.DataTree,
    folder: str | Path,
    figures: Sequence[str | Path],
    table: pandas.DataFrame,
    out: str | Path = "report.html",
    extra: Mapping[str, Any] | None = None,
) -> Path:
    """Write one HTML page that needs no other file and no network.

    Parameters
    ----------
    run
        Run (DataTree); `/endpoints` and `/trajectory` are read for counts and the horizon, attributes for provenance.
    folder
        Run folder; its `study.toml`, if any, is quoted, else the run's own `config` attribute.
    figures
        Files; those of one stem are one figure in several formats. SVG under 1.5 MB is embedded, else PNG.
    table
        One row per arm: the index or a column `arm` holds the labels. Columns `x`, `x_low`, `x_high` become one
        cell "x (low to high)"; a median that is NaN is "not reached". `table.attrs["interval"]` says what the
        intervals cover.
    out
        File name inside `folder`, or a path of its own.
    extra
        Optional keys: `intervals` (a sentence in place of that one), `columns` (column name to heading),
        `equations` (text that says where the equations stand), `parameters` (DataFrame with a column `status`, and
        `name`, `value`, `unit`, `source` where known), `assumptions` and `notes` (lists of sentences; notes follow the
        summary), `captions` (figure stem to text).

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    StoreError
        A figure cannot be read, or the page cannot be written.
    """
    more = dict(extra or {})
    folder = Path(folder)
    text = render(context(run, folder, figures, table, more))
    path = folder / out if Path(out).parent == Path() else Path(out)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        message = f"Cannot write the report {path}: {error.strerror or error}."
        raise StoreError(message) from error
    return path


def context(
    run: xr.DataTree, folder: Path, figures: Sequence[str | Path], table: pandas.DataFrame, more: dict[str, Any]
) -> dict[str, Any]:
    """Everything that the template prints, as plain text, lists and embedded images."""
    arms = arm_table(table, dict(more.get("columns", {})))
    covers = table.attrs.get("interval")
    stated = more.get("intervals") or (f"In brackets: {covers}." if covers else UNSTATED)
    return {
        "title": str(run.attrs.get("title") or run.attrs.get("study") or "Simulation"),
        "summary": summary(run),
        "arms": arms,
        "intervals": str(stated) if arms["has_interval"] else "",
        "figures": figure_blocks(figures, dict(more.get("captions", {}))),
        "methods": methods(run, str(more.get("equations", ""))),
        "status": parameter_status(more.get("parameters")),
        "assumptions": [str(line) for line in more.get("assumptions", ())],
        "notes": [str(line) for line in more.get("notes", ())],
        "failures": failure_table(run),
        "provenance": provenance(run),
        "study": study_text(run, folder),
    }


def render(values: Mapping[str, Any], template: str = "report.html.j2") -> str:
    """Fill a template; every value is escaped, the style sheet is the package's own."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    here = Path(__file__).parent
    room = Environment(
        loader=FileSystemLoader(here), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    css = Markup((here / "report.css").read_text(encoding="utf-8"))
    return room.get_template(template).render(css=css, **values)
