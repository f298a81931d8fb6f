"""Texts with masked tokens, which are to be predicted."""

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
from multitask.missing_labels import MISSING_CLASS
from multitask.tokenizers import Specials, chosen_tokens, is_text

CHUNK = 4096


class MaskedTokens(ComputedTargets):
    """Masks some tokens of each text, the same in each epoch, for `multitask.tasks.MaskedTokens`.

    The target, named ``masked`` by default, is the token number at each masked place, and missing
    elsewhere. The masked places depend on the seed and the sample's index in the data set, in all
    splits; special tokens are never masked, and neither are all tokens of a text.

    A model trained on this task (Devlin et al., 2019, 1810.04805) needs no labels. Existing targets
    are kept. To learn them from texts without masked tokens, a model can use the texts twice, as
    two sources of a `multitask.data.Mixture`.

    Args:
        share: fraction of the tokens to choose, above 0 and below 1.
        input: name of the text input.
        mask: number of the mask token.
        specials: tokens that are not masked: all numbers below one, or a list of numbers, see
            `multitask.tokenizers.Tokenizer`.
        kept: fraction of the chosen tokens that are to be predicted but not masked, so that a model
            does not learn from masked places alone (a tenth in the paper); from 0 to 1.
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
        """Return the target of some samples, and which of their tokens are masked."""
        which, how = uniforms(seed, places, [text.shape[1]] * 2)
        chosen = chosen_tokens(text, which, self.share, self.specials)
        return text.long().where(chosen, MISSING_CLASS), chosen & (how >= self.kept)


class _Masked(BatchDataset):
    """Samples whose tokens are masked when they are read.

    Args:
        source: the unmasked samples.
        how: defines the input, the target and the mask token.
        target: see `MaskedTokens`.
        hidden: the masked places, shape ``[samples, places]``, bool.
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
        # The masked tokens are compared as a target.
        return self._source.input_fingerprints()

    def _masked(self, name: str, values: Tensor, indices: Tensor) -> Tensor:
        if name != self._how.input:
            return values
        return values.masked_fill(self._hidden[indices], self._how.mask)
