"""From the TOML keys of a drug card to a DrugCard, with all mistakes in one message."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pdsim.errors import ConfigError, UnitError, did_you_mean
from pdsim.pk import cells
from pdsim.pk.card import Covariate, DrugCard, Effect, Metabolite, Value
from pdsim.pk.keys import (
    CHECK_UNITS,
    COVARIATES,
    EFFECT_UNITS,
    KINDS,
    METABOLITE_UNITS,
    NEEDS,
    OTHER_EFFECT_UNITS,
    REQUIRED,
    ROUTES,
    UNITS,
)
from pdsim.pk.quantity import unit_of
from pdsim.pk.reference import ReferenceReader
from pdsim.pk.values import ValueReader

KEYS = ("label", "class", "source", "status", "covariates", "reference", "check", "pk", "metabolite", "effect")


def card_from_dict(data: Mapping[str, Any], name: str, where: str) -> DrugCard:
    """Build a drug card from the keys of its file.

    Parameters
    ----------
    data : mapping
        Tables ``pk``, ``metabolite``, ``effect``, ``covariates`` and the texts of the card.
    name : str
        Name of the drug, that of the file.
    where : str
        File, for messages.

    Returns
    -------
    DrugCard

    Raises
    ------
    ConfigError
        Lists every mistake with its key path. Tables that repeat count from 1.
    """
    reader = _Reader(data)
    card = reader.card(data, name, where)
    if reader.mistakes:
        count = len(reader.mistakes)
        head = f"{where}: {count} mistake{'s' * (count > 1)} in the card of '{name}'"
        raise ConfigError("\n".join([head, *("  " + text for text in reader.mistakes)]))
    return card


class _Reader:
    """Reads the tables of one card and collects mistakes."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        self.mistakes: list[str] = []
        self.covariates = {**COVARIATES, **self._own_covariates(data.get("covariates", {}))}
        self.values = ValueReader(self.mistakes, self.covariates, data.get("source", ""), data.get("status", ""))

    def card(self, data: Mapping[str, Any], name: str, where: str) -> DrugCard:
        self.unknown(data, KEYS, "")
        texts = {key: self.text(data, key, "") for key in ("label", "class", "source", "status")}
        table = data.get("pk")
        if not isinstance(table, Mapping):
            self.mistakes.append("pk: missing; give a table [pk] with kind, molar_mass, unbound, clearance, volume")
            table = {}
        else:
            self.kind(table)
        kind = table.get("kind")
        kind = kind if kind in KINDS else ""
        values = self.pk(table, kind) if kind else {}
        parent = self.text(table, "species", "pk.") or name
        metabolites = [self.metabolite(row, path, values) for path, row in self.tables(data, "metabolite")]
        species = (parent, *(metabolite.name for metabolite in metabolites))
        if len(set(species)) < len(species):
            self.mistakes.append(f"metabolite: the same species twice: {', '.join(species)}")
        effects = [self.effect(row, path, species) for path, row in self.tables(data, "effect")]
        compartments = ["gut"] * ("absorption" in values) + ["depot"] * ("depot_absorption" in values)
        compartments += ["central"] + ["peripheral"] * ("volume_2" in values) + ["deep"] * ("volume_3" in values)
        route = self.route(table, values, kind)
        if kind == "cells":
            compartments, species = [], ()
            self.cells(data, table)
        reference = ReferenceReader(self.values, route).read(data["reference"]) if "reference" in data else None
        inputs = [effect.input for effect in effects]
        if len(set(inputs)) < len(inputs):
            self.mistakes.append(f"effect: the same input twice: {', '.join(inputs)}")
        used = [value.expression.names for value in values.values()]
        used += [value.expression.names for effect in effects for value in effect.keys.values()]
        return DrugCard(
            name=name,
            label=texts["label"] or name,
            drug_class=texts["class"],
            where=where,
            molar_mass=self.constant(values, "molar_mass"),
            route=route,
            compartments=(*compartments, *species[1:]),
            species=species,
            values=values,
            metabolites=tuple(metabolites),
            effects=tuple(effects),
            covariates={word: self.covariates[word] for word in dict.fromkeys(sum(used, ()))},
            kind=kind or "linear",
            state=self.text(table, "state", "pk."),
            reference=reference,
            checks=self.checks(data, kind),
        )

    def kind(self, table: Mapping[str, Any]) -> None:
        kind, known = table.get("kind"), ", ".join(KINDS)
        if kind is None:
            self.mistakes.append(f"pk.kind: missing. Known kinds: {known}")
        elif kind not in KINDS:
            hint = did_you_mean(str(kind), KINDS)
            self.mistakes.append(f"pk.kind: {kind!r} is not known.{hint} Known kinds: {known}")

    def pk(self, table: Mapping[str, Any], kind: str) -> dict[str, Value]:
        units = UNITS[kind]
        own = ("kind", "route", "state") if kind == "cells" else ("kind", "route", "species")
        elsewhere = {
            key: " or ".join(f'"{name}"' for name in KINDS if key in UNITS[name])
            for key in {**UNITS["states"], **UNITS["cells"]}
            if key not in units
        }
        for key in table:
            if key in elsewhere and key not in own:
                self.mistakes.append(f'pk.{key}: belongs to kind = {elsewhere[key]}, and this card is "{kind}"')
        self.unknown({key: 0 for key in table if key not in elsewhere}, (*own, *units), "pk.")
        for key in REQUIRED[kind]:
            if key not in table:
                self.mistakes.append(
                    f'pk.{key}: missing; write {{ value = ..., unit = "{units[key][0]}", status, source }}'
                )
        if kind != "cells":
            self.mistakes += [
                f"pk.{key}: has no meaning without {other}"
                for key, other in NEEDS.items()
                if key in table and key in units and other not in table
            ]
        if "clearance_later" in table and ("clearance_change" in table) == ("clearance_half_time" in table):
            self.mistakes.append(
                "pk.clearance_later: give clearance_change, a rate, or clearance_half_time with clearance_steepness"
            )
        found = {key: self.quantity(table[key], key, fitting, "pk.") for key, fitting in units.items() if key in table}
        return {key: value for key, value in found.items() if value is not None}

    def quantity(self, written: Any, key: str, units: tuple[str, ...], path: str) -> Value | None:
        """Read a quantity in the first of some units that it fits."""
        return self.values.read(written, key, self.values.fitting(written, units), path)

    def cells(self, data: Mapping[str, Any], table: Mapping[str, Any]) -> None:
        """Note what a card of cells lacks, or has and cannot have."""
        if not self.text(table, "state", "pk."):
            self.mistakes.append('pk.state: missing; name the state of the model that takes the cells, such as "car_t"')
        self.mistakes += [
            f"{key}: cells have none; what they do is in the disease model"
            for key in ("metabolite", "effect", "check")
            if key in data
        ]

    def checks(self, data: Mapping[str, Any], kind: str) -> dict[str, Value]:
        """Read the published exposure that the card's own is held against."""
        table = data.get("check", {})
        if not isinstance(table, Mapping):
            self.mistakes.append("check: write a table [check] with auc or half_life")
            return {}
        self.unknown(table, tuple(CHECK_UNITS), "check.")
        if "auc" in table and "reference" not in data and kind != "cells":
            self.mistakes.append("check.auc: has no meaning without a reference dose; add [reference]")
        found = {
            key: self.quantity(table[key], key, units, "check.") for key, units in CHECK_UNITS.items() if key in table
        }
        return {key: value for key, value in found.items() if value is not None}

    def metabolite(self, row: Mapping[str, Any], path: str, values: dict[str, Value]) -> Metabolite:
        name = self.text(row, "name", path) or "?"
        self.unknown(row, ("name", *METABOLITE_UNITS), path)
        form: Literal["ratio", "fraction"] = "ratio" if "ratio" in row else "fraction"
        if ("ratio" in row) == ("fraction" in row):
            self.mistakes.append(
                f"{path}ratio: give either ratio (to the parent's concentration) or fraction (of its loss)"
            )
        needed = ("molar_mass", "unbound", "elimination", *(("volume",) if form == "fraction" else ()))
        self.mistakes += [f"{path}{key}: missing" for key in ("name", *needed) if key not in row]
        if form == "ratio" and "volume" in row:
            self.mistakes.append(f"{path}volume: a metabolite given by its ratio has the parent's volume; leave it out")
        for key, unit in METABOLITE_UNITS.items():
            value = self.values.read(row[key], key, unit, path) if key in row else None
            if value is not None:
                values[f"{name}.{key}"] = value
        return Metabolite(name, self.constant(values, f"{name}.molar_mass"), form)

    def effect(self, row: Mapping[str, Any], path: str, species: tuple[str, ...]) -> Effect:
        target = self.text(row, "input", path)
        if not target:
            self.mistakes.append(f'{path}input: missing; name an input of the model, for example "alkylator"')
        acting = self.text(row, "species", path) or species[0]
        if acting not in species:
            hint = did_you_mean(acting, species)
            self.mistakes.append(f"{path}species: '{acting}' is none of this card.{hint} Known: {', '.join(species)}")
        keys = {}
        for key, written in row.items():
            if key not in ("input", "species"):
                unit = self.values.fitting(written, EFFECT_UNITS.get(key, OTHER_EFFECT_UNITS))
                value = self.values.read(written, key, unit, path)
                if value is not None:
                    keys[key] = value
        if not set(row) - {"input", "species"}:
            self.mistakes.append(
                f"{path.rstrip('.')}: give the keys that the input's combine asks for, such as potency"
            )
        return Effect(target, acting, keys)

    def route(self, table: Mapping[str, Any], values: dict[str, Value], kind: str) -> str | None:
        route = self.text(table, "route", "pk.") or None
        absorbed = {"oral": "absorption", "sc": "depot_absorption"}
        if route is not None and route not in ROUTES:
            known = ", ".join(ROUTES)
            self.mistakes.append(f"pk.route: '{route}' is no route.{did_you_mean(route, ROUTES)} Known: {known}")
        elif kind == "cells" and route is not None and route not in cells.ROUTES:
            self.mistakes.append(f"pk.route: cells are given by {' or '.join(cells.ROUTES)}, not '{route}'")
        elif kind != "cells" and route in absorbed and absorbed[route] not in table:
            self.mistakes.append(f"pk.route: '{route}' needs {absorbed[route]}")
        return route

    def constant(self, values: Mapping[str, Value], key: str) -> float:
        """Return the value of a key that cannot differ between patients, such as a molar mass."""
        value = values.get(key)
        if value is None:
            return 1.0
        if value.varies or value.expression.names:
            self.mistakes.append(f"{key}: is the same in every patient; leave covariates and variability out")
            return 1.0
        return float(value.typical({}))

    def tables(self, data: Mapping[str, Any], key: str) -> list[tuple[str, Mapping[str, Any]]]:
        rows = data.get(key, [])
        if not isinstance(rows, list) or not all(isinstance(row, Mapping) for row in rows):
            self.mistakes.append(f"{key}: write it as [[{key}]]")
            return []
        named = "name" if key == "metabolite" else "input"
        found = []
        for number, row in enumerate(rows, 1):
            label = row.get(named)
            found.append((f"{key}[{number}] ({label})." if isinstance(label, str) else f"{key}[{number}].", row))
        return found

    def text(self, table: Mapping[str, Any], key: str, path: str) -> str:
        written = table.get(key, "")
        if isinstance(written, str):
            return written
        self.mistakes.append(f"{path}{key}: {written!r} is not a text in quotes")
        return ""

    def unknown(self, table: Mapping[str, Any], known: tuple[str, ...], path: str) -> None:
        for key in table:
            if key not in known:
                self.mistakes.append(
                    f"{path}{key}: unknown key.{did_you_mean(key, known)} Accepted: {', '.join(known)}"
                )

    def _own_covariates(self, table: Any) -> dict[str, Covariate]:
        found: dict[str, Covariate] = {}
        if not isinstance(table, Mapping):
            self.mistakes.append('covariates: write a table, for example albumin = { unit = "g/L", reference = 38.0 }')
            return found
        for name, row in table.items():
            try:
                unit_of(row["unit"])
                optional = row.get("optional", False)
                if not isinstance(optional, bool) or set(row) - {"unit", "reference", "optional"}:
                    raise ValueError("keys are unit, reference and optional, which is true or false")
                found[name] = Covariate(row["unit"], float(row["reference"]), optional)
            except (KeyError, TypeError, ValueError, UnitError) as wrong:
                example = '{ unit = "g/L", reference = 38.0 }'
                self.mistakes.append(f"covariates.{name}: write {name} = {example} ({wrong})")
        return found
