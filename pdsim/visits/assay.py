"""Measurement: what the laboratory reads where the truth is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pdsim import draws

MARKERS = ("m_protein", "flc", "anc", "platelets")


@dataclass(frozen=True)
class AssayError:
    """Error of each assay: a normal draw times a standard deviation, cut off at zero.

    The standard deviation is ``proportional * value``; that of M-protein is
    ``sqrt((proportional*M)**2 + (additive*M / (M + soft))**2)``. The additive part is the residual of a model fitted
    to patients with measurable bands (about 17 g/L; Li 2025: 12.7 % and 2.6 g/L) and says nothing about a band near
    the detection limit, so it fades below `soft_m_protein`. A reading of M-protein under `detection_m_protein` is
    reported as 0: no band, immunofixation negative.

    The default is wide: in a patient with a stable 20 to 30 g/L it alone confirms a progression within a year of
    28-day visits with a probability of about 0.2. Repeated tests of stable patients vary by 8.1 % in all (Katzmann
    2011 Clin Chem 57:1687), ``AssayError(proportional_m_protein=0.081, additive_m_protein=0)``: 0.02 to 0.05.

    Parameters
    ----------
    proportional_m_protein, proportional_flc, proportional_anc, proportional_platelets : float
        Standard deviation as a share of the true value.
    additive_m_protein : float
        Additive standard deviation of high M-protein, g/L.
    soft_m_protein : float
        M-protein at which half of the additive part is left, g/L.
    detection_m_protein : float
        Readings below it become 0, g/L.
    """

    proportional_m_protein: float = 0.10
    proportional_flc: float = 0.10
    proportional_anc: float = 0.10
    proportional_platelets: float = 0.10
    additive_m_protein: float = 2.0
    soft_m_protein: float = 5.0
    detection_m_protein: float = 0.35

    @classmethod
    def none(cls) -> AssayError:
        """Return the assay that reads the truth."""
        return cls(0.0, 0.0, 0.0, 0.0, additive_m_protein=0.0, detection_m_protein=0.0)

    def read(self, true: np.ndarray, noise: np.ndarray) -> np.ndarray:
        """Measure.

        Parameters
        ----------
        true : array of float, (4, patient)
            True values in the order of `MARKERS`: g/L, mg/L, 1e9/L, 1e9/L; NaN stays NaN.
        noise : array of float, (4, patient)
            Standard normal draws.

        Returns
        -------
        array of float32, (4, patient)
        """
        share = np.array(
            [
                [self.proportional_m_protein],
                [self.proportional_flc],
                [self.proportional_anc],
                [self.proportional_platelets],
            ]
        )
        spread = share * true
        if self.additive_m_protein:
            m_protein = true[0]
            additive = self.additive_m_protein * m_protein / (m_protein + self.soft_m_protein)
            spread[0] = np.sqrt(spread[0] ** 2 + additive**2)
        measured = np.maximum(true + spread * noise, 0.0)
        measured[0, measured[0] < self.detection_m_protein] = 0.0
        return measured.astype(np.float32)


def assay_noise(
    seed: int, patients: np.ndarray, visits: int, markers: Sequence[str] = MARKERS
) -> dict[str, np.ndarray]:
    """Draw the noise of all assays of a block of patients.

    A patient's draws depend on seed, patient number, marker and visit alone: not on the other patients, the arm or
    the number of visits.

    Parameters
    ----------
    seed : int
        Seed of the study.
    patients : array of int, (patient,)
        Patient numbers.
    visits : int
        Visits, baseline included.
    markers : sequence of str
        Those that are measured.

    Returns
    -------
    dict of str to array of float, (patient, visit)
        Standard normal draws by marker.
    """
    return {marker: draws.normals(seed, patients, f"assay.{marker}", visits) for marker in markers}
