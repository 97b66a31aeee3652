"""Claim files: the shipped suite is whole, mistakes end in one message, a small suite runs to JSON."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from pdsim.errors import ConfigError, NotFoundError
from pdsim.library import Library
from pdsim.mechanisms import Suite, as_json, choose, load_suite, pass_share, run_suite
from pdsim.mechanisms.run import open_claims

CHECK = {"M11", "M36", "M37", "M38", "M47", "M48", "M81", "M83", "M85"}
BLIND = {"M12", "M53", "M54", "M56"}

CLAIMS = """
[dose.toy]
drug = "toycide"
amount = "25 mg"
days = "1-21"
route = "oral"

[[claim]]
id = "M1"
title = "Kill needs its rate"
kind = "dynamic"
basis = "mechanism"
statement = "Without kill the drug does nothing, with it there is less tumour."
source = "test"
population = "toys"
stop = "56 d"
size = 16
[claim.arms]
none = {}
drug = { give = ["toy"] }
idle = { give = ["toy"], set = { kill = 0.0 } }
later = { give = ["toy"], after = "none", at = "end" }
[[claim.check]]
title = "log burden, drug - none"
readout = { kind = "output", of = "log(burden)" }
arms = ["drug", "none"]
below = -0.1
[[claim.check]]
title = "log burden, idle - none"
readout = { kind = "output", of = "log(burden)" }
arms = ["idle", "none"]
above = -1e-6
below = 1e-6
[[claim.check]]
title = "log burden, given later - at once"
readout = { kind = "output", of = "log(burden)" }
arms = ["later", "drug"]
above = 0.3

[[claim]]
id = "M2"
title = "More growth with drug"
kind = "dynamic"
basis = "fit"
statement = "The drug makes the tumour grow, which it does not."
source = "test"
population = "toys"
stop = "56 d"
size = 16
[claim.arms]
none = {}
drug = { give = ["toy"] }
[[claim.check]]
title = "burden, drug / none"
readout = { kind = "output", of = "burden", over = "max" }
contrast = "ratio"
arms = ["drug", "none"]
above = 1.0

[[claim]]
id = "M3"
title = "Sealed"
kind = "dynamic"
basis = "check"
statement = "Not to be looked at."
source = "test"
population = "toys"
[claim.arms]
none = {}
[[claim.check]]
title = "burden"
readout = { kind = "output", of = "burden" }
contrast = "value"
arms = ["none"]
above = 0.0

