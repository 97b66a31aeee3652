"""The command line: thin commands over the same functions that Python users call."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import App, Parameter

from pdsim.errors import ConfigError, ModelError, NotFoundError, PdsimError, StoreError

app = App(
    name="pdsim",
    help="Simulate multiple myeloma under treatment.",
    help_epilogue="Start with: pdsim run rep --set cohort.size=20. With --debug, errors come with their traceback.",
    help_format="plaintext",
    version=lambda: __import__("pdsim").__version__,
    suppress_keyboard_interrupt=False,
)

Changes = Annotated[
    tuple[str, ...],
    Parameter(name="--set", consume_multiple=True, negative=(), help="Changes of the study, such as cohort.size=20."),
]
Kind = Literal["models", "drugs", "regimens", "rules", "populations", "trials", "studies"]
Entry = Literal["model", "drug", "regimen", "rule_set", "population"]


@app.command
def run(
    study: str,
    /,
    *,
    out: Path | None = None,
    set: Changes = (),
    seed: int | None = None,
    threads: int | None = None,
    resume: Annotated[bool, Parameter(negative=())] = False,
    cluster: str | None = None,
    chunk: str | None = None,
) -> None:
    """Run a study: run.zarr, summary.csv, figures and report.html; of a sweep sweep.zarr, summary.csv and figures.

    Parameters
    ----------
    study
        Study file, or the name of a shipped one such as rep.
    out
        Folder of the run, by default runs/NAME.
    seed
        Seed in place of the study's.
    threads
        Threads, by default all cores.
    resume
        Go on where an earlier run into the folder was stopped.
    cluster
        For a sweep: address of a dask scheduler, or local:N for N processes here.
    chunk
        For a sweep: compute only share i of n, as 3/16; start all shares with the same --out.
    """
    from pdsim.config import has_sweep

    if has_sweep(study, set):
        from pdsim.study.sweep import sweep_study

        sweep_study(study, out, set, seed, threads, resume, cluster, chunk)
        return
    if cluster is not None or chunk is not None:
        raise ConfigError("--cluster and --chunk are for sweeps, and this study has no table [sweep].")
    from pdsim.study import run_study

    run_study(study, out, set, seed, threads, resume)


@app.command
def check(study: str, /, *, set: Changes = (), threads: int | None = None) -> None:
    """Validate a study; print the expanded plan and what it costs; run nothing.

    Parameters
    ----------
    study
        Study file, or the name of a shipped one.
    threads
        Threads for the estimate, by default all cores.
    """
    from pdsim.config import has_sweep, plan_study, plan_sweep
    from pdsim.config.describe import plan_lines
    from pdsim.model import check_units

    if has_sweep(study, set):
        from pdsim.study.sweep.describe import sweep_lines

        sweep = plan_sweep(study, set, threads=threads)
        check_units(sweep.base.model)
        _print(sweep_lines(sweep))
        return
    plan = plan_study(study, set, threads=threads)
    check_units(plan.model)
    _print(plan_lines(plan))


@app.command
def mechanisms(
    *claims: str,
    json: Path | None = None,
    size: int | None = None,
    threads: int | None = None,
) -> None:
    """Run the mechanism claims M1 to M87 as virtual experiments and print a table.

    Parameters
    ----------
    claims
        Only these, such as M1 M53; all by default.
    json
        Write the results to this file too.
    size
        Patients of every arm in place of the claims' own numbers, for a quick look.
    threads
        Threads, by default all cores.
    """
    from pdsim.mechanisms.command import run_command

    run_command(claims, json, size, threads)


@app.command
def trial(
    name: str,
    /,
    *,
    quick: Annotated[bool, Parameter(negative=())] = False,
    json: Path | None = None,
    out: Path | None = None,
    seed: int = 1,
    size: int | None = None,
    bank: int | None = None,
    threads: int | None = None,
) -> None:
    """Simulate published trials and set each figure beside what was reported.

    Parameters
    ----------
    name
        A trial (pdsim list trials), a file written with a slash, or all.
    quick
        A look within a minute: few patients, two years, parameters as they are.
    json
        Write figures and scores to this file too.
    out
        Write figures and report.html to this folder.
    seed
        Seed of patients and draws.
    size
        Patients of every arm, by default 200.
    bank
        Patients of an arm for replicate trials; by default as the trial says, with "all" those of the arm.
    threads
        Threads, by default all cores.
    """
    from pdsim.trial.command import run_command

    run_command(name, quick, json, seed, threads, size, bank, out)


@app.command
def plot(
    run_dir: Path,
    /,
    *,
    kind: Annotated[tuple[str, ...], Parameter(consume_multiple=True, negative=())] = (),
    out: Path | None = None,
    format: Annotated[tuple[str, ...], Parameter(consume_multiple=True, negative=())] = ("png", "svg"),
) -> None:
    """Draw the figures of a stored run or sweep again.

    Parameters
    ----------
    run_dir
        Folder of the run.
    kind
        Kinds of figure, by default all that the run allows.
    out
        Folder of the figures, by default RUN_DIR/figures.
    format
        png, svg, pdf.
    """
    from pdsim.plot import save_figures, save_sweep_figures
    from pdsim.store import open_run

    if (run_dir / "sweep.zarr").is_dir():
        from pdsim.sweep import open_sweep

        paths = save_sweep_figures(open_sweep(run_dir), out or run_dir / "figures", formats=format, kinds=kind or None)
        _print([str(path) for path in paths])
        return
    paths = save_figures(open_run(run_dir), out or run_dir / "figures", formats=format, kinds=kind or None)
    _print([str(path) for path in paths])


@app.command
def report(run_dir: Path, /) -> None:
    """Write the report of a stored run again.

    Parameters
    ----------
    run_dir
        Folder of the run.
    """
    from pdsim.store import open_run
    from pdsim.study.publish import publish

    if (run_dir / "sweep.zarr").is_dir():
        raise StoreError(f"{run_dir} holds a sweep, which has a summary.csv and figures and no report.")
    run = open_run(run_dir)
    publish(run, run_dir)
    _print([str(run_dir / "report.html")])


@app.command(name="list")
def list_(kind: Kind, /) -> None:
    """List models, drugs, regimens, dosing rules, populations, trials or studies, one line each.

    A regimen is as its weakest dose: verified, recalled or assumed; or no drug, or not simulated.

    Parameters
    ----------
    kind
        What to list.
    """
    from pdsim.library import Library
    from pdsim.library.summary import first_sentence, regimen_lines

    library = Library(study_folder=Path.cwd())
    if kind == "regimens":
        _print(regimen_lines(library))
        return
    files = library.files(kind)
    width = max(map(len, files), default=0)
    _print([f"{name:{width}}  {first_sentence(path)}".rstrip() for name, path in sorted(files.items())])


@app.command
def show(name: str, /, *, kind: Entry | None = None, figure: Path | None = None) -> None:
    """Show a model, drug, regimen, set of dosing rules or population.

    Parameters
    ----------
    name
        Its name, or a path written with a slash.
    kind
        Which, where a drug and a regimen share a name; by default all.
    figure
        For a drug: write its concentration over some doses to this file (png, svg or pdf).
    """
    from pdsim.library import Library
    from pdsim.study.show import concentration_figure, entry_lines

    library = Library(study_folder=Path.cwd())
    kinds = [kind] if kind else _kinds_of(name, library)
    for number, found in enumerate(kinds):
        _print([*([""] if number else []), *entry_lines(found, name, library)])
    if figure is not None:
        if "drug" not in kinds:
            raise NotFoundError(f"--figure is for drugs, and '{name}' is none.")
        _print(["", f"Figure: {concentration_figure(library.load_drug(name), figure)}"])


@app.command
def new_model(name: str, /) -> None:
    """Write a small working model file, NAME.py, to start from.

    Parameters
    ----------
    name
        Name of the model.
    """
    from pdsim.model import new_model as text_of

    path = Path(name if name.endswith(".py") else f"{name}.py")
    text = text_of(path.stem)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error.strerror}.") from None
    _print([f"Wrote {path}. Check it with: pdsim check-model {path}"])


@app.command
def check_model(file: str, /) -> None:
    """Check a model file: names, units, plain against compiled, Jacobian, sources.

    Parameters
    ----------
    file
        Python file, or the name of a shipped model.
    """
    from pdsim.library import Library
    from pdsim.model import check_model as check

    path = Path(file) if Path(file).is_file() else Library(study_folder=Path.cwd()).find("model", file)
    report = check(path)
    if not report:
        raise ModelError(str(report))
    _print([str(report)])


@app.command
def warm(study: str | None = None, /) -> None:
    """Compile ahead what the shipped studies need, or one study.

    Parameters
    ----------
    study
        Study file or name, by default all shipped ones.
    """
    from pdsim.library import Library
    from pdsim.study.warm import warm_study

    for name in [study] if study else Library().names("studies"):
        _print([f"{name}: {warm_study(name):.1f} s"])


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; exit with 0, with 2 and one message on a mistake, or with 130 when stopped."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in given or os.environ.get("PDSIM_DEBUG", "") not in ("", "0")
    given = [word for word in given if word != "--debug"]
    sys.exit(_status(given, debug))


def _status(given: list[str], debug: bool) -> int:
    from cyclopts import CycloptsError

    try:
        app(given, exit_on_error=False, result_action="return_value")
    except CycloptsError:
        return 2  # cyclopts has printed what is wrong with the command line
    except PdsimError as error:
        if debug:
            raise
        _complain(str(error))
        return 2
    except KeyboardInterrupt as stop:
        if debug:
            raise
        _complain(str(stop) or "Stopped.")
        return 130
    except BrokenPipeError:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115 the interpreter flushes it when it ends
        return 0
    return 0


def _complain(message: str) -> None:
    from rich.console import Console

    console = Console(stderr=True)
    if console.is_terminal:
        from rich.panel import Panel
        from rich.text import Text

        console.print(Panel(Text(message), title="pdsim", border_style="red"))
    else:
        sys.stderr.write(f"pdsim: {message}\n")


def _print(lines: Sequence[str]) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))


def _kinds_of(name: str, library: Any) -> list[str]:
    from pdsim.errors import did_you_mean
    from pdsim.library.core import is_path

    if is_path(name):
        return [library.kind_of_file(name)]
    kinds = [kind for kind in library.where(name) if kind not in ("study", "trial")]
    if not kinds and name in library.not_simulated():
        return ["regimen"]  # finding it says why it cannot be simulated
    if not kinds:
        known = [
            word for kind in ("models", "drugs", "regimens", "rules", "populations") for word in library.names(kind)
        ]
        raise NotFoundError(
            f"There is no model, drug, regimen, rule set or population '{name}'.{did_you_mean(name, known)}"
        )
    return kinds


if __name__ == "__main__":
    main()
