"""Weights of a model hub: `hf:ORG/NAME@REVISION` to a folder of this machine, by huggingface_hub.

What has been fetched once is found in its cache and asked for no more; a fetch that was cut off goes on. HF_TOKEN,
HF_ENDPOINT, HF_HOME and HF_HUB_OFFLINE are honoured. Nothing but configs, tokenizers and safetensors comes.
"""

from __future__ import annotations

import re
from pathlib import Path

from model.families.reading import Refused

PREFIX = "hf:"
FILES = ("*.safetensors", "model.safetensors.index.json", "config.json", "generation_config.json", "tokenizer.json",
         "tokenizer_config.json", "special_tokens_map.json")  # fmt: skip
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
        folder = Path(snapshot_download(name, revision=revision, allow_patterns=list(FILES)))
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


def _kept(name: str, revision: str) -> Path | None:
    """The folder in the cache, when all of its weights are there."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    from model.importing import weight_files

    try:
        folder = Path(snapshot_download(name, revision=revision, allow_patterns=list(FILES), local_files_only=True))
        weight_files(folder)
    except (LocalEntryNotFoundError, Refused):
        return None
    return folder if (folder / "tokenizer.json").exists() and (folder / "config.json").exists() else None


def _cause(error: BaseException) -> str:
    while error.__cause__ is not None:
        error = error.__cause__
    return type(error).__name__
