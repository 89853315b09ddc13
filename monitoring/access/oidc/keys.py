"""The key by which this service proves to the issuer who it is (private_key_jwt)."""

from pathlib import Path
from typing import Final

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

KINDS: Final = (RSAKey, ECKey)


def read_key(file: Path) -> RSAKey | ECKey:
    """A private key from a PEM file. Raises ValueError saying what is wrong with it."""
    try:
        pem = file.read_bytes()
    except OSError as error:
        raise ValueError(f"{file}: {error.strerror}") from None
    for kind in KINDS:
        try:
            key = kind.import_key(pem)
        except (JoseError, ValueError, TypeError):
            continue
        if key.is_private:
            return key
    raise ValueError(f"{file} holds no private key, RSA or elliptic, in PEM without a password")
