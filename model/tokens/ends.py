"""How a model's texts begin and end, as the files beside its tokenizer.json say: `plain` has no sentinels for it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from model.fim.choice import Ends, choose
from model.fim.format import Format
from model.tokens.tokenizer import Tokenizer

GENERATION, CONFIG, TOKENIZER_CONFIG = "generation_config.json", "config.json", "tokenizer_config.json"
LARGEST_BYTES = 16 << 20
"""Of a file that is read here: chat templates make some of them long."""


def format_of(name: str, tokenizer: Tokenizer, folder: Path) -> Format:
    """The format of that name, or that the tokenizer tells. `folder`: where its file lies. Raises UnfitTokenizer."""
    return choose(name, tokenizer.specials, read(folder, tokenizer))


def read(folder: Path, tokenizer: Tokenizer) -> Ends:
    """The end of generation_config.json, config.json or tokenizer_config.json, the first that says one which the
    tokenizer has; the beginning that the tokenizer itself puts first."""
    names = {i: token for token, i in tokenizer.specials.items()}
    said: list[Any] = [_object(folder / file).get("eos_token_id") for file in (GENERATION, CONFIG)]
    lists = [value if isinstance(value, list) else [value] for value in said]
    ends = [names[i] for ids in lists for i in ids if type(i) is int and i in names]
    token = _object(folder / TOKENIZER_CONFIG).get("eos_token")
    token = token.get("content") if isinstance(token, dict) else token
    ends += [token] if isinstance(token, str) and token in tokenizer.specials else []
    first, *others = dict.fromkeys(ends) or [""]
    return Ends(first, tokenizer.first, tuple(others))


def write(path: Path, fmt: Format, tokenizer: Tokenizer) -> None:
    """Beside the tokenizer's file `path`, where no sentinel of its own tells the format: pack knows nothing else."""
    if not fmt.orders:
        keys = {"eos_token_id": [tokenizer.special(stop) for stop in fmt.stops]}
        path.with_name(GENERATION).write_text(json.dumps(keys, indent=2) + "\n", encoding="utf-8")


def _object(path: Path) -> dict[str, Any]:
    """Empty for what is no JSON object: who needs the file says what is wrong with it."""
    try:
        keys = json.loads(path.read_bytes()) if path.stat().st_size <= LARGEST_BYTES else {}
    except (OSError, ValueError, RecursionError):
        return {}
    return keys if isinstance(keys, dict) else {}