[[claim]]
id = "M4"
title = "Elsewhere"
kind = "outside"
basis = "fit"
statement = "Skin."
source = "test"
reason = "no skin here"
"""


@pytest.fixture(scope="module")
def shipped() -> Suite:
    return load_suite()


@pytest.fixture
def claims(folder: Path) -> Callable[..., Suite]:
    """Write the small suite, with some text replaced, and load it."""

    def load(*pairs: str, frozen: bool = False) -> Suite:
        text = CLAIMS
        for old, new in zip(pairs[::2], pairs[1::2], strict=True):
            assert old in text
            text = text.replace(old, new, 1)
        place = folder / "claims"
        place.mkdir(exist_ok=True)
        (place / "claims.toml").write_text(text)
        return load_suite("claims", Library(study_folder=folder), model="toy", frozen=frozen)

    return load


def test_every_claim_is_there_once_in_order(shipped: Suite) -> None:
    assert [claim.id for claim in shipped.claims] == [f"M{number}" for number in range(1, 88)]


def test_kinds_and_bases_are_those_agreed(shipped: Suite) -> None:
    kinds = Counter(claim.kind for claim in shipped.claims)
    assert kinds == {"dynamic": 68, "direct": 6, "outside": 13}
    bases = {basis: {claim.id for claim in shipped.claims if claim.basis == basis} for basis in ("check", "blind")}
    assert bases == {"check": CHECK, "blind": BLIND}


def test_what_has_no_experiment_says_why(shipped: Suite) -> None:
    without = {claim.id for claim in shipped.claims if claim.id not in shipped.experiments}
    outside = {claim.id for claim in shipped.claims if claim.kind == "outside"}
    assert without == outside
    assert all(claim.reason for claim in shipped.claims if claim.id in without or claim.kind == "direct")


def test_check_claims_are_not_simulated_before_a_freeze(shipped: Suite) -> None:
    assert not shipped.frozen
    assert not {claim.id for claim in open_claims(shipped)} & CHECK


def test_a_small_suite_runs_to_json(claims: Callable[..., Suite]) -> None:
    results = run_suite(claims())
    assert {result.claim.id: result.verdict for result in results} == {
        "M1": "pass",
        "M2": "fail",
        "M3": "sealed",
        "M4": "none",
    }
    assert pass_share(results) == (1, 2)
    tree = json.loads(json.dumps(as_json(results), allow_nan=False))
    assert tree["summary"] == {
        "kinds": {"dynamic": 3, "outside": 1},
        "results": {"pass": 1, "fail": 1, "sealed": 1, "none": 1},
        "dynamic_judged": 2,
        "dynamic_passed": 1,
    }
    first, second, sealed, outside = tree["claims"]
    assert {"id", "kind", "basis", "result", "expected", "observed", "reason"} <= set(first)
    assert first["expected"].startswith("log burden, drug - none < -0.1; ")
    assert first["checks"][1]["observed"] == pytest.approx(0.0, abs=1e-6)
    assert first["probability"] == 1.0
    assert second["checks"][0]["arms"]["drug"] < second["checks"][0]["arms"]["none"]
    assert second["probability"] == 0.0
    assert sealed["observed"] is None
    assert sealed["checks"] == []
    assert outside["reason"] == "no skin here"


def test_a_frozen_suite_looks_at_check_claims(claims: Callable[..., Suite]) -> None:
    results = run_suite(choose(claims(frozen=True), ["m3"]), size=2)
    assert [(result.claim.id, result.verdict, result.size) for result in results] == [("M3", "pass", 2)]


# what is replaced, by what, and the mistake as printed
BAD = {
    "misspelt key": (
        "statement = ",
        "statment = ",
        "M1.statment: unknown key. Did you mean 'statement' or 'patients'?",
    ),
    "unknown kind": ('"dynamic"', '"static"', "M1.kind: 'static' is not one of dynamic, direct, outside."),
    "unknown readout": (
        'kind = "output"',
        'kind = "outptu"',
        "M1.check[1].readout.kind: 'outptu' is not one of output, response, mrd, survival, grade, time_to_best, "
        "time_to, exposure, intensity. Did you mean 'output'?",
    ),
    "key of another readout": (
        'of = "log(burden)"',
        'of = "log(burden)", least = 3',
        "M1.check[1].readout: 'least' is no key of kind = 'output'; it has: of, over, from, to, relative, summary.",
    ),
    "unknown arm": (
        '["drug", "none"]',
        '["drgu", "none"]',
        "M1: there is no arm 'drgu'. Arms: none, drug, idle, later.",
    ),
    "too few arms": ('["drug", "none"]', '["drug"]', "M1.check[1]: contrast = 'difference' takes 2 arms, not 1."),
    "no bound": ("below = -0.1\n", "", "M1.check[1]: has no bound; write 'above', 'below' or both."),
    "empty bounds": ("above = -1e-6", "above = 1", "M1.check[2]: above = 1 leaves nothing below 1e-06."),
    "unknown dose": (
        'give = ["toy"]',
        'give = ["tyo"]',
        "M1.arms.drug.give: there is no dose 'tyo'. Did you mean 'toy'?",
    ),
    "unknown drug": ('"toycide"', '"toycid"', "There is no drug 'toycid'. Did you mean 'toycide'?"),
    "unknown parameter": (
        "kill = 0.0",
        "kil = 0.0",
        "M1.arms.idle.set.kil: no parameter of the model. Did you mean 'kill'?",
    ),
    "unknown population": (
        '"toys"',
        '"toyz"',
        "M1.arms.none.population: there is no population 'toyz'. Did you mean 'toys'?",
    ),
    "unknown output": (
        '"log(burden)"',
        '"log(burdn)"',
        "M1.check.readout.of: unknown variable 'burdn'. Did you mean 'burden'?",
    ),
    "half of two lines": (
        "later = {",
        'both = { first = "none" }\nlater = {',
        "M1.arms.both: is read from two arms: 'first', 'second', a 'share' if it is not all, and no other key.",
    ),
    "second line of another arm": (
        "later = {",
        'both = { first = "none", second = "later" }\nlater = {',
        "M1: the arm 'both' needs a second arm that starts at progression in 'none'.",
    ),
    "two lines read for more than survival": (
        'later = { give = ["toy"], after = "none", at = "end" }',
        'later = { give = ["toy"], after = "none" }\nboth = { first = "none", second = "later" }',
        "M1: only survival is read from the arm 'both', which joins two others.",
        'arms = ["later", "drug"]',
        'arms = ["both", "drug"]',
    ),
    "unknown number of the hazard": (
        'stop = "56 d"',
        'stop = "56 d"\ndeath = { later_line = 0 }',
        "M1.death.later_line: unknown. Did you mean 'later_lines' or 'other_rise'?",
    ),
    "claim twice": ('id = "M2"', 'id = "M1"', "M1: this claim is in claims/claims.toml too."),
    "outside with a check": ('kind = "dynamic"', 'kind = "outside"', "M1: is outside, so it has no experiment"),
    "nothing to say": ('reason = "no skin here"', "", "M4: has no check, so it needs a 'reason'."),
}


@pytest.mark.parametrize("name", BAD)
def test_mistakes_are_named(name: str, claims: Callable[..., Suite]) -> None:
    old, new, expected, *more = BAD[name]
    with pytest.raises(ConfigError) as raised:
        claims(old, new, *more)
    message = str(raised.value)
    assert expected in message
    assert "in the suite claims:\n  claims/claims.toml\n    - " in message


def test_an_empty_folder_is_named(folder: Path) -> None:
    with pytest.raises(NotFoundError, match="nothing holds no claim files"):
        load_suite(folder / "nothing")


def test_an_unknown_claim_is_named(shipped: Suite) -> None:
    with pytest.raises(ConfigError, match="There is no claim 'M88'"):
        choose(shipped, ["M88"])


def test_the_command_prints_a_row_and_writes_json(folder: Path, command: Callable[..., tuple[int, str, str]]) -> None:
    status, out, _ = command("mechanisms", "M5", "M11", "--json", "out/claims.json")
    assert status == 0
    assert "off its target" in out or "no isomers" in out
    written = json.loads((folder / "out/claims.json").read_text())
    assert [(claim["id"], claim["result"]) for claim in written["claims"]] == [("M5", "none"), ("M11", "sealed")]


def test_the_command_names_an_unknown_claim(command: Callable[..., tuple[int, str, str]]) -> None:
    status, _, err = command("mechanisms", "M99")
    assert status == 2
    assert err.startswith("pdsim: There is no claim 'M99'. Did you mean 'M9'")
    assert err.endswith(" There are M1 to M87.\n")


def test_a_sample_of_the_shipped_claims_holds(shipped: Suite) -> None:
    """Claims of one file on lenalidomide alone, which share one set of kernels."""
    results = run_suite(choose(shipped, ["M15", "M18"]), size=8)
    assert {result.claim.id: result.verdict for result in results} == dict.fromkeys(("M15", "M18"), "pass")


@pytest.mark.slow
def test_nine_of_ten_claims_hold_with_one_set_of_parameters(shipped: Suite) -> None:
    """At a third of the patients, so that a claim near its bound may fall either way; the shipped sizes do better."""
    results = run_suite(shipped, size=32)
    passed, judged = pass_share(results)
    assert judged >= 54
    assert passed >= 0.85 * judged


@pytest.mark.slow
def test_claims_that_no_parameter_may_break(shipped: Suite) -> None:
    """By the structure of the equations: no kill without cereblon, less tumour with more drug, kill comes late."""
    results = run_suite(choose(shipped, ["M1", "M2", "M27"]), size=16)
    assert {result.claim.id: result.verdict for result in results} == dict.fromkeys(("M1", "M2", "M27"), "pass")
