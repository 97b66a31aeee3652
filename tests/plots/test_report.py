"""The report: one file, nothing from outside, everything escaped, readable by machines that read aloud."""

from __future__ import annotations

import base64
import itertools
import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from pdsim import plot
from pdsim.errors import StoreError
from pdsim.report import write_report

EVIL = '<script>alert("x")</script>&"\''


class Page(HTMLParser):
    """Collects tags with their attributes, and the text."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.words = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.words.append(data)

    def all(self, tag):
        return [attrs for name, attrs in self.tags if name == tag]

    @property
    def text(self):
        return re.sub(r"\s+", " ", " ".join(self.words))


@pytest.fixture(scope="module")
def table():
    frame = pd.DataFrame(
        {
            "label": ["REP", EVIL],
            "n": [58, 0],
            "orr": [76.25, 0.0],
            "orr_low": [64.0, 0.0],
            "orr_high": [85.0, 5.0],
            "median_pfs": [np.nan, np.nan],
            "median_pfs_low": [17.5, np.nan],
            "median_pfs_high": [np.nan, np.nan],
        },
        index=pd.Index(["rep", "none"], name="arm"),
    )
    frame.attrs["interval"] = "95 % of trials of 67 patients: sampling only"
    return frame


@pytest.fixture(scope="module")
def parameters():
    return pd.DataFrame(
        {
            "name": ["growth", "kill", EVIL],
            "value": [0.012, 3.0, 1e-9],
            "status": ["verified", "recalled", "assumed"],
            "source": ["doi:10.1000/1", "https://example.org/paper", ""],
        }
    )


@pytest.fixture(scope="module")
def page(run, table, parameters, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    figures = plot.save_figures(run, folder / "figures", kinds=["waterfall", "pfs"])
    path = write_report(
        run, folder, figures, table, extra={"parameters": parameters, "assumptions": [EVIL], "equations": "pdsim show"}
    )
    assert path == folder / "report.html"
    return path.read_text(encoding="utf-8")


def test_nothing_is_loaded_from_outside(page):
    assert not re.search(
        r"""(?:src|href|srcset|poster|data|action)\s*=\s*["']?\s*(?:https?:)?//""", page, re.IGNORECASE
    )
    assert not re.search(r"@import|url\(", page)
    parsed = Page(page)
    for tag in ("script", "link", "iframe", "object", "embed", "base"):
        assert parsed.all(tag) == []
    assert all(image["src"].startswith("data:image/") for image in parsed.all("img"))
    policy = next(meta for meta in parsed.all("meta") if meta.get("http-equiv") == "Content-Security-Policy")
    assert policy["content"].startswith("default-src 'none'")


def test_user_text_is_escaped(page):
    assert "<script" not in page
    assert EVIL in Page(page).text.replace("  ", " ")


def test_page_is_accessible(page):
    parsed = Page(page)
    assert parsed.all("html") == [{"lang": "en"}]
    assert parsed.all("meta")[1]["name"] == "viewport"
    assert all(len(image["alt"]) > 20 for image in parsed.all("img"))
    levels = [int(tag[1]) for tag, _ in parsed.tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
    assert all(cell["scope"] in ("col", "row") for cell in parsed.all("th"))
    ids = [attrs["id"] for _, attrs in parsed.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    assert {attrs["aria-labelledby"] for _, attrs in parsed.tags if "aria-labelledby" in attrs} <= set(ids)


def test_figures_are_whole_svg_files_with_captions(page, run):
    parsed = Page(page)
    kind, content = parsed.all("img")[0]["src"].split(",", 1)
    assert kind == "data:image/svg+xml;base64"
    assert base64.b64decode(content).lstrip().startswith(b"<?xml")
    assert len(parsed.all("figure")) == len(parsed.all("figcaption")) == 2
    assert "censored" in parsed.text


def test_arm_table_joins_bounds_and_says_what_they_cover(page):
    text = Page(page).text
    assert "PR or better (%)" in text
    assert "76.2 (64.0 to 85.0)" in text
    assert "not reached (17.5 to not reached)" in text
    assert "In brackets: 95 % of trials of 67 patients: sampling only." in text
    assert "_low" not in text


def test_methods_failures_assumptions_and_provenance_are_there(page, run):
    text = Page(page).text
    assert "60 virtual patients" in text
    assert "in 5 arms and 3 hypothesis variants for 35.9 months (1092 days)" in text
    assert "myeloma (source hash 5d1f0c9e8a7b)" in text
    assert "14 of 480 patient courses failed" in text
    assert "step floor" in text
    assert "1 verified" in text
    assert "1 recalled" in text
    assert "1 assumed" in text
    assert "numpy 2.4.6, numba 0.68.1" in text
    for key in ("config_hash", "commit", "created", "pdsim_version"):
        assert run.attrs[key] in text
    assert 'stop = "3 yr"' in text


def test_study_file_beside_the_run_is_quoted(run, table, tmp_path):
    (tmp_path / "study.toml").write_text('model = "from the file <&>"\n', encoding="utf-8")
    path = write_report(run, tmp_path, [], table, out=tmp_path / "elsewhere" / "page.html")
    assert path == tmp_path / "elsewhere" / "page.html"
    text = path.read_text(encoding="utf-8")
    assert "from the file &lt;&amp;&gt;" in text
    assert "<figure" not in text


def test_png_stands_in_for_a_large_svg(run, table, tmp_path):
    large = tmp_path / "pfs.svg"
    large.write_text("<svg>" + " " * 1_600_000 + "</svg>")
    small = plot.save_figures(run, tmp_path, formats=["png"], kinds=["pfs"])[0]
    text = write_report(run, tmp_path, [large, small], table).read_text(encoding="utf-8")
    assert Page(text).all("img")[0]["src"].startswith("data:image/png;base64")


def test_unstated_intervals_are_said_to_be_unstated(run, table, tmp_path):
    bare = table.copy()
    bare.attrs = {}
    text = write_report(run, tmp_path, [], bare).read_text(encoding="utf-8")
    assert "Nothing was stated about what the intervals in brackets cover." in text


def test_missing_figure_and_unwritable_page_are_store_errors(run, table, tmp_path):
    with pytest.raises(StoreError, match="Draw the figures first"):
        write_report(run, tmp_path, [tmp_path / "pfs.svg"], table)
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="Cannot write the report"):
        write_report(run, tmp_path / "file", [], table)


def test_run_without_endpoints_still_has_a_report(run, table, tmp_path):
    bare = run.copy()
    del bare["endpoints"]
    text = Page(write_report(bare, tmp_path, [], table).read_text(encoding="utf-8")).text
    assert "does not record which patients failed" in text
