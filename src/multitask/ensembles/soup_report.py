"""Messages about a soup."""

from __future__ import annotations

from collections.abc import Sequence

from multitask.ensembles.soup import Soup
from multitask.ensembles.soup_members import Member


def soup_in_words(
    soup: Soup, members: Sequence[Member], strangers: Sequence[Member], greedy: bool
) -> list[str]:
    """The scores of the runs, which of them were averaged, and the score of the average.

    Args:
        soup: the soup.
        members: all given runs.
        strangers: members trained on other images than the first.
        greedy: whether only the runs that raise the score were averaged.
    """
    lines = []
    for member, score in zip(members, soup.scores, strict=False):
        left_out = "" if member in soup.members else ", not included"
        lines.append(f"{member.name}: val/score {max(score, 0):.4g}{left_out}")
    for each in strangers:
        lines.append(
            f"{each.name} was trained on other images than {members[0].name}, on whose validation "
            "and test set the average is judged; some of them may be among those images."
        )
    if len(soup.members) == 1:
        lines.append(f"No other run raises val/score, so this is {soup.members[0].name} alone.")
    elif soup.score is not None:
        lines.append(f"Average of {len(soup.members)} runs: val/score {max(soup.score, 0):.4g}")
        if soup.scores and soup.score < max(soup.scores) and not greedy:
            lines.append("The best single run has a higher val/score; --greedy keeps what helps.")
    return lines
