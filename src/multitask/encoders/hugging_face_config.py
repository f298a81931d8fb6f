"""The configuration of a Hugging Face model, without its weights."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from multitask.checkpoints.hugging_face import asking, way_to_ask
from multitask.errors import InputError, nearest

OWNER = "encoders.HuggingFace"
FORGOTTEN = (
    "architectures",
    "auto_map",
    "dtype",
    "id2label",
    "label2id",
    "problem_type",
    "torch_dtype",
    "transformers_version",
)
"""Settings that do not describe the encoder, or that name code."""
ATTENTION = "attn_implementation"
KINDS_OF_ATTENTION = ("eager", "sdpa")
"""Implementations of torch; any other would be external code."""
OWN = {
    "model_type": "give another name",
    "dtype": "set trainer.precision",
    "torch_dtype": "set trainer.precision",
    "use_cache": "an encoder generates no text",
    "return_dict": "the encoder uses the last layer's vectors",
    "output_hidden_states": "the encoder uses the last layer's vectors",
    "output_attentions": "the encoder uses the last layer's vectors",
    "is_encoder_decoder": "the decoder is removed automatically",
    "quantization_config": "weights are trained as they are",
}
"""Options that the encoder sets itself, and what to do instead."""


def configuration(
    transformers: Any, name: str, options: Mapping[str, Any], recorded: Mapping[str, Any] | None
) -> Any:
    """Read or rebuild a model's configuration.

    Args:
        transformers: the library.
        name: name of the model, or a folder.
        options: settings that override the model's own.
        recorded: the return value of `plain`; None to look it up by name.

    Returns:
        A configuration object of the library.

    Raises:
        InputError: if it is not available, lacks an option, or is not for a text model.
    """
    if recorded is None:
        way = way_to_ask(name, OWNER, "configuration")
        with asking(name, OWNER, "configuration"):
            found = transformers.AutoConfig.from_pretrained(name, **way)
    else:
        kind = recorded.get("model_type")
        if kind not in transformers.CONFIG_MAPPING:
            raise InputError(
                f"{OWNER}: the configuration of '{name}' has the type {kind!r:.40}, which "
                f"transformers {transformers.__version__} does not support; install another version"
            )
        with asking(name, OWNER, "configuration", "correct config, or remove it"):
            found = transformers.AutoConfig.for_model(**_harmless(recorded))
    _check_kind(transformers, name, found)
    _set_options(found, options)
    found.use_cache, found.return_dict = False, True
    return found


def plain(config: Any) -> dict[str, Any]:
    """Convert a configuration to values that a safe checkpoint can hold.

    Args:
        config: see `configuration`.
    """
    return _harmless(json.loads(config.to_json_string(use_diff=False)))


def _harmless(settings: Mapping[str, Any]) -> dict[str, Any]:
    left_out = {*FORGOTTEN, ATTENTION, "quantization_config"}
    return {
        key: each
        for key, each in settings.items()
        if key not in left_out and not key.startswith("_")
    }


def _check_kind(transformers: Any, name: str, config: Any) -> None:
    models = transformers.MODEL_MAPPING
    is_one = type(config) in models and not getattr(config, "sub_configs", None)
    if not is_one or getattr(models[type(config)], "main_input_name", "") != "input_ids":
        raise InputError(
            f"{OWNER}: '{name}' is a '{config.model_type}', which is not a text-only model; "
            "give the name of one, such as distilbert-base-uncased"
        )
    if getattr(config, "quantization_config", None) is not None:
        raise InputError(
            f"{OWNER}: the weights of '{name}' are quantized, so they cannot be trained; give "
            "the name of the model from which they were made"
        )


def _set_options(config: Any, options: Mapping[str, Any]) -> None:
    known = [each for each in config.to_dict() if not each.startswith("_")]
    for key, value in options.items():
        if key in OWN:
            raise InputError(f"options: {key} cannot be set; {OWN[key]}")
        if key == ATTENTION:
            if value not in KINDS_OF_ATTENTION:
                choice = " or ".join(KINDS_OF_ATTENTION)
                raise InputError(f"options: {ATTENTION} is {value!r}; choose {choice}")
        elif key in known or key in type(config).attribute_map:
            setattr(config, key, value)
        else:
            near = nearest(key, [*known, *type(config).attribute_map])
            raise InputError(f"options: a '{config.model_type}' has no setting '{key}'{near}")
