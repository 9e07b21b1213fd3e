"""The terms of the fusion loss: each sees what it is for, and all have finite gradients."""

from dataclasses import fields

import pytest
import torch
from torch import Tensor

from edge_mef.application import LUMA
from edge_mef.losses.fusion import FusionTerms, FusionWeights, fusion_terms

SIDE = 64
NAMES = [field.name for field in fields(FusionTerms)]

WEIGHTS = FusionWeights(12.0, 10.0, 1.0, 2.0, 2.0)


def texture(seed: int = 0, amplitude: float = 0.2) -> Tensor:
    """A grey texture around 0, (1, 3, SIDE, SIDE)."""
    generator = torch.Generator().manual_seed(seed)
    plane = torch.rand(1, 1, SIDE, SIDE, generator=generator) - 0.5
    return (2 * amplitude * plane).expand(1, 3, SIDE, SIDE)


def flat(level: float) -> Tensor:
    return torch.full((1, 3, SIDE, SIDE), level)


def tinted(red: float, green: float, blue: float) -> Tensor:
    return torch.tensor([red, green, blue]).reshape(1, 3, 1, 1).expand(1, 3, SIDE, SIDE)


def terms(fused: Tensor, *exposures: Tensor) -> dict[str, float]:
    found = fusion_terms(fused, torch.cat(exposures))
    return {name: getattr(found, name).item() for name in NAMES}


def test_structure_falls_when_contrast_is_kept() -> None:
    exposures = 0.3 + 0.2 * texture(), 0.6 + texture()
    kept, weak, none = (terms(0.45 + share * texture(), *exposures) for share in (1.0, 0.4, 0.0))
    assert kept["structure"] < 0.01
    assert kept["structure"] < weak["structure"] - 0.1 < none["structure"] - 0.2


def test_structure_does_not_see_brightness() -> None:
    exposures = 0.3 + 0.2 * texture(), 0.6 + texture()
    dark, bright = (terms(level + texture(), *exposures) for level in (0.3, 0.7))
    assert dark["structure"] == pytest.approx(bright["structure"], abs=1e-3)


def test_structure_reaches_the_rim() -> None:
    """MEF-SSIM's windows hardly see the outermost pixels; this term does."""
    exposures = 0.3 + 0.2 * texture(), 0.6 + texture()
    fused = (0.45 + texture()).clone().requires_grad_()
    before = fusion_terms(fused, torch.cat(exposures)).structure
    changed = (0.45 + texture()).clone()
    changed[..., :2] = 0.45
    after = fusion_terms(changed, torch.cat(exposures)).structure
    assert after > before + 0.01


def test_fidelity_prefers_the_exposure_with_the_gradients() -> None:
    detailed, smooth = 0.3 + texture(), flat(0.7)
    near = terms(0.3 + texture(), detailed, smooth)["fidelity"]
    between = terms(flat(0.5), detailed, smooth)["fidelity"]
    far = terms(flat(0.7), detailed, smooth)["fidelity"]
    assert near < 0.01 < between < far
    turned = terms(flat(0.7), 0.3 + 0 * texture(), flat(0.7) + texture())["fidelity"]
    assert turned < 0.05 < far


