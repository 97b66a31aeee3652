"""Counter-based random numbers: one patient's draws depend on (seed, patient, purpose) alone."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.random import Philox

from pdsim._normal import quantile

_WORDS = 4  # a Philox counter yields four 64-bit words
_CHUNK = 64  # words of a further stream, so that a longer study keeps its first numbers


def uniforms(seed: int, patients: np.ndarray, purpose: str, count: int) -> np.ndarray:
    """Draw uniform numbers in (0, 1) for each patient.

    Parameters
    ----------
    seed : int
        Seed of the study.
    patients : array of int, (patient,)
        Patient numbers; any subset in any order gives the same rows.
    purpose : str
        What the numbers are for; another purpose is an independent stream.
    count : int
        Numbers a patient; asking for more leaves the first ones as they are.

    Returns
    -------
    array of float, (patient, count)
    """
    patients = np.asarray(patients, dtype=np.int64)
    widths = [_WORDS, *[_CHUNK] * -(-max(0, count - _WORDS) // _CHUNK)]
    chunks = [_chunk(seed, patients, f"{purpose}:{number}", width) for number, width in enumerate(widths)]
    return np.concatenate(chunks, axis=1)[:, :count]


def _chunk(seed: int, patients: np.ndarray, stream: str, width: int) -> np.ndarray:
    """Draw `width` numbers a patient, a multiple of four; neighbouring patients come from one run of the counter."""
    digest = hashlib.blake2b(f"{seed}:{stream}".encode(), digest_size=16).digest()
    key = np.frombuffer(digest, dtype=np.uint64)
    out = np.empty((len(patients), width))
    breaks = np.flatnonzero(np.diff(patients) != 1) + 1
    for rows in np.split(np.arange(len(patients)), breaks):
        if len(rows):
            raw = Philox(key=key, counter=int(patients[rows[0]]) * (width // _WORDS)).random_raw(len(rows) * width)
            out[rows] = ((raw.reshape(len(rows), width) >> np.uint64(12)) + 0.5) * 2.0**-52
    return out


def normals(seed: int, patients: np.ndarray, purpose: str, count: int) -> np.ndarray:
    """Draw standard normal numbers; see `uniforms`. Returns (patient, count)."""
    return quantile(uniforms(seed, patients, purpose, count))


def exponentials(seed: int, patients: np.ndarray, purpose: str, count: int) -> np.ndarray:
    """Draw unit exponential numbers; see `uniforms`. Returns (patient, count)."""
    return -np.log(uniforms(seed, patients, purpose, count))
