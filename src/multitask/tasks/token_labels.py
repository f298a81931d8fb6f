"""One of several labels for each token of a text."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torchmetrics import MetricCollection

from multitask import missing_labels
from multitask.encoders.forms import Form, Tokens
from multitask.errors import InputError
from multitask.heads import TokenHead
from multitask.missing_labels import MISSING_CLASS, NO_TOKEN
from multitask.tasks.base import Cell, Column, HeadCallable
from multitask.tasks.class_weights import ClassWeights
from multitask.tasks.classification import Classification
from multitask.tasks.confusion import MacroF1, ShareRight
from multitask.tasks.entity_f1 import EntityF1, are_bio
from multitask.tasks.pooling import ProbabilityPool
from multitask.tasks.temperature import fitted_temperature

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LOWEST = NO_TOKEN / 2
"""Raw outputs below this mark places without a token, also after rounding to half precision."""
SHOWN = 30
"""Maximum number of labels of a text that are shown."""


class TokenLabels(Classification):
    """Predict one of several labels for each token, as in tagging or named entity recognition.

    Targets have shape ``[batch, places]``, dtype int64, from 0 to the number of labels minus 1,
    -100 where missing. Raw outputs have shape ``[batch, labels, places]``, with one place for each
    token of the longest text of the batch. Targets after the end of a text do not count. The loss
    is the cross entropy, averaged over the known tokens of the global batch. Predictions are
    probabilities, ``[batch, labels, places]``, 0 after the end of a text.

    Metrics, over all known tokens of the split: ``f1`` (averaged over the labels), ``accuracy``,
    and, if the labels mark entities, ``entity_f1``, which is then the headline: see
    `multitask.tasks.entity_f1.EntityF1`.

    The table of predictions has one cell for each text: a JSON list of labels, one for each word if
    the data are a table with labels of words, otherwise one for each token, special ones included.

    Args:
        labels: names of the labels, in the order of their numbers; at least 2.
        label_smoothing: see `Classification`.
        class_weights: see `Classification`; ``balanced`` counts tokens.
        loss: see `Classification`; receives one row for each token.
        head: class that maps the features of one token to its raw outputs, called with the number
            of input features and the number of outputs.
        weight: see `Task`.
        headline: see `Task`.
        counts: see `Task`.
        effective_number: see `Classification`.
        teaches: see `Task`.
    """

    headline = "f1"

    def __init__(
        self,
        labels: Sequence[str],
        label_smoothing: float = 0.0,
        class_weights: ClassWeights = None,
        loss: nn.Module | None = None,
        head: HeadCallable = nn.Linear,
        weight: float = 1.0,
        headline: str | None = None,
        counts: bool = True,
        effective_number: float | None = None,
        teaches: float = 1.0,
    ) -> None:
        names = list(map(str, labels))
        if len(set(names)) < max(2, len(names)):
            raise InputError(f"labels is {names}; list at least two, each once")
        super().__init__(
            len(names),
            names,
            label_smoothing,
            class_weights,
            loss,
            head,
            weight,
            headline or ("entity_f1" if are_bio(names) else None),
            counts,
            effective_number,
            teaches,
        )

    def build_head(self, form: Form) -> nn.Module:
        if not isinstance(form, Tokens):
            raise InputError(
                f"a {type(self).__name__} needs tokens, but the encoder returns a "
                f"{type(form).__name__.lower()}; choose a text encoder, such as "
                "multitask.encoders.TextTransformer"
            )
        return TokenHead(self.head(form.features, self.out_features))

    def check(self, name: str, targets: Tensor, split: str) -> None:
        if targets.ndim != 2 or targets.dtype != torch.int64:
            raise InputError(
                f"task '{name}': its {split} targets are {targets.dtype} of shape "
                f"{list(targets.shape)}; a {type(self).__name__} needs a number for each token, "
                "int64 of shape [samples, places]"
            )
        found = targets[missing_labels.known(targets)]
        if len(found) and not 0 <= int(found.min()) <= int(found.max()) < self.num_classes:
            wrong = int(found.min() if found.min() < 0 else found.max())
            raise InputError(
                f"task '{name}': the {split} labels include number {wrong}, but its "
                f"{self.num_classes} labels are numbered from 0, and {MISSING_CLASS} marks a "
                "missing one; list all labels"
            )

    def fitted(self, target: Tensor, tokens: Tensor) -> Tensor:
        """Crop targets to the places of the outputs.

        Args:
            target: at least as long as the outputs.
            tokens: mask of the places of the outputs that hold a token, shape ``[batch, places]``,
                bool.

        Returns:
            Shape ``[batch, places]``, missing at places without a token.

        Raises:
            InputError: if the targets are shorter.
        """
        places = tokens.shape[1]
        if places > target.shape[1]:
            raise InputError(
                f"its texts have {places} places, but its targets have {target.shape[1]}; give as "
                "many targets as a text may have tokens"
            )
        return target[:, :places].where(tokens, MISSING_CLASS)

    def loss(self, output: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        losses, weights = self.sample_loss(output, target)
        return losses.sum(), weights.sum()

    def sample_loss(self, output: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        target = self.fitted(target, is_token(output))
        if self.criterion is None:
            losses, weights = self._each(output, target)
        else:
            rows = self._each(_rows(output), target.flatten())
            losses, weights = (each.view_as(target) for each in rows)
        return losses.sum(1), weights.sum(1)

    def loss_group(self) -> None:
        return None

    def distance(self, output: Tensor, kept: Tensor, temperature: float) -> Tensor:
        """`Classification.distance`, averaged over the tokens of a text."""
        each = super().distance(_rows(output), _rows(kept), temperature)
        assert each is not None
        return _mean_over_tokens(each.view(len(output), -1), is_token(output))

    def predict(self, output: Tensor) -> Tensor:
        return super().predict(output) * is_token(output).unsqueeze(1)

    def uncertainty(self, output: Tensor) -> dict[str, Tensor]:
        """The entropy in nats, averaged over the tokens of a text."""
        probability = self.predict(output)
        each = torch.special.entr(probability).sum(1)
        return {"entropy": _mean_over_tokens(each, is_token(output))}

    def fit_calibration(
        self, output: Tensor, target: Tensor, level: float
    ) -> dict[str, Any] | None:
        target = self.fitted(target, is_token(output)).flatten()
        known = missing_labels.known(target)
        return {"temperature": fitted_temperature(_rows(output)[known], target[known])}

    def trivial_output(self, output: Tensor) -> Tensor:
        found = super().trivial_output(output.movedim(1, -1)).movedim(-1, 1)
        return found.where(is_token(output).unsqueeze(1), NO_TOKEN)

    def pool(self) -> ProbabilityPool | None:
        return _TokenPool(self)

    def metrics(self) -> MetricCollection:
        size = self.num_classes
        found: dict[str, Any] = {"f1": MacroF1(size), "accuracy": ShareRight(size)}
        groups = [["f1", "accuracy"]]
        if are_bio(self.classes):
            found["entity_f1"] = EntityF1(self.classes)
            groups.append(["entity_f1"])
        # Two use the same confusion matrix.
        return MetricCollection(found, compute_groups=groups)

    def update_metrics(self, metrics: MetricCollection, output: Tensor, target: Tensor) -> None:
        target, found = self.fitted(target, is_token(output)), output.argmax(1)
        known = missing_labels.known(target)
        if known.any():
            # Each metric takes the arguments that it names.
            entries = {"prediction": found[known], "target": target[known]}
            metrics.update(**entries, labels=found, truth=target)

    def columns(self, name: str, prediction: Tensor) -> dict[str, Column]:
        each = zip(prediction.argmax(1), is_predicted(prediction), strict=True)
        rows = [[self.classes[label] for label in row[own].tolist()] for row, own in each]
        return {name: [json.dumps(row, ensure_ascii=False) for row in rows]}

    def column_names(self, name: str) -> list[str]:
        return [name]

    def side_by_side(self, prediction: Tensor, target: Tensor) -> dict[str, list[Cell]]:
        """The labels of the tokens whose true label is known, or of all tokens if none is."""
        tokens = is_predicted(prediction)
        target = self.fitted(target, tokens)
        cells: dict[str, list[Cell]] = {"target": [], "prediction": []}
        each = zip(target, prediction.argmax(1), missing_labels.known(target), tokens, strict=True)
        for truth, guess, known, own in each:
            is_known = bool(known.any())
            cells["target"].append(self._words(truth[known]) if is_known else None)
            cells["prediction"].append(self._words(guess[known if is_known else own]))
        return cells

    def caption(self, value: Tensor) -> str:
        if value.ndim == 2:
            known, value = is_predicted(value[None])[0], value.argmax(0)
        else:
            known = missing_labels.known(value)
        return self._words(value[known]) or "?"

    def draw(self, axes: Axes, prediction: Tensor, target: Tensor) -> bool:
        target = self.fitted(target, is_predicted(prediction))
        return super().draw(axes, _rows(prediction), target.flatten())

    def _words(self, numbers: Tensor) -> str:
        more = " …" if len(numbers) > SHOWN else ""
        return " ".join(self.classes[each] for each in numbers[:SHOWN].tolist()) + more


class _TokenPool(ProbabilityPool):
    """Pools classes of tokens; places without a token stay so, and means are over tokens.

    Args:
        task: the ensemble's task.
    """

    _is_token: Tensor

    def add(self, member: Any, output: Tensor) -> None:
        super().add(member, output)
        self._is_token = is_token(output)

    def output(self) -> Tensor:
        return super().output().where(self._is_token.unsqueeze(1), NO_TOKEN)

    def disagreement(self) -> dict[str, Tensor]:
        return {"mutual_information": _mean_over_tokens(self.information(), self._is_token)}


def is_token(output: Tensor) -> Tensor:
    """Mask of the places of raw outputs that hold a token.

    Args:
        output: shape ``[batch, classes, places]``.

    Returns:
        Shape ``[batch, places]``, bool.
    """
    return output.amax(1) > LOWEST


def is_predicted(probability: Tensor) -> Tensor:
    """Mask of the places of predictions that hold a token, see `is_token`."""
    return probability.amax(1) > 0


def _rows(output: Tensor) -> Tensor:
    """One row for each place, shape ``[batch * places, classes]``."""
    return output.movedim(1, 2).flatten(0, 1)


def _mean_over_tokens(values: Tensor, tokens: Tensor) -> Tensor:
    """Means of ``[batch, places]`` over the places that hold a token."""
    return (values * tokens).sum(1) / tokens.sum(1).clamp_min(1)
