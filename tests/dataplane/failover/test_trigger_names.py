"""The classes of errors, and which of them are triggers where none is written."""

from switchover_dataplane.table.error_classes import AI_TRIGGERS, BRIEF, FINAL, ErrorClass


def test_the_default_triggers_are_all_classes_but_the_final_ones() -> None:
    assert set(AI_TRIGGERS) == set(ErrorClass) - FINAL


def test_a_failure_after_which_the_same_target_is_tried_again_is_a_trigger() -> None:
    assert set(AI_TRIGGERS) > BRIEF
