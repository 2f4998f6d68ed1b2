"""The `transformers` package, the extra of that name: imported when a model needs it, and by this file alone.

Only its own classes are used. Nothing that comes with a model is run, and nothing is downloaded.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from model.families.adapter.spec import Adapted, refuse_uninstalled
from model.families.reading import Refused, Uninstalled


def load() -> Any:
    """The package, silent. Raises Uninstalled."""
    refuse_uninstalled("the model")
    with warnings.catch_warnings():  # it compiles functions in a way that torch is about to drop
        warnings.simplefilter("ignore")
        try:
            import transformers
        except ImportError as error:
            raise Uninstalled(f"the transformers package cannot be imported: {error}") from error
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    return transformers


def shapes(spec: Adapted) -> dict[str, tuple[int, ...]]:
    """Of the parameters, each once, under the names in which they are stored. Raises Refused."""
    config, kind = _classes(spec)
    with torch.device("meta"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = _tried(spec, lambda: kind(config))
    return {name: tuple(tensor.shape) for name, tensor in stored(model).items()}


def count(spec: Adapted) -> int:
    """Numbers that were learnt. Raises Refused."""
    return sum(torch.Size(shape).numel() for shape in shapes(spec).values())


def model(spec: Adapted, tensors: Mapping[str, Tensor], dtype: torch.dtype) -> Any:
    """The model with these tensors: none is copied that is of the type and stored as it is used. Raises Refused."""
    config, kind = _classes(spec)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return _tried(spec, lambda: kind.from_pretrained(None, config=config, state_dict=dict(tensors), dtype=dtype))


def stored(model: Any) -> dict[str, Tensor]:
    """The model's parameters, each once, under the names and in the parts in which they are stored: experts one by
    one."""
    load()
    from transformers.core_model_loading import revert_weight_conversion

    return revert_weight_conversion(model, {name: p.detach() for name, p in model.named_parameters()})


def new_cache(model: Any) -> Any:
    """An empty cache of keys and values, which grows and can be cut."""
    return load().DynamicCache(config=model.config)


def _classes(spec: Adapted) -> tuple[Any, Any]:
    """The config, and the class of its causal language model."""
    library = load()
    try:
        from transformers.core_model_loading import revert_weight_conversion  # noqa: F401

        made = library.CONFIG_MAPPING[spec.variant]
    except (ImportError, KeyError) as error:
        raise Uninstalled(
            f"transformers {library.__version__} cannot run {spec.variant} for us: pip install "
            "'midstream[transformers]' installs the version that can"
        ) from error
    config = _tried(spec, lambda: made.from_dict(dict(spec.config)))
    return config, library.MODEL_FOR_CAUSAL_LM_MAPPING[type(config)]


def _tried(spec: Adapted, make: Any) -> Any:
    """Whatever the library has against a config it says in errors of many classes."""
    try:
        return make()
    except Exception as error:
        reason = " ".join(str(error).split())
        raise Refused(f"transformers makes no {spec.variant} of this config.json: {reason}") from error
