"""Commands on a state folder of a test, for weights that a user brings."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner, Result

from midstream.cli import main


def settings_file(folder: Path) -> Path:
    """Settings with a state folder in `folder`, and a context that the small models have."""
    path = folder / "midstream.toml"
    path.write_text(f'[paths]\nstate = "{folder / "state"}"\n[model]\ncontext = 96\n')
    return path


def run(config: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, [*arguments, "--config", str(config)])
