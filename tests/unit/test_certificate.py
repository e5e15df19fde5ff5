"""Python's own TLS, as strict as it comes, trusts the local cloud under each of its names and under no other."""

import ssl
from pathlib import Path

import pytest

from local import certificate


def shake_hands(files: certificate.Certificate, name: str) -> None:
    """One TLS handshake in memory, the client asking for `name`. Raises ssl.SSLError."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(files.server, files.key)
    client = ssl.create_default_context(cafile=str(files.authority))
    client.verify_flags |= ssl.VERIFY_X509_STRICT
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = client.wrap_bio(to_client, to_server, server_hostname=name)
    theirs = server.wrap_bio(to_server, to_client, server_side=True)
    for side in (ours, theirs, ours, theirs):
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            continue
    assert ours.version() == "TLSv1.3"


@pytest.mark.parametrize(
    "name",
    [
        "localhost",
        "127.0.0.1",
        "abc.execute-api.localhost",
        "abc.execute-api.us-west-2.amazonaws.com",
        "a.execute-api.eu-west-1.amazonaws.com",
    ],
)
def test_every_name_of_the_local_cloud_is_trusted(tmp_path: Path, name: str) -> None:
    shake_hands(certificate.write(tmp_path), name)


@pytest.mark.parametrize("name", ["example.com", "abc.execute-api.nowhere-1.amazonaws.com", "127.0.0.2"])
def test_no_other_name_is(tmp_path: Path, name: str) -> None:
    with pytest.raises(ssl.SSLCertVerificationError, match="mismatch"):
        shake_hands(certificate.write(tmp_path), name)


def test_another_cloud_s_certificate_is_not_trusted(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    ours, other = certificate.write(tmp_path), certificate.write(tmp_path / "other")
    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(other._replace(authority=ours.authority), "localhost")


def test_the_key_is_the_owner_s_alone_and_the_authority_s_is_nowhere(tmp_path: Path) -> None:
    files = certificate.write(tmp_path)
    assert files.key.stat().st_mode & 0o077 == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ca.pem", "server.key", "server.pem"]
