"""Several encoders, one for each input, whose vectors are joined."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from multitask.encoders.base import Encoder
from multitask.encoders.joins import Attention, Concatenation, DropInputs
from multitask.encoders.token_embedding import check_share
from multitask.errors import InputError

Join = Literal["concatenate", "attention"]
JOINS = {"concatenate": Concatenation, "attention": Attention}


class Several(Encoder):
    """Joins the representations of several encoders with one input each, which may be missing.

    A missing input (see `multitask.missing_labels.is_missing`) gives no gradient to its encoder,
    and its features are replaced by a learned vector; attention skips it instead, unless all inputs
    are missing. A missing image or row is replaced by zeros before its encoder; batch normalisation
    in the encoder includes them.

    Args:
        encoders: encoders by name, such as ``image`` and ``text``. Maps or tokens of a sample are
            reduced to one vector first, see `multitask.encoders.Form.vector`.
        out_features: size of the representation.
        join: ``concatenate`` concatenates the vectors, followed by a linear layer, layer
            normalisation and ReLU; ``attention`` maps each vector to ``out_features`` by a separate
            linear layer and takes their mean, weighted by their match with a learned query,
            followed by layer normalisation and ReLU.
        drop: probability with which each input of a training sample is dropped, so that the model
            learns to do without; one input is always kept. In training with a `Trainer` the choice
            depends on the seed and the sample's position in the run, as for augmentations.

    Raises:
        InputError: if a setting is invalid.
    """

    takes_missing = True

    def __init__(
        self,
        encoders: dict[str, Encoder],
        out_features: int = 64,
        join: Join = "concatenate",
        drop: float = 0.1,
    ) -> None:
        super().__init__()
        if not encoders:
            raise InputError("Several: encoders is empty; give an encoder for each input")
        for name in encoders:
            if not name or "." in name or hasattr(nn.ModuleDict, name):
                raise InputError(
                    f"Several: an encoder cannot be called '{name}'; choose another name, such as "
                    "that of its input"
                )
        if join not in JOINS:
            raise InputError(f"Several: join is {join!r}; give one of {', '.join(JOINS)}")
        check_share(self, "drop", drop)
        self.inputs = tuple(dict.fromkeys(each for e in encoders.values() for each in e.inputs))
        self.out_features = out_features
        self.encoders = nn.ModuleDict(encoders)
        sizes = [each.form.features for each in encoders.values()]
        self.drop = DropInputs(len(sizes), drop)
        self.join = JOINS[join](sizes, out_features)

    @property
    def parts(self) -> dict[str, Encoder]:
        """The encoders by name."""
        return dict(self.encoders.items())  # type: ignore[arg-type]

    def depths(self) -> dict[str, int]:
        """Depths of each encoder, aligned at its end, just below the join."""
        parts = {name: each.depths() for name, each in self.parts.items()}
        tops = {name: max(each.values(), default=0) for name, each in parts.items()}
        top = max(tops.values())
        found = {name: top + 1 for name, _ in self.join.named_parameters(prefix="join")}
        for name, depths in parts.items():
            ahead = top - tops[name]
            found |= {f"encoders.{name}.{each}": at + ahead for each, at in depths.items()}
        return found

    def another(self) -> Encoder:
        others = {name: each.another() for name, each in self.parts.items()}
        return type(self)(**{**self._arguments, "encoders": others})

    def lacking(self, inputs: Sequence[Tensor]) -> Tensor:
        given = dict(zip(self.inputs, inputs, strict=True))
        found = [each.lacking(_own(each, given)) for each in self.parts.values()]
        return torch.stack(found, 1).all(1)

    def check_inputs(self, inputs: Sequence[Tensor], setting: str) -> None:
        given = dict(zip(self.inputs, inputs, strict=True))
        for name, each in self.parts.items():
            each.check_inputs(_own(each, given), f"{setting}.init_args.encoders.{name}")

    def forward(self, *inputs: Tensor) -> Tensor:
        """Encode the inputs, in the order of `inputs`; returns ``[batch, out_features]``."""
        given = dict(zip(self.inputs, inputs, strict=True))
        vectors, present = [], []
        for each in self.parts.values():
            own = _own(each, given)
            is_lacking = each.lacking(own)
            representation = each(*(_filled(values, is_lacking) for values in own))
            vectors.append(each.form.vector(representation))
            present.append(~is_lacking)
        return self.join(vectors, self.drop(torch.stack(present, 1)))


def _own(encoder: Encoder, given: Mapping[str, Tensor]) -> list[Tensor]:
    return [given[name] for name in encoder.inputs]


def _filled(values: Tensor, is_lacking: Tensor) -> Tensor:
    """Replace missing samples by zeros, since NaN would persist after the encoder."""
    if not values.is_floating_point():
        return values
    return torch.where(is_lacking.view(-1, *[1] * (values.ndim - 1)), 0, values)
