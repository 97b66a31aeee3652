"""Work on several simulations at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Part = TypeVar("Part")
Result = TypeVar("Result")


def together(work: Callable[[Part], Result], parts: Iterable[Part], threads: int) -> list[Result]:
    """Work on as many parts at once as there are threads, so that one prepares while another is integrated.

    Results come in the order of the parts. The first error ends it; what has not begun is left.
    """
    with ThreadPoolExecutor(threads, thread_name_prefix="pdsim-together") as pool:
        waiting = [pool.submit(work, part) for part in parts]
        try:
            return [one.result() for one in waiting]
        finally:
            pool.shutdown(cancel_futures=True)
