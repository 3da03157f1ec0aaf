"""The push channel's certificates over the years: what is stored and the time → what should be stored."""

import ssl
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import ExtendedKeyUsageOID
from cryptography.x509.verification import Criticality, ExtensionPolicy, PolicyBuilder, Store

from switchover_dataplane.control.mutual_tls import Files, MutualTls
from switchover_operator.cluster.authority import (
    AUTHORITY_LIFE,
    AUTHORITY_RENEWAL,
    LIFE,
    RENEWAL,
    SPREAD,
    ChannelCertificates,
    Pair,
    as_secrets,
    client,
    from_secrets,
    renewed,
)

NAME = "switchover-dataplane.switchover-system.svc"
START = datetime(2026, 1, 1, tzinfo=UTC)
MOMENT = timedelta(seconds=1)


def begun(at: datetime = START) -> ChannelCertificates:
    return renewed(None, NAME, at)


def handing_over(at: datetime = START) -> tuple[ChannelCertificates, ChannelCertificates, ChannelCertificates]:
    """The channel at `at` minus two hours, when the next authority is trusted; an hour later; and at `at`."""
    first = begun(at - AUTHORITY_LIFE + timedelta(days=100))
    trusted = renewed(first, NAME, at - 2 * SPREAD)
    return trusted, renewed(trusted, NAME, at - SPREAD - MOMENT), renewed(trusted, NAME, at)


def issued_by(pair: Pair, authority: Pair) -> bool:
    pair.read().verify_directly_issued_by(authority.read())
    return True


def ends(pair: Pair) -> datetime:
    return pair.read().not_valid_after_utc


def pem(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey, encryption: KeySerializationEncryption) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption).decode()


def otherwise(text: str) -> str:
    """PEM whose elliptic curve is one that does not exist."""
    label = text.splitlines()[0].strip("-").removeprefix("BEGIN ")
    der = ssl.PEM_cert_to_DER_cert(text.replace(label, "CERTIFICATE"))
    prime256v1 = bytes.fromhex("2a8648ce3d030107")
    assert prime256v1 in der
    return ssl.DER_cert_to_PEM_cert(der.replace(prime256v1, prime256v1[:-1] + b"\x77")).replace("CERTIFICATE", label)


# ── The beginning ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_where_there_is_nothing_an_authority_begins_and_signs_for_the_data_planes_name() -> None:
    channel = begun()
    assert issued_by(channel.server, channel.signing)
    assert channel.trusted == (channel.signing.certificate,)
    names = channel.server.read().extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == [NAME]
    assert ends(channel.signing) == START + AUTHORITY_LIFE
    assert ends(channel.server) == START + LIFE


def test_a_name_longer_than_a_common_name_may_be_is_in_the_certificate_whole() -> None:
    name = f"{'d' * 63}.{'n' * 63}.svc"
    channel = renewed(None, name, START)
    names = channel.server.read().extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == [name]


def test_where_nothing_is_due_the_very_same_object_comes_back() -> None:
    channel = begun()
    for at in (START, START + timedelta(days=1), ends(channel.server) - RENEWAL - MOMENT):
        assert renewed(channel, NAME, at) is channel


def test_what_two_secrets_keep_is_read_as_the_same_channel() -> None:
    for channel in (begun(), *handing_over()):
        assert from_secrets(*as_secrets(channel)) == channel


def test_the_keys_of_authorities_stand_in_the_operators_own_secret_alone() -> None:
    channel, *_ = handing_over()
    shown, own = as_secrets(channel)
    assert channel.following is not None
    assert (shown["tls.crt"], shown["tls.key"]) == (channel.server.certificate, channel.server.key)
    assert not {channel.signing.key, channel.following.key} & set(shown.values())
    assert {channel.signing.key, channel.following.key} <= set(own.values())


def test_secrets_without_an_authority_are_no_channel() -> None:
    shown, own = as_secrets(begun())
    assert from_secrets(shown, {}) is None
    assert from_secrets(shown, {**own, "ca.key": ""}) is None


