"""Recipes from TOML files: the shipped ones by name, a user's own by path."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from functools import cache
from pathlib import Path
from typing import Any

from model.languages import LANGUAGES
from model.mapping import SettingsError, from_mapping
from streams.prepare.language import DATA, MARKUP
from streams.prepare.recipes.edits import EDITS
from streams.prepare.recipes.recipe import Lengths, Recipe, Step
from streams.prepare.rules.rule import Rule
from streams.prepare.rules.table import RULES
from streams.recipe import RecipeSettings
from streams.redact.replacing import FORMS, forms_of

SHIPPED = Path(__file__).parent / "shipped"
MAX_BYTES = 1_000_000
_OWN_KEYS = ("rule", "name", "kinds", "languages", "except", "rate")
_TOP_KEYS = ("like", "says", "source", "differs", "lengths", "edits", "redaction", "rules")
_GROUPS = {"@data": DATA, "@markup": MARKUP}
"""Names of several languages."""


def shipped() -> list[str]:
    """The names of the recipes that come with Midstream."""
    return sorted(path.stem for path in SHIPPED.glob("*.toml"))


@cache
def recipe(name: str) -> Recipe:
    """A shipped recipe by its name, or the file of a path. Raises SettingsError."""
    return _read_like(name, ())


def _read_like(name: str, above: tuple[Path, ...]) -> Recipe:
    path = _path(name)
    return read(path, path.stem, above)


def text_of(name: str) -> str:
    """The file of a recipe as it stands. Raises SettingsError."""
    return _path(name).read_text(encoding="utf-8")


def _path(name: str) -> Path:
    if name in shipped():
        return SHIPPED / f"{name}.toml"
    if name.endswith(".toml") or "/" in name:
        return Path(name).expanduser()
    raise SettingsError(f"there is no recipe {name!r}; known are {', '.join(shipped())}, or the path of a .toml file")


def resolve(settings: RecipeSettings) -> Recipe:
    """The recipe of `[recipe]`: the one that it names, with its changes. Raises SettingsError."""
    made = recipe(settings.use)
    changes = {name: dict(table) for name, table in settings.rules.items()}
    if settings.licences and changes.get("licence", {}).get("policy", settings.licences) != settings.licences:
        raise SettingsError("recipe: licences and rules.licence.policy say different things: leave one of them out")
    if settings.languages and "names" in changes.get("language", {}):
        raise SettingsError("recipe: languages and rules.language.names are both given: leave one of them out")
    if settings.licences:
        changes.setdefault("licence", {})["policy"] = settings.licences
    if settings.languages:
        changes.setdefault("language", {})["names"] = list(settings.languages)
    for name in ("licence", "language"):  # the settings name these whatever the recipe has
        if name in changes and name not in (step.name for step in made.steps):
            added = Step(RULES[name], name, RULES[name].parameters(), RULES[name].kinds)
            made = replace(made, steps=(added, *made.steps))
    known = [step.name for step in made.steps]
    if unknown := sorted(set(changes) - set(known)):
        raise SettingsError(f"recipe {made.name} has no rule {', '.join(unknown)}; it has {', '.join(known)}")
    redaction = _redaction(settings.redaction, "recipe: redaction", made.redaction)
    made = replace(made, redaction=redaction)
    steps = [_changed(step, changes.get(step.name, {}), made.name) for step in made.steps]
    return replace(made, steps=tuple(step for step in steps if step is not None))


def read(path: Path, name: str, above: tuple[Path, ...] = ()) -> Recipe:
    """The recipe of a file, which those `above` are like. Raises SettingsError, which says what is unknown and what is
    known."""
    here = path.resolve()
    if here in above:
        circle = " is like ".join(each.name for each in (*above[above.index(here) :], here))
        raise SettingsError(f"{path}: a recipe cannot be like itself: {circle}")
    try:
        if path.exists() and not path.is_file():
            raise SettingsError(f"{path} is no file")
        if path.stat().st_size > MAX_BYTES:
            raise SettingsError(f"{path}: larger than {MAX_BYTES:,} bytes")
        return parse(tomllib.loads(path.read_text(encoding="utf-8-sig")), name, str(path), (*above, here))
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path} is not in UTF-8: save it so") from error
    except (TypeError, AttributeError, RecursionError) as error:
        raise SettingsError(f"{path}: a value is of another kind than it should be: {error}") from error
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{path}: {error}") from error


def parse(mapping: Mapping[str, Any], name: str, where: str, above: tuple[Path, ...] = ()) -> Recipe:
    _known(mapping, _TOP_KEYS, where)
    tables = _tables(mapping, "rules", where)
    base = _read_like(mapping["like"], above) if "like" in mapping else None
    like = base.steps if base else ()
    own = [_step(table, f"{where}: [[rules]] {number}") for number, table in enumerate(tables, 1)]
    replaced = {step.name: step for step in own}
    kept = {step.name for step in like}
    steps = [replaced.get(step.name, step) for step in like] + [step for step in own if step.name not in kept]
    names = [step.name for step in own]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise SettingsError(f"{where}: {', '.join(twice)} is there twice: give the second a name of its own")
    lengths = {**(asdict(base.lengths) if base else {}), **mapping.get("lengths", {})}
    edits = tuple(
        _edit(table, f"{where}: [[edits]] {n}") for n, table in enumerate(_tables(mapping, "edits", where), 1)
    )
    new = {edit for edit, _ in edits}
    edits = (*(edit for edit in (base.edits if base else ()) if edit[0] not in new), *edits)
    redaction = _redaction(mapping.get("redaction", {}), f"{where}: redaction", base.redaction if base else FORMS)
    made = Recipe(
        name, str(mapping.get("says", "")), tuple(steps), str(mapping.get("source", "")),
        _list(mapping.get("differs", []), "differs", where),
        from_mapping(Lengths, lengths, f"{where}: lengths"), edits,
        redaction,
    )  # fmt: skip
    if not (tables or base or edits or mapping.get("redaction")):
        raise SettingsError(f"{where} has no rules: write [[rules]], or name a recipe that it is like")
    return made


def _tables(mapping: Mapping[str, Any], key: str, where: str) -> list[dict[str, Any]]:
    tables = mapping.get(key, [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise SettingsError(f"{where}: {key} must be tables: write [[{key}]]")
    return tables


def _redaction(table: Any, where: str, base: Mapping[str, str]) -> Mapping[str, str]:
    if not isinstance(table, Mapping):
        raise SettingsError(f"{where} must be a table: write [redaction]")
    try:
        return forms_of(table, where, base)
    except ValueError as error:
        raise SettingsError(str(error)) from error


def _edit(table: Mapping[str, Any], where: str) -> tuple[str, Any]:
    name = table.get("edit")
    if name not in EDITS:
        raise SettingsError(f"{where}: there is no edit {name!r}; known are {', '.join(EDITS)}")
    parameters = {key: value for key, value in table.items() if key != "edit"}
    return name, from_mapping(EDITS[name].parameters, parameters, where)


def _step(table: Mapping[str, Any], where: str) -> Step:
    name = table.get("rule")
    if name not in RULES:
        raise SettingsError(f"{where}: there is no rule {name!r}; known are {', '.join(RULES)}")
    rule = RULES[name]
    own = [field.name for field in fields(rule.parameters)]
    _known(table, (*_OWN_KEYS, *own), f"{where} ({name})")
    parameters = {key: value for key, value in table.items() if key in own}
    called = table.get("name", name)
    if not isinstance(called, str) or not re.fullmatch(r"\w+", called, re.A):
        raise SettingsError(f"{where}: name must be letters, digits and _, not {called!r}")
    step = Step(rule, called, from_mapping(rule.parameters, parameters, where), rule.kinds)
    return _scoped(step, table, where)


def _scoped(step: Step, table: Mapping[str, Any], where: str) -> Step:
    """With the table's kinds, languages and rate."""
    kinds = _list(table.get("kinds", step.kinds), "kinds", where)
    if not kinds or table.get("languages") == []:
        raise SettingsError(f"{where}: with no kinds, or no languages, {step.name} judges nothing: leave it out")
    if foreign := [kind for kind in kinds if kind not in step.rule.kinds]:
        raise SettingsError(f"{where}: {step.rule.name} judges {', '.join(step.rule.kinds)}, not {', '.join(foreign)}")
    rate = table.get("rate", step.rate)
    if not isinstance(rate, int | float) or isinstance(rate, bool) or not 0 <= rate <= 1:
        raise SettingsError(f"{where}: rate must be from 0 to 1, not {rate!r}")
    languages = (
        _languages(_list(table["languages"], "languages", where), where) if "languages" in table else step.languages
    )
    exempt = _languages(_list(table["except"], "except", where), where) if "except" in table else step.exempt
    if languages is not None and languages <= exempt:
        raise SettingsError(f"{where}: all of its languages are excepted, so {step.name} judges nothing")
    return replace(step, kinds=kinds, languages=languages, exempt=exempt, rate=float(rate))


