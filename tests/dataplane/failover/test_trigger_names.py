"""The triggers that the table names for the compiler are the ones that the decision knows."""

from switchover_dataplane import table
from switchover_dataplane.failover.outcome import ErrorClass
from switchover_dataplane.failover.triggers import FINAL


def test_the_table_names_every_error_class() -> None:
    assert set(table.ERROR_CLASSES) == set(ErrorClass)


def test_the_default_triggers_are_all_classes_but_the_final_ones() -> None:
    assert set(table.AI_TRIGGERS) == set(ErrorClass) - FINAL