def test_an_authority_alone_is_enough_to_make_everything_else_anew() -> None:
    channel = begun()
    _, own = as_secrets(channel)
    for shown in ({}, {"ca.crt": "nonsense", "tls.crt": "nonsense", "tls.key": "nonsense"}):
        stored = from_secrets(shown, own)
        assert stored is not None
        again = renewed(stored, NAME, START)
        assert (again.signing, again.trusted) == (channel.signing, channel.trusted)
        assert issued_by(again.server, channel.signing)


def test_no_key_is_shown_when_a_pair_or_a_channel_is_printed() -> None:
    channel, *_ = handing_over()
    assert "PRIVATE KEY" not in repr(channel)
    assert "PRIVATE KEY" not in repr(channel.server)


# ── The data planes' certificate ────────────────────────────────────────────────────────────────────────────────────


def test_the_data_planes_certificate_is_made_anew_30_days_before_its_end_by_the_same_authority() -> None:
    channel = begun()
    again = renewed(channel, NAME, ends(channel.server) - RENEWAL)
    assert again == replace(channel, server=again.server)
    assert ends(again.server) == ends(channel.server) - RENEWAL + LIFE
    assert again.server.key != channel.server.key


def test_a_certificate_for_another_name_is_made_anew() -> None:
    channel = begun()
    again = renewed(channel, "other.switchover-system.svc", START)
    assert (again.signing, again.trusted) == (channel.signing, channel.trusted)
    assert again.server != channel.server


def without_names(channel: ChannelCertificates) -> Pair:
    return client(channel, START)


def with_the_key_of_another(channel: ChannelCertificates) -> Pair:
    return replace(channel.server, key=client(channel, START).key)


def of_another_authority(_: ChannelCertificates) -> Pair:
    return begun().server


def with_an_encrypted_key(channel: ChannelCertificates) -> Pair:
    return replace(channel.server, key=pem(channel.server.private(), BestAvailableEncryption(b"secret")))


def with_a_key_of_another_kind(channel: ChannelCertificates) -> Pair:
    return replace(channel.server, key=pem(rsa.generate_private_key(65537, 2048), NoEncryption()))


def with_a_key_on_a_curve_that_nobody_knows(channel: ChannelCertificates) -> Pair:
    return replace(channel.server, key=otherwise(channel.server.key))


def for_a_key_on_a_curve_that_nobody_knows(channel: ChannelCertificates) -> Pair:
    return replace(channel.server, certificate=otherwise(channel.server.certificate))


def of_nonsense(_: ChannelCertificates) -> Pair:
    return Pair("nonsense", "nonsense")


@pytest.mark.parametrize(
    "bad",
    [
        without_names,
        with_the_key_of_another,
        of_another_authority,
        with_an_encrypted_key,
        with_a_key_of_another_kind,
        with_a_key_on_a_curve_that_nobody_knows,
        for_a_key_on_a_curve_that_nobody_knows,
        of_nonsense,
    ],
)
def test_a_certificate_that_no_data_plane_could_show_is_made_anew(bad: object) -> None:
    assert callable(bad)
    channel = begun()
    again = renewed(replace(channel, server=bad(channel)), NAME, START)
    assert (again.signing, again.trusted) == (channel.signing, channel.trusted)
    assert issued_by(again.server, channel.signing)
    assert renewed(again, NAME, START) is again


# ── The authority ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_next_authority_is_trusted_180_days_before_the_end_and_signs_nothing_yet() -> None:
    channel = begun()
    at = ends(channel.signing) - AUTHORITY_RENEWAL
    before = renewed(channel, NAME, at - MOMENT)
    assert before.following is None
    after = renewed(before, NAME, at)
    assert after.following is not None
    assert after.trusted == (channel.signing.certificate, after.following.certificate)
    assert (after.signing, after.server) == (before.signing, before.server)