def _changed(step: Step, changes: dict[str, Any], recipe_name: str) -> Step | None:
    """None where the changes switch it off."""
    if not changes:
        return step
    where = f"recipe: rules.{step.name}"
    rule: Rule = step.rule
    own = [field.name for field in fields(rule.parameters)]
    _known(changes, ("off", "kinds", "languages", "except", "rate", *own), where)
    off = changes.pop("off", False)
    if not isinstance(off, bool):
        raise SettingsError(f"{where}: off must be true or false, not {off!r}")
    if off:
        return None
    now = {name: getattr(step.parameters, name) for name in own}
    now = {name: list(value) if isinstance(value, tuple) else value for name, value in now.items() if value is not None}
    given = {key: value for key, value in changes.items() if key in own}
    return _scoped(replace(step, parameters=from_mapping(rule.parameters, now | given, where)), changes, where)


def _list(value: Any, key: str, where: str) -> tuple[str, ...]:
    if not isinstance(value, list | tuple):
        example = f": write {key} = [{json.dumps(value)}]" if isinstance(value, str) else f", not {value!r}"
        raise SettingsError(f"{where}: {key} must be a list{example}")
    if other := [each for each in value if not isinstance(each, str)]:
        raise SettingsError(f"{where}: {key} must be a list of texts, not of {other[0]!r}")
    return tuple(value)


def _languages(names: tuple[str, ...], where: str) -> frozenset[str]:
    known = {language.name for language in LANGUAGES} | set(DATA) | {""}
    if unknown := [name for name in names if name not in known and name not in _GROUPS]:
        allowed = ", ".join((*_GROUPS, *sorted(known - {""})))
        raise SettingsError(f"{where}: there is no language {', '.join(unknown)}; known are {allowed}")
    return frozenset(language for name in names for language in _GROUPS.get(name, (name,)))


def _known(table: Mapping[str, Any], known: tuple[str, ...], where: str) -> None:
    if unknown := sorted(set(table) - set(known)):
        raise SettingsError(f"{where}: unknown {', '.join(unknown)}; known are {', '.join(known)}")
