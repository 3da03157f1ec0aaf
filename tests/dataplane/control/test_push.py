"""The push channel: what is acknowledged, what is refused, and that the last good table is never lost."""

import asyncio
import gc
import hashlib
import socket
import stat
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import msgspec
import pytest

from serving import KEY, ON_THIS_MACHINE, free_port, gateway, good, limited, table, targets
from switchover_dataplane.attempts.runtime import UpstreamRuntime
from switchover_dataplane.control import push
from switchover_dataplane.control.admin import PATHS, Admin
from switchover_dataplane.edge.listeners import Listeners
from switchover_dataplane.edge.server import Limits
from switchover_dataplane.failover.retry_budget import Budget
from switchover_dataplane.health.health import Health
from switchover_dataplane.proxy import Proxy, Settings
from switchover_dataplane.served_table import Ack, State
from switchover_dataplane.table import parts as table_parts
from switchover_dataplane.table.parts import Part
from switchover_dataplane.table.policies import Disabled, Policy
from switchover_dataplane.table.ports import Host, Listener, Match, ValueMatch
from switchover_dataplane.table.rules import (
    BodyDefault,
    BodyEdit,
    Filters,
    Header,
    HeaderEdit,
    PromptMessage,
    Redirect,
    Rewrite,
)
from switchover_dataplane.table.table import VERSION, Table
from switchover_dataplane.table.upstreams import AzureOpenAI, Target, Upstream
from switchover_dataplane.table.wire import encode, sealed
from switchover_dataplane.telemetry.metrics import Metrics
from switchover_dataplane.telemetry.refusals import Refusals
from switchover_dataplane.upstream.transport import Transport


def parts_of(of: Table) -> tuple[Part, ...]:
    return table_parts.sealed(msgspec.structs.replace(of, revision=""))[1]


@dataclass
class Pushed:
    """A data plane with its push channel on a Unix socket and its admin port."""

    socket: Path
    state: State
    listeners: Listeners
    admin: str

    async def put(self, text: bytes, form: str = "application/json") -> tuple[int, dict[str, object]]:
        """Push and return status and answer."""
        async with aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(self.socket))) as client:
            headers = {"content-type": form}
            async with client.put("http://dataplane/v1/table", data=text, headers=headers) as answer:
                return answer.status, await answer.json()

    async def put_parts(self, of: Table, known: Sequence[Part] = ()) -> tuple[int, dict[str, object]]:
        """Push a table in parts, without those that are known."""
        body = table_parts.push(of.revision, parts_of(of), {part.digest for part in known})
        return await self.put(body, table_parts.CONTENT_TYPE)

    async def told(self) -> object:
        """Ask what is served."""
        async with aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(self.socket))) as client:
            async with client.get("http://dataplane/v1/table") as answer:
                return await answer.json()

    async def get(self, path: str) -> tuple[int, str]:
        """Ask the admin port."""
        async with aiohttp.ClientSession() as client, client.get(self.admin + path) as answer:
            return answer.status, await answer.text()


@pytest.fixture
async def pushed(tmp_path: Path) -> AsyncIterator[Pushed]:
    metrics, health = Metrics(), Health()
    state = State(health, metrics, tmp_path / "kept.json")
    runtime = UpstreamRuntime(Transport(targets=ON_THIS_MACHINE), health, Budget())
    refusals = Refusals()
    proxy = Proxy(state, runtime, metrics, Settings(), refusals)
    listeners = Listeners(proxy.handle, refusals.tell, "127.0.0.1", Limits(), share_ports=False)
    channel = push.Push(state, listeners)
    await channel.open(push.Channel(f"unix:{tmp_path}/push"))
    admin = Admin(state, runtime, metrics)
    await admin.open("127.0.0.1:0")
    yield Pushed(tmp_path / "push", state, listeners, f"http://127.0.0.1:{admin.port}")
    await channel.close()
    await admin.close()
    await listeners.drain(1)


