"""Who is shown what is served on the admin port."""

import pytest
from multidict import CIMultiDict

from switchover_dataplane.control.admin import is_of_this_machine


@pytest.mark.parametrize("remote", ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"])
def test_this_machine_is_shown_what_is_served(remote: str) -> None:
    assert is_of_this_machine(remote, CIMultiDict({"Host": "localhost:9180"}))


@pytest.mark.parametrize("remote", ["192.0.2.1", "10.0.0.7", "::", "2001:db8::1", "::ffff:192.0.2.1", "", None])
def test_another_machine_is_not(remote: str | None) -> None:
    assert not is_of_this_machine(remote, CIMultiDict({"Host": "localhost:9180"}))


@pytest.mark.parametrize("name", ["Host", "Origin"])
def test_a_web_page_on_this_machine_is_not(name: str) -> None:
    assert not is_of_this_machine("127.0.0.1", CIMultiDict({name: "http://evil.example"}))
