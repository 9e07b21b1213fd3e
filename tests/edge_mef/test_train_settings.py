"""Recommended settings: one recipe for every network, and what is given replaces its part."""

import pytest

from edge_mef.errors import InputError
from edge_mef.models.table import NETWORKS
from edge_mef.train_settings import RECIPES, train_settings


def test_every_network_has_a_recipe() -> None:
    assert RECIPES.keys() == NETWORKS.keys()
    for name, recipe in RECIPES.items():
        row = NETWORKS[name]
        assert recipe.model == name
        assert recipe.channels == row.default_channels
        assert recipe.kernel_sizes == row.default_kernel_sizes
        assert train_settings(name) == recipe


def test_networks_on_views_have_all_their_weights() -> None:
    recipe = RECIPES["ffmef-edge"]
    weights = (recipe.mef_ssim_weight, recipe.fidelity_weight, recipe.tone_weight,
               recipe.colour_weight, recipe.range_weight)  # fmt: skip
    assert min(weights) > 0


def test_what_is_given_replaces_its_part() -> None:
    found = train_settings("ffmef-edge", epochs=3, size=96, seed=None, tone_weight=0.0)
    recipe = RECIPES["ffmef-edge"]
    assert (found.epochs, found.crops.size, found.seed) == (3, 96, recipe.seed)
    assert found.tone_weight == 0.0
    assert found.crops.smallest == recipe.crops.smallest
    assert found.learning_rate == recipe.learning_rate


def test_an_unknown_network() -> None:
    with pytest.raises(InputError, match="no network called 'abacus' to train; known are: ffmef"):
        train_settings("abacus")


@pytest.mark.parametrize("name", ["fidelity_weight", "colour_weight", "range_weight"])
def test_weights_of_terms_that_a_network_does_not_have(name: str) -> None:
    with pytest.raises(InputError, match=name.replace("_", " ")):
        train_settings("ffmef", **{name: 1.0})
    assert getattr(train_settings("ffmef-edge", **{name: 1.5}), name) == 1.5
