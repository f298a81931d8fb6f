"""``multitask soup``: the averaged weights of runs with the same initial weights."""

from __future__ import annotations

from collections.abc import Sequence

from multitask.after.device import usable_device
from multitask.after.loading import load
from multitask.after.older_checkpoints import data_beside
from multitask.cli.options import read_options
from multitask.ensembles.earlier_results import without_earlier_results
from multitask.ensembles.soup import SoupMaker
from multitask.ensembles.soup_files import write_soup
from multitask.ensembles.soup_members import other_images, read_members
from multitask.ensembles.soup_report import soup_in_words
from multitask.runs.log_file import quiet_screen, say
from multitask.runs.report import report, say_where

MANY = range(1, 10_000)


def soup_command(arguments: Sequence[str]) -> None:
    """Average runs, evaluate the average, and write it as a run.

    Args:
        arguments: arguments after the verb.

    Raises:
        InputError: if an argument is invalid, or the runs cannot be averaged.
    """
    options = {"greedy": False, "device": None, "trust": False}
    given = read_options("soup", "two runs or more", arguments, MANY, **options)
    quiet_screen()
    runs, left_out = without_earlier_results(given.subjects)
    members, device = read_members(runs), usable_device(given.device)
    first = members[0]
    data = data_beside(first.path, given.trust)
    model = load(first.path, given.trust, "cpu").model
    soup = SoupMaker(members, model, data, device).make(given.greedy)
    folder = write_soup(soup, first, model)
    for line in (*left_out, *soup_in_words(soup, members, other_images(members), given.greedy)):
        say(line)
    if "test" in data.splits:
        report(model, "test", soup.metrics, folder, None)
    else:
        say_where(folder, None)
