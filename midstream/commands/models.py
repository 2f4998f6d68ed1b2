"""`midstream models`: weights in and out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import click

from midstream.commands import choosing, pushing
from midstream.commands.options import with_settings
from midstream.settings import Settings
from model.fim.formats import AUTO, FORMATS
from model.manifest import ADAPTER, ADAPTER_CONFIG

FOLDER = click.Path(path_type=Path, exists=True, file_okay=False)
GGUF_KINDS = ("f32", "f16", "bf16", "q8_0")


@click.group()
def models() -> None:
    """Bring weights in, look at what is there and choose what is served, write it for others."""


for command in (choosing.list_, choosing.promote, choosing.rollback, pushing.push):
    models.add_command(command)


@models.command("import")
@click.argument("reference")
@click.option("--checkpoints", type=click.Path(path_type=Path, file_okay=False), help="Default: [paths] checkpoints.")
@click.option(
    "--format", "name", type=click.Choice((AUTO, *FORMATS)),
    help="FIM format that it was trained on; auto: as its tokenizer tells.",
)  # fmt: skip
@with_settings
def import_(reference: str, checkpoints: Path | None, name: str | None, settings: Settings) -> None:
    """Make REFERENCE, a folder or hf:ORG/NAME@REVISION, the checkpoint that training and serving begin with; a folder
    of `peft`, an adapter over the newest one."""
    from dataclasses import replace

    from midstream.models.weights import take
    from midstream.processes.lock import FolderLock

    root = checkpoints or settings.paths.checkpoints
    assert root is not None
    if name is not None:
        settings = replace(settings, model=replace(settings.model, format=name))
    with FolderLock(root, "importing weights"):
        if (Path(reference).expanduser() / ADAPTER_CONFIG).is_file():
            _take_adapter(settings, Path(reference).expanduser(), root)
            return
        take(settings, reference, root, click.echo)
    if name not in (None, AUTO):
        click.echo(f'Set [model] format = "{name}", so that pack packs for it too.')


def _take_adapter(settings: Settings, folder: Path, root: Path) -> None:
    from model import memory
    from model.families.reading import Refused
    from model.importing import import_adapter

    try:
        manifest = import_adapter(folder, root, settings.train, memory.available())
    except Refused as error:
        raise click.ClickException(f"{folder} cannot be imported: {error}.") from error
    assert manifest.adapter is not None and manifest.base is not None
    a = manifest.adapter
    click.echo(f"checkpoint {manifest.model_version} in {root}: {a.kind} over {manifest.base.model_version}")
    click.echo(f'To train it further, set [train] adapter = "{a.kind}", rank = {a.rank}, alpha = {a.alpha:g}.')


@models.command()
@click.argument("folder", type=FOLDER, required=False)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@with_settings
def show(folder: Path | None, as_json: bool, settings: Settings) -> None:
    """Say what FOLDER holds: a checkpoint, or a model that could be imported. Default: the newest checkpoint."""
    from model import families, importing
    from model.families.reading import Refused
    from model.manifest import MANIFEST, latest, read_manifest

    assert settings.paths.checkpoints is not None
    path = folder or latest(settings.paths.checkpoints)
    if path is None:
        raise click.ClickException(f"{settings.paths.checkpoints} has no checkpoint yet: name a FOLDER.")
    if (path / MANIFEST).exists():
        manifest = read_manifest(path)
        facts = {"checkpoint": manifest.model_version, "step": manifest.step, "tokens": manifest.tokens,
                 "imported": manifest.imported, "context": manifest.length}  # fmt: skip
        if manifest.adapter is not None and manifest.base is not None:
            a, size = manifest.adapter, (path / ADAPTER).stat().st_size
            facts |= {"adapter": f"{a.kind}, rank {a.rank}, alpha {a.alpha:g}", "targets": list(a.targets),
                      "adapter_bytes": size, "base": manifest.base.model_version, "base_held": a.held}  # fmt: skip
        spec, fmt, tokenizer = manifest.model, manifest.format, manifest.tokenizer
    else:
        try:
            foreign = importing.read(path, settings.model.format)
        except Refused as error:
            raise click.ClickException(f"{path} cannot be imported: {error}.") from error
        facts = {"bytes": foreign.bytes, "context": foreign.spec.context}
        spec, fmt, tokenizer = foreign.spec, foreign.format, foreign.tokenizer.hash
    facts |= {
        "family": spec.family_name, "parameters": spec.parameters, "layers": spec.layers, "width": spec.width,
        "model_context": spec.context, "heads": spec.heads, "kv_heads": spec.kv_heads, "vocab": spec.vocab,
        "format": fmt.name, "orders": list(fmt.orders), "tokenizer": tokenizer,
        "use": [*(("training",) if families.is_trained(spec) else ()), "serving", "evaluation"],
    }  # fmt: skip
    if as_json:
        click.echo(json.dumps(facts))
        return
    for key, value in facts.items():
        if key != "model_context":
            click.echo(f"{key:<13} {_words(value)}{_of_model(facts) if key == 'context' else ''}")


def _of_model(facts: Mapping[str, object]) -> str:
    """Why the context is not the model's own."""
    own, most = facts["context"], facts["model_context"]
    return "" if own == most else f" ([model] context, of the {_words(most)} that the weights can)"


def _words(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return f"{value:,}" if isinstance(value, int) else str(value)


@models.command()
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--to", "target", type=click.Choice(("hf", "gguf", "peft")), required=True)
@click.option("--checkpoint", type=FOLDER, help="Default: the one that is served.")
@click.option("--kind", type=click.Choice(GGUF_KINDS), default="f16", show_default=True, help="Numbers of a GGUF file.")
@click.option(
    "--dtype", type=click.Choice(("float32", "bfloat16", "float16")),
    help="Numbers of a folder (hf). Default: those of the weights that were imported, or the checkpoint's own.",
)  # fmt: skip
@with_settings
def export(
    out: Path, target: str, checkpoint: Path | None, kind: str, dtype: str | None, settings: Settings
) -> None:  # fmt: skip
    """Write a checkpoint to OUT: a folder for `transformers` and others (hf), or one file for llama.cpp (gguf), an
    adapter merged into its base's weights; or the adapter alone, as `peft` reads it (peft)."""
    from midstream.models.weights import CannotImport
    from model import choice
    from model.families.reading import Refused
    from model.manifest import latest

    assert settings.paths.checkpoints is not None
    root = settings.paths.checkpoints
    path = checkpoint or next((path for path, _ in choice.served(root)), None) or latest(root)
    if path is None:
        raise click.ClickException(f"{settings.paths.checkpoints} has no checkpoint yet.")
    if out.exists():
        raise click.ClickException(f"{out} is there already: name another.")
    try:
        if target == "hf":
            from model.exporting import export as write

            write(path, out, dtype or "")
        elif target == "peft":
            from model.exporting import export_adapter

            export_adapter(path, out)
        else:
            from model.gguf.export import export as write_gguf

            for note in write_gguf(path, out, kind)["notes"]:
                click.echo(note, err=True)
    except (Refused, CannotImport) as error:
        raise click.ClickException(f"{path} cannot be written as {target}: {error}.") from error
    click.echo(f"{out}: {path.name}")
