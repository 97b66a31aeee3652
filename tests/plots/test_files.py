"""Figure files: names, kinds, formats, the same bytes twice."""

from __future__ import annotations

import re

import pytest
from matplotlib import image

from pdsim import plot
from pdsim.errors import PdsimError, StoreError
from pdsim.plot.save import write_figures
from pdsim.plot.settled import KeptTicks

STEMS = ["m_protein", "waterfall", "clones", "anc", "platelets", "pfs", "hypotheses"]


@pytest.fixture(scope="module")
def written(run, tmp_path_factory):
    return plot.save_figures(run, tmp_path_factory.mktemp("figures"))


def test_names_are_stable(written):
    assert [path.name for path in written] == [f"{stem}.{end}" for stem in STEMS for end in ("png", "svg")]
    assert [kind for kind in plot.KINDS if kind != "ledger"] == STEMS  # this run has no dosing rules


def test_png_is_180_mm_wide_at_200_dpi(written):
    for path in written:
        if path.suffix == ".png":
            assert image.imread(path).shape[1] == pytest.approx(180 / 25.4 * 200, abs=1)


def test_svg_keeps_text_and_says_nothing_of_time_or_machine(written):
    for path in written:
        if path.suffix == ".svg":
            text = path.read_text(encoding="utf-8")
            assert "<text" in text
            assert "months from randomisation" in text or path.stem == "waterfall"
            assert "<dc:date>" not in text
            assert not re.search(r"matplotlib v?\d", text, re.IGNORECASE)
            assert len(text) < 1_500_000


def test_same_run_gives_the_same_bytes(run, tmp_path):
    first = plot.save_figures(run, tmp_path / "a", kinds=["waterfall", "pfs"])
    second = plot.save_figures(run, tmp_path / "b", kinds=["waterfall", "pfs"])
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_kinds_and_formats_are_chosen(run, tmp_path):
    paths = plot.save_figures(run, tmp_path, formats=["pdf"], kinds=["anc"])
    assert [path.name for path in paths] == ["anc.pdf"]
    assert paths[0].read_bytes().startswith(b"%PDF")


def test_unknown_kind_and_format_are_answered_with_the_nearest(run, tmp_path):
    with pytest.raises(
        PdsimError, match=r"Unknown kind of figure 'waterfal'. Did you mean 'waterfall'\? Kinds: m_protein"
    ):
        plot.save_figures(run, tmp_path, kinds=["waterfal"])
    with pytest.raises(PdsimError, match=r"Unknown figure format 'pgn'. Did you mean 'png'"):
        plot.save_figures(run, tmp_path, formats=["pgn"])


def test_unwritable_folder_is_a_store_error(run, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="Cannot write the figure"):
        plot.save_figures(run, tmp_path / "file", kinds=["pfs"])


def test_saving_leaves_no_open_figure(written):
    from matplotlib import pyplot

    assert pyplot.get_fignums() == []


def test_a_figure_is_laid_out_once_and_drawn_once_for_every_file(run, tmp_path, monkeypatch):
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    calls = []
    draw, execute = Figure.draw, ConstrainedLayoutEngine.execute
    monkeypatch.setattr(Figure, "draw", lambda *args: calls.append("draw") or draw(*args))
    monkeypatch.setattr(ConstrainedLayoutEngine, "execute", lambda *args: calls.append("lay out") or execute(*args))
    plot.save_figures(run, tmp_path, formats=("png", "svg"), kinds=["pfs"])
    assert calls == ["lay out", "draw", "draw"]


def test_several_processes_write_the_same_files(run, tmp_path):
    kinds = ["waterfall", "pfs", "anc"]
    alone = plot.save_figures(run, tmp_path / "a", kinds=kinds)
    shared = plot.save_figures(run, tmp_path / "b", kinds=kinds, processes=2)
    assert [path.name for path in shared] == [path.name for path in alone]
    assert [path.read_bytes() for path in shared] == [path.read_bytes() for path in alone]


def test_an_error_of_any_process_is_told(run, tmp_path):
    (tmp_path / "anc.svg").mkdir()
    (tmp_path / "pfs.svg").mkdir()
    with pytest.raises(StoreError, match="Cannot write the figure"):
        plot.save_figures(run, tmp_path, kinds=["anc", "pfs"], processes=2)


def test_what_a_copied_process_could_not_draw_is_drawn_again(tmp_path):
    import os
    import time

    first = os.getpid()

    def fails_in_a_copy(figure):
        if os.getpid() != first:
            raise RuntimeError("only here")
        time.sleep(0.2)  # so that the copy takes a figure too
        figure.add_subplot()
        return figure

    paths = write_figures(dict.fromkeys("ab", fails_in_a_copy), tmp_path, formats=("png",), processes=2)
    assert all(path.is_file() for path in paths)


def test_ticks_chosen_once_are_those_that_every_drawing_would_choose(tmp_path, monkeypatch):
    def drawing(figure):
        left, right = figure.subplots(1, 2, sharex=True)
        left.semilogy([1, 2, 3], [1e-3, 1.0, 2e5])
        left.set_ylabel("on a logarithmic axis")
        right.plot([1, 2, 3], [0.0, 3e12, 5e12])  # with a power of ten above the axis
        figure.supxlabel("x")
        return figure

    kept = write_figures({"a": drawing}, tmp_path / "kept")
    monkeypatch.setattr(KeptTicks, "_chosen", lambda self: self._choose())
    monkeypatch.setattr(KeptTicks, "_measured", lambda self, *given: self._measure(*given))
    anew = write_figures({"a": drawing}, tmp_path / "anew")
    assert [path.read_bytes() for path in kept] == [path.read_bytes() for path in anew]
