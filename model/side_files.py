"""The files that Hugging Face's libraries read beside weights and tokenizer, made of a manifest.

What came with imported weights is kept, but for what the manifest says itself.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from model import families
from model.manifest import SIDE_FILES, Manifest

if TYPE_CHECKING:
    import torch

    from model.tokens.tokenizer import Tokenizer

CONFIG, GENERATION, TOKENIZER_CONFIG, _ = SIDE_FILES


def make(
    manifest: Manifest, tokenizer: Tokenizer, dtype: torch.dtype, before: Mapping[str, bytes]
) -> dict[str, bytes]:  # fmt: skip
    """File to contents. `dtype`: of the weights; `before`: the files of the checkpoint, or of the imported folder."""
    ids, fmt = tokenizer.specials, manifest.format
    kind = str(dtype).removeprefix("torch.")
    end, begin = ids.get(fmt.end), ids.get(fmt.begin or fmt.end)
    known: dict[str, Any] = {} if end is None else {"bos_token_id": begin, "eos_token_id": end}
    ends = {"eos_token": fmt.end, "bos_token": fmt.begin or fmt.end} if known else {}
    shape = families.write_config(manifest.model) | {"dtype": kind, "torch_dtype": kind}
    made: dict[str, dict[str, Any]] = {
        CONFIG: known | _read(before, CONFIG) | shape,
        GENERATION: _read(before, GENERATION) or {
            **known, "eos_token_id": [ids[s] for s in dict.fromkeys((*fmt.stops, fmt.end)) if s in ids] or end,
        },
        TOKENIZER_CONFIG: _read(before, TOKENIZER_CONFIG) or {
            "tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": manifest.model.context,
            "clean_up_tokenization_spaces": False, **ends,
        },
    }  # fmt: skip
    files = {file: json.dumps(keys, indent=2, sort_keys=True).encode() + b"\n" for file, keys in made.items()}
    return {**before, **files}


def _read(files: Mapping[str, bytes], name: str) -> dict[str, Any]:
    """What is no JSON object counts as missing: it was checked when it was imported."""
    try:
        keys = json.loads(files.get(name, b"{}"))
    except ValueError:
        return {}
    return keys if isinstance(keys, dict) else {}
