"""The key is cut out of whatever the service sends before it is shown or stored: some services echo it."""

from __future__ import annotations

import html
import json
import re
from typing import Final
from urllib.parse import quote

from pydantic import SecretStr

_FEWEST: Final = 4
"""Characters of the key at the end of a text that is cut, from which on they count as the key."""
_LONGEST: Final = 300
HIDDEN: Final = "***"


class Censor:
    """Knows the key in the spellings in which a service may echo it.

    Parameters
    ----------
    key
        The key.
    """

    def __init__(self, key: SecretStr) -> None:
        plain = key.get_secret_value()
        spellings = {plain, quote(plain, safe=""), html.escape(plain), json.dumps(plain)[1:-1]}
        self._spellings = sorted(spellings, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, self._spellings)), re.IGNORECASE)
        self._bytes = plain.encode()

    def holds_key(self, text: str) -> bool:
        """Whether the key stands in a text."""
        return self._pattern.search(text) is not None

    def holds_key_bytes(self, content: bytes) -> bool:
        """Whether the key stands in a file as it is."""
        return self._bytes in content

    @property
    def length(self) -> int:
        """Bytes of the key."""
        return len(self._bytes)

    def clean(self, text: str) -> str:
        """A text as one printable line of at most 300 characters, without the key.

        A text may be cut in the middle of the key: what it ends with may be its beginning.
        """
        printable = "".join(one if one.isprintable() else " " for one in self.without_key(text))
        return " ".join(printable.split())[:_LONGEST]

    def without_key(self, text: str) -> str:
        """A text without the key, and without the beginning of it at its end."""
        text = self._pattern.sub(HIDDEN, text)
        folded = text.lower()
        for spelling in self._spellings:
            for n in range(min(len(spelling), len(text)), _FEWEST - 1, -1):
                if folded.endswith(spelling[:n].lower()):
                    return text[:-n] + HIDDEN
        return text
