"""Where values come from: source, and whether it was looked up."""

from __future__ import annotations

PILOT = {"source": "pilot calibration of a reduced model on published trials; a start value, not evidence"}
COMPOSITE = {"source": "composite of published models; a start value without a paper behind it"}
CHOSEN = {"source": "chosen here; see models/README.md"}
TRIALS = {"source": "trial population"}
GALLAHER = {"source": "Gallaher 2018 J Theor Biol 458:31 (BioModels MODEL1907050001)", "status": "verified"}
ABBIATI = {"source": "Abbiati 2021 AAPS J (avadomide neutropenia, myeloma cohort)", "status": "verified"}
HASSELT = {"source": "van Hasselt 2013 Br J Clin Pharmacol", "status": "verified"}
FRIBERG = {"source": "Friberg-type platelet models", "status": "recalled"}
FCRN = {"source": "parameterisation derived from Waldmann and Strober 1969", "status": "recalled"}
CHAINS = {"source": "clinical immunoglobulin and light-chain reference text (Bradwell)", "status": "verified"}
BCMA = {"source": "sBCMA kinetics and response papers (2022)", "status": "verified"}
BURDEN = {"source": "Salmon and Smith 1970; range 2e12 to 1e13", "status": "recalled"}
BASELINES = {"source": "trial baselines", "status": "recalled"}
GE = {"source": "set to the fall of Tregs in Ge 2012 Cancer Immunol Immunother and their return within 3 months"}
ASSUMED = {"source": "no value published for this quantity; a start value for calibration"}
CART = {"source": "composite of Stein 2019 CPT Pharmacometrics Syst Pharmacol, Singh 2021 and Kimmel 2021 Proc R Soc B"}
KISSELEV = {
    "source": "assumed after Kisselev 2006 J Biol Chem 281:8582: block of the main site slows breakdown by 0.11 to 0.5"
}
PROTEASOME = {"source": "carfilzomib pharmacodynamics in blood cells; range 0.4 to 0.8", "status": "recalled"}
QUARTINO = {"source": "assumed; Quartino 2014 Pharm Res 31:3390: the factor raises production, shortens maturation"}
KIMMEL = {"source": "set so that T cells refill in the three weeks of Kimmel 2021 Proc R Soc B (0.17 a day, Gompertz)"}
MINUCCI = {"source": "set for 0.9 a day net over expansion (Stein 2019); Minucci 2024: CAR-T cells divide every 5.4 h"}
PEAK = {
    "source": "set for a peak on day 11 (ide-cel label); CAR-T cells hold 0.28 of what normal ones do in Kimmel 2021"
}
