"""Names are found in a fixed order of places, and what is not found is said with the nearest names."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pdsim.errors import ConfigError, NotFoundError
from pdsim.library import Library
from pdsim.library.files import read_toml
from pdsim.library.summary import first_sentence

REGIMEN = 'label = "{label}"\ncycle = "28 d"\n[[dose]]\ndrug = "x"\namount = "1 mg"\ndays = [1]\n'


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """A study's folder and a folder on PDSIM_MODEL_PATH."""
    study, more = tmp_path / "study", tmp_path / "more"
    study.mkdir()
    more.mkdir()
    monkeypatch.setenv("PDSIM_MODEL_PATH", os.pathsep.join([str(more), ""]))
    return study, more


def test_the_study_wins_then_the_path_then_what_is_shipped(places: tuple[Path, Path]) -> None:
    study, more = places
    library = Library(study_folder=study)
    assert library.find("regimen", "rep").parent.name == "regimens"
    shipped = library.find("regimen", "rep")
    second = write(more / "regimens" / "rep.toml", REGIMEN.format(label="second"))
    assert library.find("regimen", "rep") == second
    first = write(study / "rep.toml", REGIMEN.format(label="first"))
    assert library.find("regimen", "rep") == first
    assert Library(paths=[]).find("regimen", "rep") == shipped
    assert Library(paths=[more]).find("regimen", "rep") == second


def test_a_loose_file_is_of_the_kind_that_its_tables_tell(places: tuple[Path, Path]) -> None:
    study, _ = places
    write(study / "mine.toml", REGIMEN.format(label="mine"))
    library = Library(study_folder=study)
    assert "mine" in library.names("regimens")
    assert "mine" not in library.names("populations")
    assert library.load_regimen("mine").label == "mine"
    assert library.where("mine") == ["regimen"]
    assert library.kind_of_file("./mine.toml") == "regimen"


def test_python_beside_a_study_needs_a_path(places: tuple[Path, Path], root: Path) -> None:
    study, more = places
    text = (root / "tests" / "models" / "fixtures" / "logistic.py").read_text()
    write(study / "mine.py", text)
    library = Library(study_folder=study)
    with pytest.raises(NotFoundError, match="There is no model 'mine'"):
        library.find("model", "mine")
    assert library.find("model", "./mine.py") == study / "mine.py"
    assert library.load_model("./mine.py").name == "mine"
    write(more / "yours.py", text)
    assert library.find("model", "yours") == more / "yours.py"
    write(study / "models" / "ours.py", text)
    assert library.load_model("ours").name == "ours"


def test_what_was_loaded_is_kept(places: tuple[Path, Path]) -> None:
    library = Library(study_folder=places[0])
    assert library.load_regimen("rep") is library.load_regimen("rep")


def test_twice_in_one_place_names_both(places: tuple[Path, Path]) -> None:
    study, _ = places
    write(study / "regimens" / "a" / "mine.toml", REGIMEN.format(label="a"))
    write(study / "regimens" / "b" / "mine.toml", REGIMEN.format(label="b"))
    with pytest.raises(ConfigError, match=r"'mine' is there twice in .*: .*a/mine.toml and .*b/mine.toml"):
        Library(study_folder=study).find("regimen", "mine")


def test_hidden_and_private_files_are_passed_over(places: tuple[Path, Path]) -> None:
    study, _ = places
    write(study / "regimens" / "_draft.toml", REGIMEN.format(label="a"))
    write(study / "regimens" / ".mine.toml", REGIMEN.format(label="a"))
    assert not {"_draft", ".mine"} & set(Library(study_folder=study).names("regimens"))


def test_unknown_name_has_hint_and_places(places: tuple[Path, Path]) -> None:
    study, more = places
    with pytest.raises(NotFoundError) as caught:
        Library(study_folder=study).find("regimen", "ibercdd")
    message = str(caught.value)
    assert message.startswith("There is no regimen 'ibercdd'. Did you mean 'ibercd'? Searched: the study's folder (")
    assert f"PDSIM_MODEL_PATH ({more}); the files shipped with pdsim (" in message


def test_a_file_name_is_not_a_name(places: tuple[Path, Path]) -> None:
    with pytest.raises(NotFoundError, match=r"A file of your own is written with a slash: './rep.toml'"):
        Library(study_folder=places[0]).find("regimen", "rep.toml")


def test_paths(places: tuple[Path, Path]) -> None:
    study, _ = places
    write(study / "sub" / "mine.toml", REGIMEN.format(label="mine"))
    library = Library(study_folder=study)
    assert library.load_regimen("./sub/mine.toml").name == "mine"
    with pytest.raises(NotFoundError, match=r"There is no regimen file .*mina.toml. Did you mean 'mine.toml'\?"):
        library.find("regimen", "./sub/mina.toml")
    with pytest.raises(NotFoundError, match=r"is not a model file: it should end in '.py'"):
        library.find("model", "./sub/mine.toml")


def test_unknown_kind() -> None:
    with pytest.raises(NotFoundError, match=r"There are no 'regimes' in the library. Did you mean 'regimens'\?"):
        Library().names("regimes")


def test_every_shipped_entry_is_listed_once() -> None:
    library = Library(paths=[])
    for kind in ("models", "drugs", "regimens", "populations", "studies"):
        names = library.names(kind)
        assert names == sorted(set(names))
        for path in library.files(kind).values():
            assert first_sentence(path) not in ("", "(cannot be read)"), path


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('a = 1\nb = "x', r"bad.toml, line 2.*: not valid TOML"),
        (
            "a = 1\na = 2\n",
            r"bad.toml, line 2, column \d+: not valid TOML: .* The line reads: a = 2",
        ),
        ("[a\n", r"bad.toml, line 1"),
    ],
)
def test_syntax_errors_have_file_and_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        read_toml(write(tmp_path / "bad.toml", text))


def test_binary_is_no_toml(tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match=r"bad.toml: cannot be read"):
        read_toml(tmp_path / "bad.toml")


def test_installed_packages_offer_models(tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (root / "tests" / "models" / "fixtures" / "logistic.py").read_text()
    module = write(tmp_path / "offered" / "tiny.py", text)
    write(tmp_path / "offered" / "__init__.py", "")
    write(tmp_path / "offered-1.0.dist-info" / "METADATA", "Metadata-Version: 2.1\nName: offered\nVersion: 1.0\n")
    write(tmp_path / "offered-1.0.dist-info" / "entry_points.txt", "[pdsim.models]\ntiny = offered.tiny:Logistic\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    library = Library(paths=[])
    assert "tiny" in library.names("models")
    assert library.find("model", "tiny") == module
    assert library.load_model("tiny").name == "tiny"
