"""Axes whose ticks are chosen once: matplotlib does it anew for the layout and for each file, several times each."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axis import Axis, Tick
    from matplotlib.backend_bases import RendererBase
    from matplotlib.transforms import Bbox


class KeptTicks:
    """Ticks of an axis, chosen and measured again only where its axes have moved or its limits have changed.

    Takes the place of methods of the axis; where another matplotlib does not call these, nothing is kept. No tick must
    have been given a look of its own.

    Parameters
    ----------
    axis : Axis
    """

    def __init__(self, axis: Axis) -> None:
        self._axis, self._settled = axis, False
        self._choose, self._measure = axis._update_ticks, axis._get_ticklabel_bboxes
        self._place: tuple[float, ...] = ()
        self._ticks: list[Tick] = []
        self._boxes: tuple[list[Bbox], list[Bbox]] | None = None
        axis._update_ticks, axis._get_ticklabel_bboxes = self._chosen, self._measured
        # a new tick looks as `tick_params` says; to make it like the first one as well takes as long again
        axis._copy_tick_props = lambda *_: None

    def settle(self) -> None:
        """Keep the ticks for good; boxes are asked for no more, unless the axis writes a power of ten beside them."""
        self._chosen()
        self._settled = True
        self._boxes = None if self._axis.get_offset_text().get_text() else ([], [])

    def _chosen(self) -> list[Tick]:
        place = (*self._axis.axes.get_position().bounds, *self._axis.get_view_interval())
        if not self._settled and place != self._place:
            self._place, self._ticks, self._boxes = place, self._choose(), None
        return self._ticks

    def _measured(self, ticks: list[Tick], renderer: RendererBase | None = None) -> tuple[list[Bbox], list[Bbox]]:
        if self._settled and self._boxes is None:
            return self._measure(ticks, renderer)
        if self._boxes is None:
            self._boxes = self._measure(ticks, renderer)
        return self._boxes