def test_the_next_authority_signs_once_it_was_trusted_for_an_hour() -> None:
    trusted, still, after = handing_over()
    assert still is trusted
    assert trusted.following is not None
    assert (after.signing, after.following) == (trusted.following, None)
    assert after.trusted == (trusted.following.certificate, trusted.signing.certificate)
    assert issued_by(after.server, after.signing)
    assert issued_by(client(after, START), after.signing)


def test_the_authority_before_stays_trusted_until_it_ends() -> None:
    trusted, _, after = handing_over()
    end = ends(trusted.signing)
    last = renewed(after, NAME, end - MOMENT)
    assert trusted.signing.certificate in last.trusted
    assert renewed(last, NAME, end).trusted == (after.signing.certificate,)


def test_a_next_authority_that_was_lost_is_made_again() -> None:
    trusted, *_ = handing_over()
    for lost in (None, Pair("nonsense", "nonsense")):
        again = renewed(replace(trusted, following=lost), NAME, START - 2 * SPREAD)
        assert again.signing == trusted.signing
        assert again.following not in (None, lost)
        assert issued_by(again.server, trusted.signing)


def test_a_next_authority_that_is_nonsense_long_before_it_is_due_is_dropped() -> None:
    channel = begun()
    assert renewed(replace(channel, following=Pair("nonsense", "nonsense")), NAME, START) == channel


def test_a_trusted_certificate_that_is_nonsense_is_dropped() -> None:
    channel = begun()
    assert renewed(replace(channel, trusted=("nonsense", *channel.trusted)), NAME, START) == channel


def test_an_authority_that_signs_is_always_trusted() -> None:
    channel = begun()
    assert renewed(replace(channel, trusted=()), NAME, START) == channel


@pytest.mark.parametrize("what", ["expired", "garbled", "without its key"])
def test_an_authority_that_cannot_sign_gives_way_to_a_new_one(what: str) -> None:
    channel = begun()
    at = ends(channel.signing) if what == "expired" else START
    bad = {
        "expired": channel.signing,
        "garbled": Pair("nonsense", "nonsense"),
        "without its key": replace(channel.signing, key=channel.server.key),
    }[what]
    again = renewed(replace(channel, signing=bad), NAME, at)
    assert again.signing != channel.signing
    assert again.trusted == (again.signing.certificate,)
    assert issued_by(again.server, again.signing)


# ── The operator's own certificate ──────────────────────────────────────────────────────────────────────────────────


