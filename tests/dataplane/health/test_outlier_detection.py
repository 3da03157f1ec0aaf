"""Cool-downs as Gloo's `outlierDetection` asks for them. The clock is a number in here."""

import msgspec

from switchover_dataplane.table.policies import CoolDown
from switchover_dataplane.table.upstreams import Http
from watched import A, B, Watch, limited, target

OUTLIERS = CoolDown(after=5, base=30.0, max=300.0, growth="multiple", interval=10.0, max_ejection_percent=10.0)


def test_an_ejection_is_longer_by_its_base_each_time_up_to_the_maximum() -> None:
    watch = Watch(A, B, cool_down=OUTLIERS)
    watch.record(A, "500", 0.0, times=4)
    assert watch.cooling(0.0) == set()
    watch.record(A, "500", 0.0)
    now = 0.0
    for length in (30.0, 60.0, 90.0, 120.0, 150.0, 180.0, 210.0, 240.0, 270.0, 300.0, 300.0):
        assert watch.cooling(now + length - 0.1) == {"a"}
        now += length
        assert watch.cooling(now) == set()
        watch.record(A, "500", now)


def test_server_errors_of_a_plain_backend_count_where_outlier_detection_is_written() -> None:
    plain = target("plain", provider=Http(), secret="")
    watch = Watch(plain, B, cool_down=msgspec.structs.replace(OUTLIERS, plain_5xx=True))
    watch.record(plain, "429", 0.0, times=9)
    assert watch.cooling(0.0) == set()
    watch.record(plain, "500", 0.0, times=5)
    assert watch.cooling(0.0) == {"plain"}


def test_an_ejection_ends_at_the_first_look_at_the_hosts_after_its_time() -> None:
    watch = Watch(A, B, cool_down=msgspec.structs.replace(OUTLIERS, base=12.0))
    watch.record(A, "500", 0.0, times=5)
    assert watch.cooling(19.9) == {"a"}
    assert watch.cooling(20.0) == set()


def test_no_more_than_the_written_part_of_the_hosts_is_ejected_the_first_to_fail_and_at_least_one() -> None:
    hosts = [target(name, provider=Http(), secret="") for name in "abcdefghij"]
    watch = Watch(*hosts, cool_down=OUTLIERS)
    for number, host in enumerate(reversed(hosts)):
        watch.record(host, "refused", float(number), times=5)
    assert watch.cooling(20.0) == {"j"}
    watch.cool_down = msgspec.structs.replace(OUTLIERS, max_ejection_percent=30.0)
    assert watch.cooling(20.0) == {"j", "i", "h"}


def test_one_host_stays_whatever_the_written_part() -> None:
    watch = Watch(A, B, cool_down=msgspec.structs.replace(OUTLIERS, max_ejection_percent=99.0))
    watch.record(A, "refused", 0.0, times=5)
    watch.record(B, "refused", 1.0, times=5)
    assert watch.cooling(2.0) == {"a"}
    alone = Watch(A, cool_down=OUTLIERS)
    alone.record(A, "refused", 0.0, times=5)
    assert alone.cooling(2.0) == set()


def test_a_wait_that_a_target_asked_for_holds_beside_the_written_part() -> None:
    watch = Watch(A, B, target("c"), cool_down=OUTLIERS)
    watch.record(A, "refused", 0.0, times=5)
    watch.record(B, limited(20.0), 1.0)
    assert watch.cooling(2.0) == {"a", "b"}


def test_where_server_errors_alone_count_a_rate_limit_without_a_wait_does_not() -> None:
    watch = Watch(A, B, cool_down=msgspec.structs.replace(OUTLIERS, server_errors_only=True))
    watch.record(A, "429", 0.0, times=50)
    assert watch.cooling(0.0) == set()
    watch.record(A, limited(20.0), 0.0)
    assert watch.cooling(0.0) == {"a"}