async def test_a_good_table_is_acknowledged_with_its_revision_and_served(pushed: Pushed) -> None:
    async with targets(good()) as (first,):
        of = table(free_port(), [first.port])

        assert await pushed.put(encode(of)) == (200, {"revision": of.revision})
        async with aiohttp.ClientSession() as client:
            async with client.post(f"http://127.0.0.1:{of.ports[0].number}/model", json={"model": "a"}) as answer:
                assert answer.status == 200


def _of_version(version: int) -> bytes:
    return msgspec.json.encode({"version": version, "revision": "x", "something": "new"})


REFUSED = {
    "truncated": (encode(table(1, [1]))[:-20], "truncated"),
    "no JSON": (b"hello", "malformed"),
    "of a newer version": (_of_version(VERSION + 1), "newer"),
    "with a field that this version does not know": (_of_version(VERSION), "something"),
    "with a wrong type": (encode(table(1, [1])).replace(b'"number":1', b'"number":"1"'), "number"),
    "with a port out of range": (encode(table(1, [1])).replace(b'"number":1', b'"number":70000'), "65535"),
    "with a field of the wrong kind": (b'{"version":%d,"revision":"x","rules":[]}' % VERSION, "$.rules"),
    "of an older version": (_of_version(VERSION - 1), "older"),
    "of a version below none": (_of_version(-1), "version -1"),
    "with a key that is no UTF-8": (b'{"version":%d,"revision":"x","\xa8ecrets":{}}' % VERSION, "utf-8"),
    "with a text that is no UTF-8": (encode(table(1, [1])).replace(b"ns/up", b"ns/\xe4"), "utf-8"),
    "of another content than its revision": (encode(table(1, [1])).replace(b"ns/gw", b"ns/no"), "digest"),
    "of another secret than its revision": (encode(table(1, [1])).replace(KEY.encode(), b"other"), "digest"),
    "with a token of no secret": (encode(table(1, [1])).replace(b'"secret":"key"', b'"secret":""'), "no secret"),
    "nested without end": (b'{"version":%d,"revision":"x","rules":' % VERSION + b"[" * 100_000, "recursion"),
    "with a reference to nothing": (encode(table(1, [1])).replace(b'"upstream":"ns/up"', b'"upstream":"x"'), "'x'"),
}


@pytest.mark.parametrize(("text", "reason"), REFUSED.values(), ids=REFUSED.keys())
async def test_a_table_that_cannot_be_served_is_refused_and_the_one_before_stays(
    pushed: Pushed, text: bytes, reason: str
) -> None:
    of = table(free_port(), [1])
    await pushed.put(encode(of))

    status, answer = await pushed.put(text)

    assert status == 422
    assert reason in str(answer["reasons"])
    assert KEY not in str(answer)
    assert pushed.state.current is not None
    assert pushed.state.current.table == of


async def test_a_port_that_is_taken_is_a_reason_that_names_port_and_listener(pushed: Pushed) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        status, answer = await pushed.put(encode(table(port, [1])))

    assert status == 422
    assert f"port {port} (ns/gw/http)" in str(answer["reasons"])


async def test_a_pattern_that_is_none_is_a_reason(pushed: Pushed) -> None:
    text = encode(table(free_port(), [1])).replace(b'"value":"/model"', b'"value":"(","kind":"RegularExpression"')

    status, answer = await pushed.put(text)

    assert (status, "'('" in str(answer["reasons"])) == (422, True)


