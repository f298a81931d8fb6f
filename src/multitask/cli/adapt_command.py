"""``multitask adapt``: how well a run's encoder learns a new task from few labels."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from multitask.after.adapting.adapted_file import OPTION, write_adapted
from multitask.after.adapting.measurement import adapt
from multitask.after.adapting.new_task import new_task
from multitask.after.adapting.page import best_in_words, write_adaptation
from multitask.after.adapting.plan import EPISODES, SAMPLES, SHOTS, read_plan
from multitask.after.adapting.tables import show_adaptation
from multitask.after.extending import extension
from multitask.after.loading import load
from multitask.after.new_output import refuse_existing
from multitask.cli.check import check_tree
from multitask.cli.help import usage
from multitask.cli.options import read_options
from multitask.configuration.written_arguments import gathered
from multitask.errors import InputError, naming
from multitask.runs.log_file import LOG, say
from multitask.runs.result_folder import result_folder

OPTIONS = {"shots": SHOTS, "episodes": EPISODES, "samples": SAMPLES, "trust": False}
OTHERS = dict.fromkeys(("config", "learners", "write", "folder", "device"))


def adapt_command(arguments: Sequence[str]) -> None:
    """Adapt a run to a new task; print the results and write them to a folder.

    Args:
        arguments: arguments after the verb.

    Raises:
        InputError: if an argument, the run, the new task or its data are invalid.
    """
    several = gathered(arguments, ("shots", "learners"))
    given = read_options("adapt", "one run or checkpoint", several, **OPTIONS, **OTHERS)
    if given.config is None:
        raise InputError(f"adapt needs the new task: --config=FILE; write {usage('adapt')}")
    plan = read_plan(given.shots, given.episodes, given.samples, given.learners)
    if given.write is not None:
        refuse_existing(Path(given.write), OPTION)
    extended = extension(Path(given.subject), Path(given.config), given.trust, keeps=False)
    check_tree(extended.settings, "fit")
    trained = load(extended.checkpoint, given.trust, given.device)
    found = adapt(trained, new_task(extended, Path(given.config)), plan)
    folder = result_folder(given.folder, extended.checkpoint, "adapt", "adaptations")
    with naming(folder):
        page = write_adaptation(found, folder)
    LOG.info("\n" + show_adaptation(found))
    for each in (best_in_words(found), *found.remarks):
        say(each)
    # Report this first, since it exists even if the networks cannot be written.
    say(f"Report: {page}")
    for path in [] if given.write is None else write_adapted(found, Path(given.write)):
        say(f"Adapted: {path}")
