"""The ensembles of a study: made, measured and reported."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from multitask.ensembles.of_study import EnsembleResult, measured
from multitask.ensembles.repeated_study import Repetition, repeated_ensembles
from multitask.ensembles.study_sections import ensemble_sections, ensemble_table
from multitask.pages.blocks import Block
from multitask.pages.spreadsheet import write_csv
from multitask.study.plan import PlannedRun, Study
from multitask.study.results import Results
from multitask.study.workplace import Workplace


class StudyEnsembles:
    """The ensembles of a study, and of all its repetitions, in its reports."""

    def __init__(self) -> None:
        self.found: dict[str, list[EnsembleResult]] = {}
        """The results by the name of the study, or of its repetition."""

    def sections(
        self, results: Results, runs: Sequence[PlannedRun], place: Workplace
    ) -> list[Block]:
        """Make and measure a study's ensembles; also writes ``ensembles.csv``.

        Args:
            results: results of the study.
            runs: all runs of the study.
            place: where they are.

        Returns:
            The sections of its report.
        """
        study = results.study
        found = self.found[study.name] = measured(study, runs, place)
        if found:
            write_csv(ensemble_table(found), place.folder / "ensembles.csv")
        return list(ensemble_sections(results, found))

    def repeated(self, study: Study, found: Mapping[str, Results], folder: Path) -> list[Block]:
        """Summarise the ensembles over all repetitions; also writes ``ensembles.csv``.

        Args:
            study: the study.
            found: results by the repetition's name.
            folder: the study's.

        Returns:
            The sections of the report.
        """
        each = {name: Repetition(r, self.found[r.study.name]) for name, r in found.items()}
        return list(repeated_ensembles(study, each, folder))
