"""The standard normal distribution on arrays, to the last digit, without the import of SciPy.

To import SciPy's special functions takes as long as to draw a cohort a hundred times.

Reference: Moshier, Methods and Programs for Mathematical Functions, 1989: the rational approximations of `quantile`.
"""

from __future__ import annotations

from math import erfc, exp, pi, sqrt
from typing import Any

import numpy as np

# coefficients of numerator and denominator, highest power first: middle, flanks, far tails
_MIDDLE = (
    (-59.9633501014107895267, 98.0010754185999661536, -56.6762857469070293439, 13.9312609387279679503,
     -1.23916583867381258016),
    (1.0, 1.95448858338141759834, 4.67627912898881538453, 86.3602421390890590575, -225.462687854119370527,
     200.260212380060660359, -82.0372256168333339912, 15.9056225126211695515, -1.18331621121330003142),
)  # fmt: skip
_FLANK = (
    (4.05544892305962419923, 31.5251094599893866154, 57.1628192246421288162, 44.0805073893200834700,
     14.6849561928858024014, 2.18663306850790267539, -0.140256079171354495875, -0.0350424626827848203418,
     -8.57456785154685413611e-4),
    (1.0, 15.7799883256466749731, 45.3907635128879210584, 41.3172038254672030440, 15.0425385692907503408,
     2.50464946208309415979, -0.142182922854787788574, -0.0380806407691578277194, -9.33259480895457427372e-4),
)  # fmt: skip
_TAIL = (
    (3.23774891776946035970, 6.91522889068984211695, 3.93881025292474443415, 1.33303460815807542389,
     0.201485389549179081538, 0.0123716634817820021358, 3.01581553508235416007e-4, 2.65806974686737550832e-6,
     6.23974539184983293730e-9),
    (1.0, 6.02427039364742014255, 3.67983563856160859403, 1.37702099489081330271, 0.216236993594496635890,
     0.0134204006088543189037, 3.28014464682127739104e-4, 2.89247864745380683936e-6, 6.79019408009981274425e-9),
)  # fmt: skip


def quantile(share: Any) -> Any:
    """Return the score below which a share of the distribution lies; infinite at 0 and 1."""
    shares = np.asarray(share, dtype=np.float64).reshape(-1)
    middle = shares - 0.5
    square = middle * middle
    found = (middle + middle * (square * _ratio(_MIDDLE, square))) * sqrt(2.0 * pi)
    rest = np.minimum(shares, 1.0 - shares)
    outer = rest <= exp(-2.0)
    if outer.any():
        depth = np.sqrt(-2.0 * np.log(np.maximum(rest[outer], 1e-323)))
        inverse = 1.0 / depth
        less = inverse * np.where(depth < 8.0, _ratio(_FLANK, inverse), _ratio(_TAIL, inverse))
        size = np.where(rest[outer] > 0.0, depth - np.log(depth) / depth - less, np.inf)
        found[outer] = np.copysign(size, middle[outer])
    return found.reshape(np.shape(share))


def share_below(score: Any) -> Any:
    """Return the share of the distribution that lies below a score."""
    upper = np.asarray(score, dtype=np.float64).reshape(-1) / -sqrt(2.0)
    return 0.5 * np.array([erfc(one) for one in upper.tolist()]).reshape(np.shape(score))


def _ratio(polynomials: tuple[tuple[float, ...], tuple[float, ...]], x: np.ndarray) -> np.ndarray:
    above, below = (np.polyval(one, x) for one in polynomials)
    return above / below
