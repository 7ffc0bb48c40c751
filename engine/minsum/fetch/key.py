"""Finds the Comtrade subscription key in the environment, a file or the keyring; the key is stored nowhere else."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final

from pydantic import SecretStr

from minsum.errors import KeyRefusedError

VARIABLE: Final = "MINSUM_COMTRADE_KEY"
KEYRING: Final = ("minsum", "comtrade")
"""Service and user name of the key in the keyring."""
_HOW: Final = (
    f"set {VARIABLE}, or write the key to {{file}} (chmod 600), or store it with: "
    f"keyring set {' '.join(KEYRING)}; bulk files need a premium key of comtradeplus.un.org"
)


def find_key(file: Path) -> SecretStr:
    """The key from the environment, else from the file, else from the keyring if installed.

    Raises
    ------
    KeyRefusedError
        If there is no key, it is malformed, or everyone may read the file.
    """
    shown = _shown(file)
    hint = _HOW.format(file=shown)
    for place, text in ((VARIABLE, os.environ.get(VARIABLE)), (shown, _from_file(file, shown))):
        if text:
            return _checked(text, place, hint)
    if text := _from_keyring():
        return _checked(text, "the keyring", hint)
    raise KeyRefusedError(f"no Comtrade key: not in {VARIABLE}, not in {shown}, not in the keyring", hint)


def _shown(file: Path) -> str:
    """The path for messages; a single word that is not a file may be the key itself and is not shown."""
    is_path = len(file.parts) > 1 or os.path.isfile(file)
    return str(file) if is_path else "the file that fetch.key_file names"


def _from_file(file: Path, shown: str) -> str | None:
    try:
        file = file.expanduser()
        with file.open(encoding="utf-8", errors="replace") as opened:
            # Group access is allowed: systemd shows the access list of its credentials as group permissions.
            if os.fstat(opened.fileno()).st_mode & stat.S_IRWXO:
                raise KeyRefusedError(f"{shown}: everyone may read the key", f"chmod 600 {shown}")
            return opened.read(1_000).strip()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, RuntimeError, ValueError) as error:  # RuntimeError: no home folder
        why = error.strerror if isinstance(error, OSError) else "not a path"
        raise KeyRefusedError(f"{shown}: the key cannot be read ({why})", "see fetch.key_file") from None


def _from_keyring() -> str | None:
    try:
        import keyring
        from keyring.errors import KeyringError
    except ImportError:
        return None
    try:
        found: str | None = keyring.get_password(*KEYRING)
    except KeyringError:
        return None
    return found


def _checked(text: str, place: str, hint: str) -> SecretStr:
    """The key, checked to be valid in a header; messages never quote it."""
    text = text.strip()
    if not (text.isascii() and text.isprintable()) or " " in text or len(text) > 200:
        raise KeyRefusedError(f"{place}: not a key: expected a single word of ASCII characters", hint)
    return SecretStr(text)
