"""An adapter's tensors as parts of the compiled step, without torch."""

from __future__ import annotations

from collections.abc import Mapping

from model.adapters.spec import Adapter
from model.families import Names, Spec
from model.families.products import Member, products
from model.kernels.adapters.parts import Part
from model.kernels.packing import Floats


def parts(spec: Spec, adapter: Adapter, tensors: Mapping[str, Floats]) -> list[Part]:
    """`tensors`: by our names, float32; the modules that have none stay as they are."""
    names, made = Names(spec), list[Part]()
    for layer in range(spec.layers):
        for which, product in enumerate(products(spec)):
            first = 0
            for member in product.members:
                name = f"blocks.{layer}.{member.name}"
                if f"{name}.a" in tensors:
                    scale = adapter.scale_of(names.theirs(f"{name}.weight").removesuffix(".weight"))
                    b_OR, magnitude_O = (_ordered(member, tensors.get(f"{name}.{part}")) for part in ("b", "magnitude"))
                    assert b_OR is not None
                    made.append(Part(layer, which, first, tensors[f"{name}.a"], b_OR, scale, magnitude_O))
                first += member.outputs
    return made


def _ordered(member: Member, rows: Floats | None) -> Floats | None:
    return rows if rows is None or member.order is None else rows[member.order]
