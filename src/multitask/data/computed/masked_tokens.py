"""Texts with hidden tokens, which are to be told."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from multitask.augmentation.draws import uniforms
from multitask.data.computed.base import ComputedTargets
from multitask.data.dataset import BatchDataset
from multitask.data.fingerprints import Fingerprints
from multitask.errors import InputError
from multitask.geometry import Geometry
from multitask.labels import MISSING_CLASS
from multitask.tokenizers import Specials, chosen_tokens, is_text

CHUNK = 4096


class MaskedTokens(ComputedTargets):
    """Hides some tokens of each text, the same in each epoch, for `multitask.tasks.MaskedTokens`.

    The target, ``masked`` by default, is the number of the token at each hidden place, and missing
    elsewhere. Which places are hidden depends on the seed and on the sample's place in the data
    set, in all splits; special tokens are not hidden, nor all tokens of a text.

    A model that learns this (Devlin et al., 2019, 1810.04805) needs no labels. Targets that there
    are already stay; a model that is to learn them from texts without hidden tokens takes the texts
    twice, as two sources of a `multitask.data.Mixture`.

    Args:
        share: of the tokens, above 0 and below 1.
        input: name of the text.
        mask: number of the token that stands for a hidden one.
        specials: tokens that are not hidden: all numbers below one, or a list of numbers, see
            `multitask.tokenizers.Tokenizer`.
        kept: share of the chosen tokens that are to be told, but are not hidden, so that a model
            does not learn from hidden places alone (a tenth, in the paper); from 0 to 1.
        target: name of the target.
    """

    def __init__(
        self,
        share: float = 0.15,
        input: str = "text",
        mask: int = 2,
        specials: Specials = 3,
        kept: float = 0.0,
        target: str = "masked",
    ) -> None:
        if not 0 < share < 1:
            raise InputError(f"share is {share}; give a share of the tokens, between 0 and 1")
        if not 0 <= kept <= 1:
            raise InputError(f"kept is {kept}; give a share of the chosen tokens, from 0 to 1")
        if mask < 0:
            raise InputError(f"mask is {mask}; give the number of a token, 0 or more")
        self.share, self.input, self.mask = share, input, mask
        self.specials, self.kept, self.target = specials, kept, target

    def __call__(
        self, samples: BatchDataset, seed: int, geometry: Mapping[str, Geometry]
    ) -> BatchDataset:
        if self.target in samples.targets:
            raise InputError(
                f"computed: MaskedTokens would replace '{self.target}'; give it another target"
            )
        inputs = samples.inputs(torch.tensor([0]))
        if not is_text(inputs.get(self.input)):
            raise InputError(
                f"computed: MaskedTokens hides tokens of '{self.input}', which is not a text; the "
                f"inputs are {', '.join(inputs)}"
            )
        rows = torch.arange(len(samples)).split(CHUNK)
        parts = [self._chosen(samples.one_input(self.input, each), seed, each) for each in rows]
        target, hidden = (torch.cat(each) for each in zip(*parts, strict=True))
        return _Masked(samples, self, target, hidden)

    def _chosen(self, text: Tensor, seed: int, places: Tensor) -> tuple[Tensor, Tensor]:
        """The target of some samples, and which of their tokens are hidden."""
        which, how = uniforms(seed, places, [text.shape[1]] * 2)
        chosen = chosen_tokens(text, which, self.share, self.specials)
        return text.long().where(chosen, MISSING_CLASS), chosen & (how >= self.kept)


class _Masked(BatchDataset):
    """Samples whose tokens are hidden as they are read.

    Args:
        source: the samples as they are.
        how: says which input and target it is, and what stands for a hidden token.
        target: see `MaskedTokens`.
        hidden: the hidden places, shape ``[samples, places]``, bool.
    """

    def __init__(
        self, source: BatchDataset, how: MaskedTokens, target: Tensor, hidden: Tensor
    ) -> None:
        super().__init__({**source.targets, how.target: target})
        self._source, self._how, self._hidden = source, how, hidden

    def __len__(self) -> int:
        return len(self._source)

    def inputs(self, indices: Tensor) -> dict[str, Tensor]:
        inputs = self._source.inputs(indices)
        return {name: self._masked(name, each, indices) for name, each in inputs.items()}

    def one_input(self, name: str, indices: Tensor) -> Tensor:
        return self._masked(name, self._source.one_input(name, indices), indices)

    def input_fingerprints(self) -> dict[str, Fingerprints]:
        # What is hidden is a target.
        return self._source.input_fingerprints()

    def _masked(self, name: str, values: Tensor, indices: Tensor) -> Tensor:
        if name != self._how.input:
            return values
        return values.masked_fill(self._hidden[indices], self._how.mask)
