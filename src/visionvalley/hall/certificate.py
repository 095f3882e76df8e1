# SPDX-License-Identifier: Apache-2.0
"""The hall's own certificate: self-signed, for the names at which guests find it, kept in the hall's folder.

Nobody vouches for it but its fingerprint, which stands on the host's screen and which a guest's browser shows, too.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from visionvalley.core import BadInput

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

CERTIFICATE, KEY = "certificate.pem", "key.pem"
LASTS = timedelta(days=397)  # the longest that browsers take
RENEWED_BEFORE = timedelta(days=14)
BACKDATED = timedelta(hours=1)  # a guest's clock may be slow


def certificate_for(names: Sequence[str], folder: Path) -> tuple[Path, Path, str]:
    """Return certificate, key and the certificate's fingerprint (SHA-256), made anew where names or time ask for it.

    Raises BadInput where they cannot be written.
    """
    certificate, key = folder / CERTIFICATE, folder / KEY
    known = _read(certificate, key)
    if known is None or not _fits(known, names):
        try:
            known = _made(names, certificate, key)
        except OSError as error:
            raise BadInput("hall.no_certificate", folder=folder, reason=error.strerror or str(error)) from error
    return certificate, key, fingerprint(known)


def fingerprint(certificate: x509.Certificate) -> str:
    """Return SHA-256 as browsers show it: pairs of capital digits."""
    from cryptography.hazmat.primitives.hashes import SHA256

    return certificate.fingerprint(SHA256()).hex(":").upper()


def _read(certificate: Path, key: Path) -> x509.Certificate | None:
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        found = x509.load_pem_x509_certificate(certificate.read_bytes())
        own = load_pem_private_key(key.read_bytes(), None)
    except (OSError, ValueError):
        return None
    return found if own.public_key() == found.public_key() and not key.stat().st_mode & 0o077 else None


def _fits(certificate: x509.Certificate, names: Sequence[str]) -> bool:
    """Whether a certificate is for these names, and for some days more."""
    from cryptography import x509

    now = datetime.now(UTC)
    alternative = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    written = {str(name.value) for name in alternative}
    valid = certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc - RENEWED_BEFORE
    return valid and {_plain(name) for name in names} <= written


def _made(names: Sequence[str], certificate: Path, key: Path) -> x509.Certificate:
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    secret = ec.generate_private_key(ec.SECP256R1())
    made = _signed(names, secret)
    certificate.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    _write(key, secret.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), 0o600)
    _write(certificate, made.public_bytes(Encoding.PEM), 0o644)
    return made


def _signed(names: Sequence[str], secret: EllipticCurvePrivateKey) -> x509.Certificate:
    """Return a certificate of a server that signs itself (RFC 5280; CA/Browser Forum: names stand in SAN)."""
    from cryptography import x509
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    subject, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Vision Valley")]), datetime.now(UTC)
    builder = x509.CertificateBuilder(subject, subject, secret.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - BACKDATED).not_valid_after(now - BACKDATED + LASTS)
    for extension, critical in (
        (x509.SubjectAlternativeName([_general(name) for name in names]), False),
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False),
        (x509.SubjectKeyIdentifier.from_public_key(secret.public_key()), False),
    ):
        builder = builder.add_extension(extension, critical)
    return builder.sign(secret, SHA256())


def _general(name: str) -> x509.GeneralName:
    from cryptography import x509

    try:
        return x509.IPAddress(ipaddress.ip_address(_plain(name)))
    except ValueError:
        return x509.DNSName(name)


def _plain(name: str) -> str:
    """Return a name without the brackets of an address of IPv6."""
    return name.strip("[]").partition("%")[0]


def _write(path: Path, content: bytes, mode: int) -> None:
    """Write beside, then rename; nobody else can read it at any moment, unless `mode` says so."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    try:
        with os.fdopen(handle, "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(content)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
