"""Text models of Hugging Face."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from multitask.checkpoints.hugging_face import asking, library, way_to_ask
from multitask.checkpoints.source import DOWNLOADS, source_of
from multitask.configuration.trust import ANOTHER, refuse_for_stranger
from multitask.encoders.hugging_face_config import ATTENTION, OWNER, configuration, plain
from multitask.encoders.hugging_face_layers import depths_of, places_of, unreached
from multitask.encoders.token_embedding import TextEncoder
from multitask.errors import InputError
from multitask.pages.words import counted, listed
from multitask.tokenizers.text_batch import is_text, text_mask

WEIGHTS = "model.safetensors"


class HuggingFace(TextEncoder):
    """A text model of Hugging Face without its pretraining head.

    It returns the vectors of its last layer, one for each token. Of a model with a decoder, such as
    T5, only the encoder is used; causal models such as GPT-2 are also supported. A pooler is
    removed, and other parameters that do not affect the vectors are not trained.

    The data's tokenizer must match the model: `multitask.tokenizers.HuggingFace` with the same
    name. The weights are kept in 32 bits, regardless of how they are stored; ``trainer.precision``
    determines the precision of computations. Code that comes with a model is never run.

    Args:
        name: name of the model on Hugging Face's hub, such as ``distilbert-base-uncased``, which is
            downloaded once; or the path of a folder written by ``save_pretrained``.
        pretrained: whether to start from the model's weights, for fine-tuning, or from random ones.
            A model restored from a checkpoint gets its weights from there.
        options: settings that override the model's own, such as ``num_hidden_layers`` or
            ``attention_probs_dropout_prob``; ``attn_implementation`` is ``sdpa`` or ``eager``.
        input: name of the text among the data's inputs.
        separator: number of the token between the two texts of a pair, such as 102 for BERT, if the
            model distinguishes the two by token types; default: no token types.
        config: the whole configuration, which overrides that of ``name``; stored in checkpoints.

    Raises:
        InputError: if there is no such model, it does not support a setting, or the package
            transformers is not installed: ``pip install 'multitask[text]'``.
    """

    tells_more = True

    def __init__(
        self,
        name: str,
        pretrained: bool = True,
        options: dict[str, Any] | None = None,
        input: str = "text",
        separator: int | None = None,
        config: dict[str, Any] | None = None,
    ) -> None:
        # The import is slow, and runs with other encoders do not need it.
        transformers = library("transformers", OWNER)
        found = configuration(transformers, name, options or {}, config)
        super().__init__(found.vocab_size, 1, input)
        # A recorded configuration makes other files unnecessary; a checkpoint's includes the
        # weights.
        self._arguments |= {"pretrained": pretrained, "config": plain(found)}
        self.name, self.separator = name, separator
        self.padding = getattr(found, "pad_token_id", None) or 0
        kind = {ATTENTION: (options or {}).get(ATTENTION), "dtype": torch.float32}
        if pretrained and DOWNLOADS.get():
            self.network = self._trained(transformers, found, kind, bool(options))
        else:
            self.network = self._random(transformers, found, kind)
        if separator is not None and getattr(found, "type_vocab_size", 0) < 2:
            raise InputError(
                f"{OWNER}: separator is {separator}, but a '{found.model_type}' does not "
                "distinguish the first of two texts from the second; remove it"
            )
        self.out_features = self._try()
        self.length = places_of(self.network)

    def depths(self) -> dict[str, int]:
        """Depths before the model's layers, for each layer, and after them."""
        return depths_of(self)

    def check_inputs(self, inputs: Sequence[Tensor], setting: str) -> None:
        (text,), (name,) = inputs, self.inputs
        if not is_text(text):
            super().check_inputs(inputs, setting)
        cure = f"set the data's tokenizer to a multitask.tokenizers.HuggingFace of '{self.name}'"
        largest = int(text.max()) if text.numel() else 0
        if largest >= self.vocabulary:
            raise InputError(
                f"{setting}: the text '{name}' contains the token {largest}, but '{self.name}' has "
                f"{self.vocabulary} tokens; {cure}"
            )
        longest = int(text_mask(text).sum(1).max()) if len(text) else 0
        if self.length is not None and longest > self.length:
            raise InputError(
                f"{setting}: a text '{name}' has {longest} tokens, but '{self.name}' accepts "
                f"at most {self.length}; set the length of the data's tokenizer to that"
            )

    def forward(self, text: Tensor) -> list[Tensor]:
        """Encode token numbers, int32, shape ``[batch, places]``, -1 after the end."""
        mask = text_mask(text)
        taken = {"input_ids": text.masked_fill(~mask, self.padding), "attention_mask": mask.long()}
        if self.separator is not None:
            ends = (text == self.separator).long()
            # The separator itself belongs to the text that it ends.
            taken["token_type_ids"] = ((ends.cumsum(1) - ends) > 0).long()
        values: Tensor = self.network(**taken)[0]
        return [values, mask]

    def _random(self, transformers: Any, config: Any, kind: dict[str, Any]) -> nn.Module:
        with asking(self.name, OWNER, "network", "correct options"):
            network = transformers.AutoModel.from_config(config, trust_remote_code=False, **kind)
            return _encoder_of(network)

    def _trained(
        self, transformers: Any, config: Any, kind: dict[str, Any], has_options: bool
    ) -> nn.Module:
        refuse_for_stranger(ANOTHER)
        way = way_to_ask(self.name, OWNER, "weights")
        with asking(self.name, OWNER, "weights", "correct options" if has_options else None):
            found, told = transformers.AutoModel.from_pretrained(
                self.name,
                config=config,
                output_loading_info=True,
                ignore_mismatched_sizes=True,
                **way,
                **kind,
            )
            network = _encoder_of(found)
        own = dict(network.named_parameters())
        wrong = [f"'{each}' is missing" for each in sorted(told["missing_keys"]) if each in own]
        wrong += [
            f"'{each}' is {list(one)} in the file, {list(two)} here"
            for each, one, two in sorted(told["mismatched_keys"])
            if each in own
        ]
        if wrong:
            raise InputError(
                f"{OWNER}: the weights of '{self.name}' do not fit: {listed(wrong, 3)}; correct "
                "options, or set pretrained to false"
            )
        file = Path(self.name) / WEIGHTS
        if file.is_file():
            said = f"The encoder has its {counted(len(own), 'weight')} from {file}"
            self.source = source_of(file, "HuggingFace", said)
        return network

    def _try(self) -> int:
        """Encode two tokens, to find the size of the vectors and which parameters affect them."""
        self.eval()
        with asking(self.name, OWNER, "vectors", "correct options"), torch.enable_grad():
            values, _ = self(torch.zeros(1, 2, dtype=torch.int32))
        self.train()
        for each in unreached(self.network, values):
            each.requires_grad_(False)
        return int(values.shape[2])


def _encoder_of(network: nn.Module) -> nn.Module:
    """Extract the encoder of a model, without modules that no task uses."""
    whole: Any = network
    found: Any = whole.get_encoder() if whole.config.is_encoder_decoder else whole
    if getattr(found, "pooler", None) is not None:
        found.pooler = None
    return found.train()