def test_fidelity_chooses_block_by_block() -> None:
    left = torch.cat([torch.ones(SIDE // 2), torch.zeros(SIDE // 2)])
    one, other = 0.3 + texture(1) * left, 0.7 + texture(2) * (1 - left)
    chosen = terms(one * left + other * (1 - left), one, other)["fidelity"]
    wrong = terms(one * (1 - left) + other * left, one, other)["fidelity"]
    assert chosen < 0.2 * wrong


def test_tone_follows_the_well_exposed() -> None:
    exposures = flat(0.5), flat(0.98)
    good, burnt = (terms(flat(level), *exposures)["tone"] for level in (0.52, 0.98))
    assert good < 0.1 * burnt


def test_colour_asks_for_that_of_the_exposures() -> None:
    red = tinted(0.6, 0.3, 0.3)
    same = terms(red, red, red)["colour"]
    grey = terms(flat(0.4), red, red)["colour"]
    blue = terms(tinted(0.3, 0.3, 0.6), red, red)["colour"]
    assert same < 1e-6
    assert 0.01 < grey < blue


def test_colour_prefers_the_saturated_exposure() -> None:
    red, pale = tinted(0.6, 0.3, 0.3), tinted(0.45, 0.42, 0.42)
    assert terms(red, red, pale)["colour"] < 0.5 * terms(pale, red, pale)["colour"]


def test_colour_is_brought_to_the_fused_brightness() -> None:
    """Twice as bright needs twice the chroma; beyond that, noise would be lifted with it."""
    dark = tinted(0.3, 0.15, 0.15)
    for factor, best in ((1.5, 1.5), (2.0, 2.0), (3.0, 2.0), (0.5, 0.5)):
        level = factor * dark.mul(torch.tensor(LUMA).reshape(1, 3, 1, 1)).sum(1, keepdim=True)
        grey = level.expand_as(dark)
        chroma = dark - level / factor
        right, plain = (terms(grey + by * chroma, dark, dark)["colour"] for by in (best, 1.0))
        assert right < 1e-4 < plain, factor


def test_range_is_what_would_be_clipped() -> None:
    exposures = flat(0.2), flat(0.8)
    assert terms(flat(0.0), *exposures)["range"] == 0
    assert terms(flat(1.0), *exposures)["range"] == 0
    assert terms(flat(1.25), *exposures)["range"] == pytest.approx(0.25)
    assert terms(flat(-0.5), *exposures)["range"] == pytest.approx(0.5)


def test_the_total_is_the_weighted_sum() -> None:
    found = FusionTerms(*(torch.tensor(value) for value in (1.0, 10.0, 100.0, 1e3, 1e4)))
    total = found.total(FusionWeights(1.0, 2.0, 3.0, 4.0, 5.0))
    assert total.item() == 1 + 20 + 300 + 4000 + 50000


@pytest.mark.parametrize("count", [2, 5])
@pytest.mark.parametrize("name", NAMES)
def test_any_number_of_exposures(name: str, count: int) -> None:
    exposures = [level + texture(int(level * 10)) for level in torch.linspace(0.2, 0.8, count)]
    value = terms(flat(0.5) + texture(), *exposures)[name]
    assert 0 <= value < 1


@pytest.mark.parametrize("kind", ["black", "white", "identical", "flat"])
@pytest.mark.parametrize("level", [-0.2, 0.0, 0.5, 1.0, 1.3])
def test_gradients_are_finite_and_values_too(kind: str, level: float) -> None:
    exposures = {
        "black": torch.cat([flat(0.0)] * 2),
        "white": torch.cat([flat(1.0)] * 3),
        "identical": torch.cat([0.5 + texture()] * 4),
        "flat": torch.cat([flat(0.2), flat(0.6)]),
    }[kind]
    fused = flat(level).clone().requires_grad_()
    total = fusion_terms(fused, exposures).total(WEIGHTS)
    total.backward()  # type: ignore[no-untyped-call]
    assert torch.isfinite(total)
    assert fused.grad is not None
    assert torch.isfinite(fused.grad).all()


@pytest.mark.parametrize(("level", "pull"), [(-0.5, -1), (1.5, 1)])
def test_far_out_of_range_is_pulled_back(level: float, pull: int) -> None:
    fused = flat(level).clone().requires_grad_()
    terms_found = fusion_terms(fused, torch.cat([flat(0.2) + texture(), flat(0.8)]))
    terms_found.total(WEIGHTS).backward()  # type: ignore[no-untyped-call]
    assert fused.grad is not None
    assert (fused.grad.sum(1) * pull > 0).all()
