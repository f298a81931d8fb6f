"""Words for the steps of a scale, from the lowest to the highest."""

from __future__ import annotations

from collections.abc import Sequence

SCALES = (
    ("very low", "low", "medium low", "medium", "medium high", "high", "very high"),
    ("very low", "low", "moderate", "high", "very high"),
    ("lowest", "low", "average", "high", "highest"),
    ("low", "mid", "high"),
    ("low", "normal", "high"),
    ("smallest", "very small", "small", "medium", "large", "very large", "largest"),
    ("tiny", "small", "medium", "big", "huge"),
    ("xxs", "xs", "s", "m", "l", "xl", "xxl", "xxxl"),
    ("none", "minimal", "mild", "moderate", "severe", "very severe", "critical"),
    ("absent", "slight", "moderate", "strong"),
    ("no", "mild", "moderate", "severe", "proliferative"),
    ("weak", "medium", "strong"),
    ("weak", "moderate", "strong"),
    ("light", "medium", "heavy"),
    ("short", "medium", "long"),
    ("thin", "medium", "thick"),
    ("slow", "medium", "fast"),
    ("young", "middle aged", "old"),
    ("child", "teenager", "adult", "senior"),
    ("never", "rarely", "seldom", "sometimes", "often", "usually", "always"),
    ("terrible", "bad", "poor", "ok", "fair", "good", "very good", "great", "excellent", "perfect"),
    ("bad", "average", "good"),
    ("easy", "medium", "hard"),
    ("beginner", "intermediate", "advanced", "expert"),
    ("strongly disagree", "disagree", "neutral", "agree", "strongly agree"),
    ("negative", "neutral", "positive"),
    ("i", "ii", "iii", "iv", "v"),
    ("first", "second", "third", "fourth", "fifth"),
)
FEWEST = 3
"""Two words are not enough to recognise a scale."""


def ordered(names: Sequence[str]) -> list[str] | None:
    """Sort names that are steps of one scale, such as high, low and medium.

    Args:
        names: distinct class names.

    Returns:
        From the lowest to the highest; None if there are fewer than three or no scale has them all.
    """
    plain = {
        " ".join(name.lower().replace("_", " ").replace("-", " ").split()): name for name in names
    }
    if len(plain) < max(len(names), FEWEST):
        return None
    for scale in SCALES:
        if all(each in scale for each in plain):
            return [plain[each] for each in scale if each in plain]
    return None
