"""Weights of a model hub: `hf:ORG/NAME@REVISION` to a folder of this machine, by huggingface_hub.

What has been fetched once is found in its cache and asked for no more; a fetch that was cut off goes on. HF_TOKEN,
HF_ENDPOINT, HF_HOME and HF_HUB_OFFLINE are honoured. Nothing comes but configs, tokenizers and the weights that are
read.
"""

from __future__ import annotations

import re
from pathlib import Path

from model import shards
from model.families.reading import Refused

CONFIG, TOKENIZER = shards.CONFIG, "tokenizer.json"
PREFIX = "hf:"
FILES = (*shards.PATTERNS, CONFIG, TOKENIZER, "generation_config.json", "tokenizer_config.json",
         "special_tokens_map.json")  # fmt: skip
_REFERENCE = re.compile(r"hf:([\w.-]+/[\w.-]+)(?:@([\w./-]+))?")
_COMMIT = re.compile(r"[0-9a-f]{40}")


def split(reference: str) -> tuple[str, str | None]:
    """ORG/NAME and the revision. Raises Refused."""
    match = _REFERENCE.fullmatch(reference)
    if match is None:
        raise Refused(f"{reference!r} is not hf:ORG/NAME or hf:ORG/NAME@REVISION")
    return match[1], match[2]


def fetch(reference: str) -> tuple[Path, str]:
    """The folder, and the reference with the commit that it is. Raises Refused, with what to do."""
    name, revision = split(reference)
    from httpx import HTTPError
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        HFValidationError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    try:
        if revision and _COMMIT.fullmatch(revision) and (kept := _kept(name, revision)):
            return kept, f"{PREFIX}{name}@{revision}"
        folder = Path(snapshot_download(name, revision=revision, allow_patterns=_wanted(name, revision)))
    except GatedRepoError as error:
        raise Refused(f"{name} is given to those alone who accepted its terms: do so, and set HF_TOKEN") from error
    except RepositoryNotFoundError as error:
        raise Refused(f"there is no {name}, or HF_TOKEN does not open it") from error
    except RevisionNotFoundError as error:
        raise Refused(f"{name} has no revision {revision}") from error
    except LocalEntryNotFoundError as error:
        raise Refused(f"{name} is not in the cache, and the hub cannot be reached ({_cause(error)})") from error
    except HFValidationError as error:
        raise Refused(f"{name} is no name of a model: {error}") from error
    except (HfHubHTTPError, HTTPError, OSError) as error:  # a connection that breaks off is httpx's own
        raise Refused(f"{name} cannot be fetched: {type(error).__name__}; the next try goes on from here") from error
    return folder, f"{PREFIX}{name}@{folder.name}"


def _wanted(name: str, revision: str | None) -> list[str]:
    """Patterns of the files that are fetched. Raises Refused where the repository has none that can be read: before
    anything is fetched. Where the hub cannot be asked, the cache may still have them."""
    from httpx import HTTPError
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError

    from model.importing import no_tokenizer

    try:
        names = set(HfApi().list_repo_files(name, revision=revision))
    except (HfHubHTTPError, HTTPError, OSError):
        return list(FILES)
    if not names & {shards.ONE, shards.INDEX}:
        raise Refused(f"{name}: {shards.absent(names)}")
    if TOKENIZER not in names:
        raise Refused(f"{name}: {no_tokenizer(names)}")
    if CONFIG not in names:
        raise Refused(f"{name} has no {CONFIG}")
    return [pattern for pattern in FILES if shards.ONE not in names or pattern not in shards.PATTERNS[1:]]


def _kept(name: str, revision: str) -> Path | None:
    """The folder in the cache, when all of its weights are there."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        folder = Path(snapshot_download(name, revision=revision, allow_patterns=list(FILES), local_files_only=True))
        shards.weight_files(folder)
    except (LocalEntryNotFoundError, Refused):
        return None
    return folder if (folder / TOKENIZER).exists() and (folder / CONFIG).exists() else None


def _cause(error: BaseException) -> str:
    while error.__cause__ is not None:
        error = error.__cause__
    return type(error).__name__
