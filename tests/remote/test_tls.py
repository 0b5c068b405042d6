"""TLS: whose certificate is taken, and which one is shown."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
import warnings
from pathlib import Path

import pytest

from runlake.errors import InvalidInput, ServerUnavailable
from runlake.remote.connection import Connection
from tests.remote.scripted import Reply, answering

x509 = pytest.importorskip("cryptography.x509")


def certificate(folder: Path) -> Path:
    """Write a certificate for 127.0.0.1 that signs itself, with its key, and return the file."""
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "server.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


@pytest.fixture
def pem(tmp_path: Path) -> Path:
    """A certificate with its key."""
    return certificate(tmp_path)


def context(pem: Path) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(pem)
    return made


def test_a_certificate_that_nobody_knows_is_a_mistake_with_a_hint(pem: Path) -> None:
    with answering(Reply(), tls=context(pem)) as server:
        with pytest.raises(InvalidInput, match=r"is not trusted: .*\nhint: name its authority's certificate"):
            Connection(server.url).call("call/x", {})
        assert server.asked == []


def test_the_certificate_that_is_named_is_trusted(pem: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_SERVER_CERT_PATH", str(pem))
    with answering(Reply(), tls=context(pem)) as server:
        assert Connection(server.url).call("call/x", {}) == {}


def test_any_certificate_is_taken_where_that_is_asked_for(pem: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNLAKE_TRACKING_INSECURE_TLS", "true")
    with answering(Reply(), tls=context(pem)) as server, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # urllib3 says what it thinks of that
        assert Connection(server.url).call("call/x", {}) == {}


def test_the_certificate_of_this_process_is_shown(pem: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wants_one = context(pem)
    wants_one.verify_mode = ssl.CERT_REQUIRED
    wants_one.load_verify_locations(pem)
    monkeypatch.setenv("MLFLOW_TRACKING_SERVER_CERT_PATH", str(pem))
    with answering(Reply(), tls=wants_one) as server:
        with pytest.raises((ServerUnavailable, InvalidInput)):
            Connection(server.url).send("GET", "hello", within_s=0.2)
        monkeypatch.setenv("MLFLOW_TRACKING_CLIENT_CERT_PATH", str(pem))
        assert Connection(server.url).call("call/x", {}) == {}