async def test_an_oversized_table_is_refused_before_it_is_read(pushed: Pushed) -> None:
    reader, writer = await asyncio.open_unix_connection(pushed.socket)
    writer.write(b"PUT /v1/table HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % (push.TABLE_LIMIT + 1))

    assert (await reader.readline()).startswith(b"HTTP/1.1 413 ")
    writer.close()


async def test_a_client_that_asks_first_is_asked_for_its_table(pushed: Pushed) -> None:
    of = table(free_port(), [1])
    text = encode(of)
    reader, writer = await asyncio.open_unix_connection(pushed.socket)
    writer.write(b"PUT /v1/table HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(text))
    assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"

    writer.write(text)

    assert (await reader.readline()).startswith(b"HTTP/1.1 200 ")
    writer.close()


async def test_a_push_whose_body_is_broken_is_answered_400_and_changes_nothing(pushed: Pushed) -> None:
    of = table(free_port(), [1])
    await pushed.put(encode(of))
    reader, writer = await asyncio.open_unix_connection(pushed.socket)
    writer.write(b"PUT /v1/table HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\nzz\r\n")

    assert (await reader.readline()).startswith(b"HTTP/1.1 400 ")
    assert pushed.state.current is not None
    assert pushed.state.current.table == of
    writer.close()


async def test_a_revision_that_is_served_already_is_acknowledged_again(pushed: Pushed) -> None:
    of = table(free_port(), [1])
    await pushed.put(encode(of))
    serving = pushed.state.current

    assert await pushed.put(encode(of)) == (200, {"revision": of.revision})
    assert pushed.state.current is serving


async def test_the_push_channel_and_the_admin_port_report_the_priority_that_answers(pushed: Pushed) -> None:
    async with targets(limited(["retry-after: 60"]), good()) as (first, second):
        of = table(free_port(), [first.port, second.port])
        await pushed.put(encode(of))
        assert await pushed.told() == {"revision": of.revision, "active": {"ns/up": 0}}

        async with aiohttp.ClientSession() as client:
            async with client.post(f"http://127.0.0.1:{of.ports[0].number}/model", json={"model": "a"}) as answer:
                assert answer.status == 200

    assert await pushed.told() == {"revision": of.revision, "active": {"ns/up": 1}}
    assert msgspec.json.decode((await pushed.get("/v1/health"))[1])["active"] == {"ns/up": 1}


async def test_the_admin_port_says_what_is_disabled_and_what_cools_down_by_the_names_of_the_log(pushed: Pushed) -> None:
    policy = Policy(disabled=(Disabled("ns/up/0/0", "the bill is due"),))
    async with targets(good(), limited(["retry-after: 60"])) as (first, second):
        of = table(free_port(), [first.port, second.port], policy)
        upstream = msgspec.structs.replace(of.upstreams["ns/up"], name="ns/out", disabled="is retired")
        out = msgspec.structs.replace(upstream, priorities=((other_target("ns/out/0/0"),),))
        of = sealed(of.ports, of.rules, of.policies, {**of.upstreams, "ns/out": out}, of.secrets)
        await pushed.put(encode(of))
        async with aiohttp.ClientSession() as client:
            async with client.post(f"http://127.0.0.1:{of.ports[0].number}/model", json={"model": "a"}) as answer:
                assert (answer.status, answer.headers["x-switchover-served-by"]) == (429, "openai/model-1")
        shown = msgspec.json.decode((await pushed.get("/v1/health"))[1])

    assert shown["disabled"] == [
        {"target": "ns/out/0/0", "model": "azure-openai/gpt-4o", "policy": "", "reason": "is retired"},
        {"target": "ns/up/0/0", "model": "openai/model-0", "policy": "policy", "reason": "the bill is due"},
    ]
    assert [(each["target"], each["model"]) for each in shown["cooling"]] == [("ns/up/1/0", "openai/model-1")]


def other_target(name: str) -> Target:
    return Target(name, "127.0.0.1", 9, AzureOpenAI("gpt-4o", "1"))


async def test_other_work_goes_on_while_a_large_table_is_made(pushed: Pushed) -> None:
    of = table(free_port(), [1])
    hosts = tuple(Host(f"h{number}.example.com", of.ports[0].listeners[0].hosts[0].matches) for number in range(2000))
    large = sealed(
        (msgspec.structs.replace(of.ports[0], listeners=(Listener("ns/gw/http", hosts=hosts),)),),
        of.rules,
        of.policies,
        of.upstreams,
        of.secrets,
    )
    applying = asyncio.create_task(pushed.state.apply(encode(large), pushed.listeners))

    turns = 0
    while not applying.done():
        await asyncio.sleep(0)
        turns += 1

    assert await applying == Ack(large.revision)
    assert turns > 5, "at least one for each field that is decoded elsewhere"


@pytest.mark.parametrize("text", [encode(table(free_port(), [1])), b"{"], ids=["good", "bad"])
async def test_garbage_is_collected_again_after_every_table(pushed: Pushed, text: bytes) -> None:
    await pushed.put(text)

    assert gc.isenabled()


async def test_a_port_that_leaves_the_table_is_closed_and_the_others_stay_open(pushed: Pushed) -> None:
    before, after = free_port(), free_port()
    await pushed.put(encode(table(before, [1])))

    await pushed.put(encode(table(after, [1])))

    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", before)
    _, writer = await asyncio.open_connection("127.0.0.1", after)
    writer.close()


async def test_the_last_good_table_is_kept_for_the_next_process_and_for_its_owner_alone(
    pushed: Pushed, tmp_path: Path
) -> None:
    of = table(free_port(), [1])
    await pushed.put(encode(of))
    kept = tmp_path / "kept.json"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert stat.S_IMODE(pushed.socket.stat().st_mode) & 0o077 == 0

    await pushed.listeners.drain(0)
    async with gateway(table(free_port(), [1])) as other:
        next_state = State(Health(), Metrics(), kept)
        await next_state.restore(other.listeners)

    assert next_state.current is not None
    assert next_state.current.table == of


async def test_a_kept_table_that_is_broken_is_passed_over(tmp_path: Path) -> None:
    kept = tmp_path / "kept.json"
    kept.write_bytes(b"{")
    async with gateway(table(free_port(), [1])) as other:
        state = State(Health(), Metrics(), kept)
        await state.restore(other.listeners)

    assert state.current is None


async def test_the_admin_port_is_ready_only_with_a_table_and_shows_no_secret(pushed: Pushed) -> None:
    assert (await pushed.get("/healthz"))[0] == 200
    assert (await pushed.get("/readyz"))[0] == 503

    await pushed.put(encode(table(free_port(), [1])))

    assert (await pushed.get("/readyz"))[0] == 200
    dumps = [await pushed.get(path) for path in ("/v1/table", "/v1/health", "/metrics")]
    assert [status for status, _ in dumps] == [200, 200, 200]
    assert KEY not in str(dumps)
    assert (await pushed.get("/other"))[0] == 404
    pushed.state.draining = True
    assert (await pushed.get("/readyz"))[0] == 503


async def test_a_table_that_an_older_operator_wrote_in_more_words_is_served(pushed: Pushed) -> None:
    """What is the default here was none there, and so it stands in the text that the digest was made of."""
    of = table(free_port(), [1])
    wordy = encode(msgspec.structs.replace(of, revision="")).replace(b'"number":', b'"protocol":"HTTP","number":')
    revision = hashlib.sha256(wordy).hexdigest()[:16]

    status, answer = await pushed.put(wordy.replace(b'"revision":""', f'"revision":"{revision}"'.encode()))

    assert (status, answer) == (200, {"revision": revision})


async def test_the_admin_port_shows_no_value_of_a_header_query_prompt_or_field(pushed: Pushed) -> None:
    word = "word-of-the-user"
    header = HeaderEdit(set=(Header("x", word),), add=(Header("y", word),))
    body = BodyEdit((BodyDefault("user", f'"{word}"'),), (PromptMessage("system", word),))
    rewrite = Rewrite(full_path=f"/a?key={word}")
    filters = Filters((header,), (header,), rewrite=rewrite, body=body)
    of = table(free_port(), [1], filters=filters)
    [target] = of.upstreams["ns/up"].priorities[0]
    target = msgspec.structs.replace(target, full_path=f"/b?key={word}", base_path=f"/c?{word}")
    match = Match("rule", headers=(ValueMatch("x", word),), query=(ValueMatch("y", word),))
    listener = Listener("ns/gw/http", hosts=(Host("", (match,)),))
    rule = of.rules["rule"]
    backend = msgspec.structs.replace(rule.backends[0], filters=Filters(redirect=Redirect(prefix=f"/d?{word}")))
    of = sealed(
        (msgspec.structs.replace(of.ports[0], listeners=(listener,)),),
        {"rule": msgspec.structs.replace(rule, backends=(backend,))},
        of.policies,
        {"ns/up": msgspec.structs.replace(of.upstreams["ns/up"], priorities=((target,),))},
        of.secrets,
    )
    assert (await pushed.put(encode(of)))[0] == 200

    status, shown = await pushed.get("/v1/table")

    assert status == 200
    assert word not in shown
    assert all(path in shown for path in ('"/a?***"', '"/b?***"', '"/c?***"', '"/d?***"'))


async def test_every_path_of_the_admin_port_is_answered_and_no_other(pushed: Pushed) -> None:
    await pushed.put(encode(table(free_port(), [1])))
    assert [(await pushed.get(path))[0] for path in PATHS] == [200] * len(PATHS)
    status, said = await pushed.get("/v1")
    assert status == 404
    assert all(path in said for path in PATHS)


FOREIGN = ({"Host": "rebind.evil.example"}, {"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"})


@pytest.mark.parametrize("fields", FOREIGN, ids=["Host", "Origin", "Sec-Fetch-Site"])
@pytest.mark.parametrize("path", ["/v1/table", "/v1/health", "/healthz"])
async def test_a_web_page_is_not_shown_what_is_served(pushed: Pushed, path: str, fields: dict[str, str]) -> None:
    await pushed.put(encode(table(free_port(), [1])))

    async with aiohttp.ClientSession() as client, client.get(pushed.admin + path, headers=fields) as answer:
        assert answer.status == 403


async def test_a_table_in_parts_is_served_and_kept_as_the_whole_one_is(pushed: Pushed, tmp_path: Path) -> None:
    of = table(free_port(), [1])
    assert await pushed.put_parts(of) == (200, {"revision": of.revision})
    assert pushed.state.current is not None
    assert pushed.state.current.table == of
    assert (tmp_path / "kept.json").read_bytes() == encode(of)


async def test_a_push_needs_no_more_than_the_parts_that_changed(pushed: Pushed) -> None:
    port = free_port()
    before, after = table(port, [1]), table(port, [2])
    await pushed.put_parts(before)
    assert await pushed.put_parts(after, parts_of(before)) == (200, {"revision": after.revision})
    assert pushed.state.current is not None
    assert pushed.state.current.table == after


async def test_missing_parts_are_asked_for_and_what_is_served_stays(pushed: Pushed) -> None:
    port = free_port()
    before, after = table(port, [1]), table(port, [2])
    await pushed.put(encode(before))
    status, _ = await pushed.put_parts(after, parts_of(before))
    assert (status, await pushed.told()) == (409, {"revision": before.revision, "active": {"ns/up": 0}})
    assert await pushed.put_parts(after) == (200, {"revision": after.revision})


async def test_a_table_in_parts_that_cannot_be_served_is_refused_with_its_reasons(pushed: Pushed) -> None:
    bad = table(free_port(), [1])
    bad = sealed(bad.ports, bad.rules, {}, bad.upstreams, bad.secrets)
    status, answer = await pushed.put_parts(bad)
    assert (status, "which the table does not have" in str(answer["reasons"])) == (422, True)


async def test_what_no_push_changed_is_not_prepared_anew(pushed: Pushed) -> None:
    port = free_port()
    one = table(port, [1])
    other = Upstream("ns/other", priorities=((Target("ns/other/0", "10.0.0.1", 80),),))
    both = sealed(one.ports, one.rules, one.policies, {**one.upstreams, "ns/other": other}, one.secrets)
    await pushed.put_parts(one)
    before = pushed.state.current
    await pushed.put_parts(both, parts_of(one))
    after = pushed.state.current
    assert before is not None
    assert after is not None
    assert {name for name in after.routes if after.routes[name] is not before.routes.get(name)} == {"ns/other/0"}
