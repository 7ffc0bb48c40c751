"""Removes the key from texts of the service before they are shown or stored, because some services echo it."""

from __future__ import annotations

import html
import json
import re
from typing import Final
from urllib.parse import quote

from pydantic import SecretStr

_FEWEST: Final = 4
"""Fewest characters of the key at the end of a text that count as the key, because texts may be cut."""
_LONGEST: Final = 300
HIDDEN: Final = "***"


class Censor:
    """Finds and removes the key in all encodings in which a service may echo it.

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
        """Whether a text holds the key."""
        return self._pattern.search(text) is not None

    def holds_key_bytes(self, content: bytes) -> bool:
        """Whether bytes hold the key, unencoded."""
        return self._bytes in content

    @property
    def length(self) -> int:
        """Length of the key in bytes."""
        return len(self._bytes)

    def clean(self, text: str) -> str:
        """A text as one printable line of at most 300 characters, without the key.

        The beginning of the key is removed from the text's end too, because a text may be cut within the key.
        """
        printable = "".join(letter if letter.isprintable() else " " for letter in self.without_key(text))
        return " ".join(printable.split())[:_LONGEST]

    def without_key(self, text: str) -> str:
        """A text without the key, and without the key's beginning at its end."""
        text = self._pattern.sub(HIDDEN, text)
        folded = text.lower()
        for spelling in self._spellings:
            for n in range(min(len(spelling), len(text)), _FEWEST - 1, -1):
                if folded.endswith(spelling[:n].lower()):
                    return text[:-n] + HIDDEN
        return text
