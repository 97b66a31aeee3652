"""Drug card files: what is read, what is refused, and in which words."""

from __future__ import annotations

import pickle
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from pdsim.errors import CohortError, ConfigError
from pdsim.pk import DrugCard, card_from_dict, published
from pdsim.pk.course import half_life
from pdsim.pk.quantity import unit_of

FOLDER = Path(__file__).resolve().parents[2] / "models" / "drugs"
FILES = sorted(FOLDER.glob("*.toml"))

GOOD = """
[pk]
kind = "linear"
route = "oral"
molar_mass = { value = 250, unit = "g/mol", status = "verified", source = "s" }
unbound = { value = 0.5, logit_sd = 0.3, status = "verified", source = "s" }
clearance = { value = 2, unit = "L/h", cv = 0.3, status = "recalled", source = "s" }
volume = { value = 10, unit = "L", log_sd = 0.2, status = "assumed", source = "s" }
absorption = { value = 1, unit = "1/h", status = "assumed", source = "s" }
[[effect]]
input = "alkylator"
potency = { value = 0.065, unit = "uM", status = "assumed", source = "s" }
slope = { value = 2, unit = "1/h", status = "assumed", source = "s" }
"""


METABOLITE = """
[[metabolite]]
name = "image"
molar_mass = { value = 250, unit = "g/mol", status = "verified", source = "s" }
unbound = { value = 0.5, status = "verified", source = "s" }
elimination = { value = "0.69314718056 / 48 h", status = "assumed", source = "s" }
ratio = { value = 1, status = "assumed", source = "s" }
"""


def read(text: str) -> DrugCard:
    return card_from_dict(tomllib.loads(text), "drug", "drug.toml")


