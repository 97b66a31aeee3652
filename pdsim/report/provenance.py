"""Words about a run: what was simulated, how, and from which sources and versions."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import xarray as xr

MONTH_DAYS = 30.4375


def settings(run: xr.DataTree) -> dict[str, Any]:
    """The study that the run carries, read from TOML or JSON; empty if it is neither."""
    text = str(run.attrs.get("config", ""))
    for read, failure in ((tomllib.loads, tomllib.TOMLDecodeError), (json.loads, json.JSONDecodeError)):
        try:
            found = read(text)
        except failure:
            continue
        return found if isinstance(found, dict) else {}
    return {}


def summary(run: xr.DataTree) -> str:
    """One paragraph: patients, arms, horizon, visits, failures."""
    study = settings(run)
    group = next((name for name in ("endpoints", "trajectory") if name in run.children), None)
    found = run[group].to_dataset() if group else None
    patients = found.sizes.get("patient", 0) if found is not None else 0
    arms = [str(name) for name in found["arm"].values] if found is not None and "arm" in found.coords else []
    hypotheses = (
        [str(name) for name in found["hypothesis"].values] if found is not None and "hypothesis" in found else []
    )
    variants = sum(1 for name in hypotheses if name)
    population = study.get("population")
    origin = f" from the population {population}" if isinstance(population, str) else ""
    plain = len(arms) - variants
    sentences = [
        f"{patients} virtual patient{'s' if patients != 1 else ''}{origin} were each simulated with the model "
        f"{run.attrs.get('model', 'unknown')} in {plain} arm{'s' if plain != 1 else ''}"
        + (f" and {variants} hypothesis variant{'s' if variants != 1 else ''}" if variants else "")
        + horizon(run)
        + "."
    ]
    if "visits" in study:
        sentences.append(f"Response and progression were judged at visits every {study['visits']}.")
    sentences.append("Every arm holds the same patients. These are simulated, not observed, patients.")
    return " ".join(sentences)


def horizon(run: xr.DataTree) -> str:
    """How long the simulated time is, or nothing if the run has no trajectories."""
    if "trajectory" not in run.children:
        return ""
    days = float(run["trajectory"].to_dataset()["time"].values[-1])
    return f" for {days / MONTH_DAYS:.1f} months ({days:g} days)"


def methods(run: xr.DataTree, equations: str) -> list[tuple[str, str]]:
    """Model, equations, integrator, tolerances as (term, text) pairs."""
    known = run.attrs
    pairs = [
        ("Model", joined(known.get("model"), known.get("model_hash"), "source hash")),
        ("Equations", equations),
        ("Integrator", str(known.get("solver", ""))),
        ("Relative tolerance", scalar(known.get("rtol"))),
        ("Absolute tolerance", tolerances(known.get("atol"))),
        ("Random numbers", f"counter-based, seed {known['seed']}" if "seed" in known else ""),
    ]
    return [(term, text) for term, text in pairs if text]


def joined(name: Any, mark: Any, word: str) -> str:
    """Name with its hash in brackets."""
    return f"{name or 'unknown'} ({word} {mark})" if mark else str(name or "")


def scalar(value: Any) -> str:
    """A number in short form, other things as they are."""
    return "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def tolerances(value: Any) -> str:
    """Absolute tolerances, stored as a number or as JSON by state."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except json.JSONDecodeError:
            return value
    if isinstance(value, dict):
        return ", ".join(f"{name} {scalar(one)}" for name, one in value.items())
    return scalar(value)


def provenance(run: xr.DataTree) -> list[tuple[str, str]]:
    """Versions, hashes, seed, dates as (term, text) pairs."""
    known = run.attrs
    terms = {
        "pdsim": "pdsim_version",
        "Source commit": "commit",
        "Study": "study",
        "Study hash": "config_hash",
        "Model hash": "model_hash",
        "Seed": "seed",
        "Simulated": "created",
        "History": "history",
    }
    pairs = [(term, str(known[key])) for term, key in terms.items() if str(known.get(key, ""))]
    packages = tolerances(known.get("packages"))
    return [*pairs, ("Packages", packages)] if packages else pairs


def study_text(run: xr.DataTree, folder: Path) -> str:
    """The resolved study file beside the run, or the text that the run carries."""
    path = folder / "study.toml"
    if path.is_file():
        return path.read_text(encoding="utf-8")
    return str(run.attrs.get("config", ""))
