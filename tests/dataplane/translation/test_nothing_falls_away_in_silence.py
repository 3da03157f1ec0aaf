"""What a target is not told is named as a loss: the rows and columns are those of docs/reference/formats.md."""

import pytest

from reference.format_features import GROUPS, Feature
from reference.formats import NOTHING_SAID, TARGETS, Target, cell_of

FEATURES = [feature for features in GROUPS.values() for feature in features]
HOLD_ANYWAY = ("no thinking",)
"""A model that does not think need not be told."""


@pytest.mark.parametrize("feature", FEATURES, ids=[feature.name for feature in FEATURES])
@pytest.mark.parametrize("target", TARGETS, ids=[target.head for target in TARGETS])
def test_what_a_target_is_not_told_is_named(feature: Feature, target: Target) -> None:
    word = cell_of(feature, target).word

    assert word != NOTHING_SAID or feature.name in HOLD_ANYWAY