def mistakes(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        read(text)
    return [line.strip() for line in str(caught.value).splitlines()[1:]]


def test_values_are_in_one_unit() -> None:
    card = read(GOOD)
    assert card.values["clearance"].typical({}) == pytest.approx(48.0)
    assert card.values["clearance"].log_sd == pytest.approx(0.2935604)
    assert card.effects[0].keys["potency"].typical({}) == pytest.approx(65.0)
    assert card.effects[0].keys["slope"].typical({}) == pytest.approx(48.0)
    assert card.effects[0].species == "drug"
    assert card.compartments == ("gut", "central")


def test_a_bare_number_needs_a_source_of_the_card() -> None:
    bare = GOOD.replace("unbound = { value = 0.5, logit_sd = 0.3, ", "unbound = 0.5\nlag = { value = 0, unit = 'h', ")
    assert mistakes(bare)[0].startswith("pk.unbound: write a table with a source")
    assert read(f'source = "label"\nstatus = "verified"\n{bare}').values["unbound"].source == "label"


def test_every_mistake_is_in_one_message() -> None:
    found = mistakes("""
clas = "x"
[covariates]
albumin = "g/L"
[pk]
kind = "linear"
route = "orl"
molar_mass = { value = "259 g/mol * weight", status = "verified", source = "s" }
unbound = { value = 1.4, status = "verfied", source = "s" }
clearance = { value = "60 L + 2 L/day * creatinin_clearance", status = "verified", source = "s" }
volume = { value = 65, cv = 0.3, status = "verified", source = "s" }
lag = { value = 5, unit = "h", status = "verified", source = "s" }
volme_2 = 3
[[metabolite]]
name = "m"
ratio = { value = 0.1, unit = "1", cv = 0.2, logit_sd = 0.1, status = "assumed", source = "" }
volume = { value = 0.1, unit = "L", status = "assumed", source = "s" }
[[effect]]
input = "alkylator"
species = "n"
potency = { value = 5, status = "assumed", source = "s" }
closed = { value = 0.5, cv = 0.5, status = "assumed", source = "s" }
[[effect]]
""")
    starts = [
        "covariates.albumin: write albumin = { unit",
        "clas: unknown key. Did you mean 'class'?",
        "pk.volme_2: unknown key. Did you mean 'volume_2'",
        "pk.lag: has no meaning without absorption",
        'pk.molar_mass: "259 g/mol * weight" gives g^2 mol^-1, not g/mol',
        "pk.unbound: is 1.4 in the reference patient and must be between 0 and 1",
        "pk.unbound.status: 'verfied' is not known. Did you mean 'verified'?",
        "pk.clearance: 'creatinin_clearance' is no covariate. Did you mean 'creatinine_clearance'?",
        'pk.volume: 65 has no unit; add unit = "L"',
        "metabolite[1] (m).molar_mass: missing",
        "metabolite[1] (m).unbound: missing",
        "metabolite[1] (m).elimination: missing",
        "metabolite[1] (m).volume: a metabolite given by its ratio has the parent's volume",
        "metabolite[1] (m).ratio.logit_sd: the variability of ratio is given as cv or log_sd",
        "metabolite[1] (m).ratio: give one of cv, log_sd, logit_sd",
        "metabolite[1] (m).ratio.source: missing",
        "effect[1] (alkylator).species: 'n' is none of this card. Known: drug, m",
        'effect[1] (alkylator).potency: 5 has no unit; add unit = "nM"',
        "effect[1] (alkylator).closed.cv: the variability of closed is given as logit_sd",
        "effect[2].input: missing",
        "effect[2]: give the keys that the input's combine asks for",
        "pk.route: 'orl' is no route. Did you mean 'oral'?",
    ]
    assert len(found) == len(starts)
    for line, start in zip(found, starts, strict=True):
        assert line.startswith(start)


@pytest.mark.parametrize(
    ("old", "new", "match"),
    [
        ('kind = "linear"', 'kind = "state"', "pk.kind: 'state' is not known. Did you mean 'states'?"),
        ('kind = "linear"', 'kind = "liner"', "pk.kind: 'liner' is not known. Did you mean 'linear'?"),
        ('kind = "linear"\n', "", "pk.kind: missing. Known kinds: linear, states, cells"),
        ('route = "oral"', 'route = "sc"', "pk.route: 'sc' needs depot_absorption"),
        ('"L/h"', '"L"', 'pk.clearance: "2 L" gives L, not L/day'),
        ("value = 2, unit", "value = -2, unit", "pk.clearance: is -48 L/day in the reference patient"),
        ("cv = 0.3", "cv = -1", "pk.clearance.cv: -1 is no standard deviation between 0 and 10"),
        ('250, unit = "g/mol"', '250, cv = 0.1, unit = "g/mol"', "molar_mass: is the same in every patient"),
        ("potency = {", "potency = { vlue = 2,", "effect[1] (alkylator).potency.vlue: unknown key."),
        ("value = 10, unit", "value = '10 L', unit", 'pk.volume: the units stand inside "10 L"; leave unit out'),
    ],
)  # fmt: skip
def test_one_mistake(old: str, new: str, match: str) -> None:
    assert mistakes(GOOD.replace(old, new, 1))[0].startswith(match)


def test_a_card_without_kinetics_says_what_to_give() -> None:
    assert mistakes('label = "x"') == [
        "pk: missing; give a table [pk] with kind, molar_mass, unbound, clearance, volume"
    ]
    assert [line.split(":")[0] for line in mistakes('[pk]\nkind = "linear"')] == [
        "pk.molar_mass", "pk.unbound", "pk.clearance", "pk.volume",
    ]  # fmt: skip


def test_the_same_input_or_species_twice_is_refused() -> None:
    again = GOOD + GOOD[GOOD.index("[[effect]]") :]
    assert "effect: the same input twice: alkylator, alkylator" in mistakes(again)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_shipped_cards_have_a_source_and_status_on_every_value(path: Path) -> None:
    card = card_from_dict(tomllib.loads(path.read_text()), path.stem, str(path))
    assert card.effects or card.kind == "cells"
    assert len(card.sources()) == len(card.all_values())
    for key, status, source in card.sources():
        assert status in ("verified", "recalled", "assumed"), key
        assert len(source) > 5, key


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_shipped_cards_survive_a_trip_to_a_worker(path: Path) -> None:
    card = card_from_dict(tomllib.loads(path.read_text()), path.stem, str(path))
    again = pickle.loads(pickle.dumps(card))
    reference = {name: (item.reference, unit_of(item.unit)) for name, item in card.covariates.items()}
    for key, value in card.all_values().items():
        other = again.all_values()[key]
        assert (str(other), other.unit, other.typical(reference)) == (str(value), value.unit, value.typical(reference))
    assert again.sources() == card.sources()


@pytest.mark.parametrize("name", ["selinexor", "bortezomib", "ide_cel"])
def test_each_kind_of_card_is_described(name: str) -> None:
    path = FOLDER / f"{name}.toml"
    lines = card_from_dict(tomllib.loads(path.read_text()), name, path.name).describe()
    assert len(lines) > 5
    assert lines[-1].startswith("  ")


def test_describe_shows_values_exposure_effects_and_sources() -> None:
    assert read(GOOD).describe() == (
        "drug",
        "  compartments: gut, central; route: oral",
        "kinetics",
        "  molar_mass = 250 g/mol (verified)",
        "  unbound = 0.5, log-odds SD 0.3 (verified)",
        "  clearance = 2 L/h, log SD 0.294 (recalled)",
        "  volume = 10 L, log SD 0.2 (assumed)",
        "  absorption = 1 /h (assumed)",
        "in the reference patient, for each mg",
        "  drug: AUC 83.33 nM day, free 41.67 nM day",
        "  slowest half-life 3.47 h",
        "acts on alkylator, by free drug",
        "  potency = 0.065 uM (assumed)",
        "  slope = 2 /h (assumed)",
        "sources",
        "  s [molar_mass, unbound, clearance, volume, absorption, alkylator.potency, alkylator.slope]",
    )


def test_cards_need_no_pint() -> None:
    """Pint takes a second to start, which a warm run has not."""
    code = (
        "import sys, tomllib; from pdsim.pk import card_from_dict; "
        f"card_from_dict(tomllib.load(open({str(FOLDER / 'lenalidomide.toml')!r}, 'rb')), 'a', 'a').typical_system(); "
        "print('tomllib' in sys.modules, {'pint', 'xarray'} & set(sys.modules))"
    )
    told = subprocess.run([sys.executable, "-c", code], check=True, cwd=FOLDER.parents[1], capture_output=True)
    assert told.stdout.decode().strip() == "True set()"


OWN = GOOD.replace('value = 2, unit = "L/h", cv = 0.3', 'value = "2 L/h * (0.4 + 0.6 * cyp3a)"')
OPTIONAL = '[covariates]\ncyp3a = { unit = "1", reference = 1, optional = true }\n' + OWN


def test_a_cohort_may_lack_an_optional_covariate() -> None:
    cohort = xr.Dataset(coords={"patient": [0, 1]}, attrs={"seed": 1})
    told = cohort.assign(cyp3a=("patient", [0.0, 1.0]))
    quiet = read(OPTIONAL.replace(", log_sd = 0.2", "").replace(", logit_sd = 0.3", ""))
    assert quiet.system(cohort).matrix[:, 1, 1] == pytest.approx([-4.8, -4.8], rel=1e-12)
    assert quiet.system(told).matrix[:, 1, 1] == pytest.approx([-1.92, -4.8], rel=1e-12)
    with pytest.raises(CohortError, match="needs the covariate 'cyp3a'"):
        read(OPTIONAL.replace(", optional = true", "")).system(cohort)


@pytest.mark.parametrize("wrong", ['optional = "yes"', "optinal = true"])
def test_an_optional_covariate_is_written_in_one_way(wrong: str) -> None:
    found = mistakes(OPTIONAL.replace("optional = true", wrong))
    assert found[0].startswith("covariates.cyp3a: write cyp3a = { unit")
    assert "unit, reference and optional" in found[0]


def test_a_potency_may_be_that_of_a_rate() -> None:
    rate = read(GOOD.replace('value = 0.065, unit = "uM"', 'value = 2.4, unit = "nM*h"')).effects[0].keys["potency"]
    assert (rate.unit, rate.typical({})) == ("nM*day", pytest.approx(0.1))
    refused = mistakes(GOOD.replace('0.065, unit = "uM"', '1, unit = "mg"'))
    assert refused[0].startswith("effect[1] (alkylator).potency:")


def test_the_half_life_that_is_checked_is_the_parents() -> None:
    image = GOOD.replace("[[effect]]", METABOLITE + "[[effect]]", 1)
    cited = '[check.half_life]\nvalue = 3.5\nunit = "h"\nstatus = "assumed"\nsource = "c"\n'
    card = read(cited + image)
    assert 24 * half_life(card) == pytest.approx(48.0, rel=1e-9)
    assert published(card)["half_life"] == (pytest.approx(np.log(2) * 5 / 24, rel=1e-9), pytest.approx(3.5 / 24))
