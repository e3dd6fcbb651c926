"""A front that speaks TLS, for clients that speak nothing else, and Tencent's SDK for Node.js."""

import contextlib
import datetime as dt
import ipaddress
import shutil
import socket
import socketserver
import ssl
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.servers import running

HERE = Path(__file__).parent


@dataclass(frozen=True)
class TlsFront:
    """Hands everything on to the engine; `certificate` is what a client must trust."""

    host: str
    certificate: Path


@pytest.fixture(scope="session")
def tls_front(engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TlsFront]:
    certificate = make_certificate(tmp_path_factory.mktemp("tls"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    class Relay(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with (
                context.wrap_socket(self.request, server_side=True) as client,
                socket.create_connection(("127.0.0.1", engine.port)) as upstream,
            ):
                answers = threading.Thread(target=pump, args=(upstream, client), daemon=True)
                answers.start()
                pump(client, upstream)
                answers.join()

    with running(server := socketserver.ThreadingTCPServer(("127.0.0.1", 0), Relay)):
        yield TlsFront(f"127.0.0.1:{server.server_address[1]}", certificate)


def pump(source: socket.socket, target: socket.socket) -> None:
    """Hand bytes on until an end closes."""
    with contextlib.suppress(OSError):
        while data := source.recv(1 << 16):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


def make_certificate(directory: Path, until: dt.timedelta = dt.timedelta(days=1)) -> Path:
    """Write a certificate for 127.0.0.1 with its key, signed by itself, which is valid until then."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    day = dt.timedelta(days=1)
    usage = x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now - day, now + until)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = directory / "tls.pem"
    plain = serialization.NoEncryption()
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    file.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    return file


@pytest.fixture(scope="session")
def node_sdk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the SDK as locked; returns the folder. Skips where there is no Node.js."""
    for tool in ("node", "npm"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")
    directory = tmp_path_factory.mktemp("node")
    for name in ("package.json", "package-lock.json", "call.js"):
        shutil.copy(HERE / name, directory)
    install = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    done = subprocess.run(install, cwd=directory, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return directory
