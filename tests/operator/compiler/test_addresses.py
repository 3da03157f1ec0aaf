"""Addresses that people write in several ways, compared as one."""

import pytest

from switchover_operator.compiler.addresses import is_address, normal


@pytest.mark.parametrize(
    ("written", "form"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:DB8:0:0::7", "2001:db8::7"),
        ("LB.Example.com.", "lb.example.com"),
    ],
)
def test_an_address_has_one_form_however_it_is_written(written: str, form: str) -> None:
    assert normal(written) == form


@pytest.mark.parametrize(("text", "is_one"), [("192.0.2.7", True), ("::1", True), ("192.0.2", False), ("a.b", False)])
def test_a_host_name_is_no_address(text: str, is_one: bool) -> None:
    assert is_address(text) is is_one