def test_the_operators_certificate_is_a_clients_signed_by_the_authority_and_no_authority() -> None:
    channel = begun()
    pair = client(channel, START)
    assert issued_by(pair, channel.signing)
    extensions = pair.read().extensions
    assert list(extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    assert not extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert ends(pair) == START + LIFE


# ── Both sides ──────────────────────────────────────────────────────────────────────────────────────────────────────


def assert_trust(operator: ChannelCertificates, own: Pair, dataplane: ChannelCertificates, at: datetime) -> None:
    """Verify both certificates as each side would at that time.

    Raises:
        VerificationError: one does not trust the other.
    """
    # The operator is known by its authority and has no name to check.
    nameless = ExtensionPolicy.webpki_defaults_ee().may_be_present(
        x509.SubjectAlternativeName, Criticality.AGNOSTIC, None
    )
    ours, theirs = (
        PolicyBuilder().store(Store(x509.load_pem_x509_certificates(channel.bundle.encode()))).time(at)
        for channel in (operator, dataplane)
    )
    ours.build_server_verifier(x509.DNSName(NAME)).verify(dataplane.server.read(), [])
    theirs = theirs.extension_policies(ca_policy=ExtensionPolicy.webpki_defaults_ca(), ee_policy=nameless)
    theirs.build_client_verifier().verify(own.read(), [])


def years(start: datetime, end: datetime, step: timedelta) -> Iterator[tuple[datetime, ChannelCertificates, Pair]]:
    """Each moment with the channel and the operator's certificate, which is made with the channel or after 60 days."""
    channel, made = begun(start), start
    own = client(channel, start)
    at = start
    while at < end:
        before, channel = channel, renewed(channel, NAME, at)
        if channel is not before or at - made > LIFE - RENEWAL:
            own, made = client(channel, at), at
        yield at, channel, own
        at += step


def test_for_six_years_operator_and_data_planes_that_are_a_day_behind_trust_each_other() -> None:
    behind = None
    signed_by = set()
    for at, channel, own in years(START, START + timedelta(days=6 * 365 + 30), timedelta(days=1)):
        for dataplane in {id(each): each for each in (channel, behind) if each}.values():
            assert_trust(channel, own, dataplane, at)
        behind = channel
        signed_by.add(channel.signing.certificate)
        assert len(channel.trusted) <= 2
    assert len(signed_by) == 3


def test_while_the_authority_changes_data_planes_that_are_an_hour_behind_are_trusted() -> None:
    step = timedelta(minutes=10)
    due = AUTHORITY_LIFE - AUTHORITY_RENEWAL
    channel = begun()
    past: list[ChannelCertificates] = []
    for minutes in range(0, 4 * 60, 10):
        at = START + due - SPREAD + timedelta(minutes=minutes)
        channel = renewed(channel, NAME, at)
        past.append(channel)
        behind = past[max(0, len(past) - 1 - SPREAD // step)]
        assert_trust(channel, client(channel, at), behind, at)
        assert_trust(channel, client(channel, at), channel, at)
    assert past[0].signing != past[-1].signing


def operator_context(trusting: ChannelCertificates, own: Pair, folder: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=trusting.bundle)
    file = folder / "client.pem"
    file.write_text(own.certificate + own.key)
    context.load_cert_chain(file)
    return context


def dataplane_context(channel: ChannelCertificates, folder: Path) -> ssl.SSLContext:
    shown, _ = as_secrets(channel)
    for name, value in shown.items():
        (folder / name).write_text(value)
    return MutualTls(Files(folder / "tls.crt", folder / "tls.key", folder / "ca.crt")).context


def shake_hands(operator: ssl.SSLContext, dataplane: ssl.SSLContext, name: str = NAME) -> None:
    """Raises ssl.SSLError: one of the two does not want the other."""
    to_operator, to_dataplane = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = operator.wrap_bio(to_operator, to_dataplane, server_hostname=name)
    theirs = dataplane.wrap_bio(to_dataplane, to_operator, server_side=True)
    waiting = [ours, theirs]
    while waiting:
        for side in tuple(waiting):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
            waiting.remove(side)


def test_through_a_change_of_authority_every_handshake_succeeds_whoever_is_first(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    trusted, _, after = handing_over(now)
    for operator in (trusted, after):
        for dataplane in (trusted, after):
            ours = operator_context(operator, client(operator, now), tmp_path)
            shake_hands(ours, dataplane_context(dataplane, tmp_path))


def test_whoever_has_no_certificate_of_the_authority_is_no_operator_and_no_data_plane(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    channel, stranger = begun(now), begun(now)
    with pytest.raises(ssl.SSLError):
        shake_hands(operator_context(channel, client(stranger, now), tmp_path), dataplane_context(channel, tmp_path))
    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(operator_context(channel, client(channel, now), tmp_path), dataplane_context(stranger, tmp_path))


def test_a_data_plane_cannot_push_to_another_with_its_own_certificate(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    channel = begun(now)
    with pytest.raises(ssl.SSLError):
        shake_hands(operator_context(channel, channel.server, tmp_path), dataplane_context(channel, tmp_path))


def test_a_certificate_counts_for_its_own_name_alone(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    channel = begun(now)
    ours = operator_context(channel, client(channel, now), tmp_path)
    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(ours, dataplane_context(channel, tmp_path), name="elsewhere.svc")
