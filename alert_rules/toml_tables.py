"""TOML read strictly: each key by name, what is left is refused, and every refusal names the line.

No TOML reader that Python comes with says where a key stands. A file that is wrong is read again, one line more each
time, until what is wrong is in it: the last line then begins it.
"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

Path = tuple[str | int, ...]

CHARS_MAX: Final = 20_000
LINES_MAX: Final = 500
"""Of a file: naming the line of a fault reads it once for each of them."""
TEXT_MAX: Final = 400
DIGITS_MAX: Final = 9
"""Of a number, before and after the point: what is longer is never computed with."""


class Wrong(Exception):
    """Something in a file, at a path of keys and places, can't be used."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{dotted(path)}: {reason}" if path else reason)
        self.path = path


def loads(text: str) -> dict[str, Any]:
    """A file's content, its fractions exact. Raises Wrong where it is not TOML, or more than a person writes."""
    if len(text) > CHARS_MAX or text.count("\n") > LINES_MAX:
        raise Wrong((), f"has more than {CHARS_MAX:,} characters or {LINES_MAX:,} lines")
    try:
        return tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        raise Wrong((), str(error)) from error
    except (ValueError, ArithmeticError) as error:  # a number of more digits than can be read
        raise Wrong((), "holds a number that can't be read") from error
    except RecursionError as error:
        raise Wrong((), "is nested too deeply") from error


def line_of(text: str, wrong: Wrong) -> int:
    """The line at which what is wrong begins, from 1; of what is missing, where its table begins."""
    if not wrong.path:
        found = _AT_LINE.search(str(wrong))
        return int(found[1]) if found else _last_line(text, wrong)
    lines = text.split("\n")
    path = wrong.path
    content = _parsed(text) or {}
    while path and not _has(content, path):
        path = path[:-1]
    before = 0  # the last line that ends a statement before it
    for number in range(1, len(lines) + 1 if path else 1):
        so_far = _parsed("\n".join(lines[:number]))
        if so_far is None:
            continue
        if _has(so_far, path):
            return before + 1
        before = number
    return 1


def _last_line(text: str, wrong: Wrong) -> int:
    return 1 + text.count("\n") if "end of document" in str(wrong) else 1


def dotted(path: Path) -> str:
    """A path as people write it: `rules[2].within_h`; places count from 1."""
    text = ""
    for one in path:
        text += f"[{one + 1}]" if isinstance(one, int) else f".{one}" if text else one
    return text


class Table:
    """One table of a file, read key by key. Every reader raises Wrong."""

    def __init__(self, raw: Mapping[str, Any], path: Path = ()) -> None:
        self._left = dict(raw)
        self.path = path

    def done(self) -> None:
        """Everything has been read: what is left is unknown."""
        if self._left:
            raise self.wrong(min(self._left), "is unknown")

    def wrong(self, key: str, reason: str) -> Wrong:
        """Something about one key."""
        return Wrong((*self.path, key), reason)

    def __contains__(self, key: str) -> bool:
        """Whether a key is there and was not read yet."""
        return key in self._left

    @property
    def keys(self) -> list[str]:
        """What was not read yet."""
        return list(self._left)

    def text(self, key: str, default: str | None = None) -> str:
        """Words, in one line: they are shown, and stored with alerts."""
        found = str(self._take(key, str, "must be text", default))
        if not found.strip() and default is None:
            raise self.wrong(key, "is empty")
        if not found.isprintable() or len(found) > TEXT_MAX:
            raise self.wrong(key, f"must be one line of {TEXT_MAX} characters at most")
        return found

    def flag(self, key: str, *, default: bool) -> bool:
        """True or false."""
        return bool(self._take(key, bool, "must be true or false", default))

    def whole(self, key: str, low: int, high: int, default: int | None = None) -> int:
        """A whole number from `low` to `high`."""
        found = self._take(key, int, "must be a whole number", default)
        if not low <= found <= high:
            raise self.wrong(key, f"must be {low} to {high}")
        return int(found)

    def number(self, key: str) -> Decimal:
        """A number, exactly as written."""
        found = self._take(key, (int, Decimal), "must be a number")
        value = Decimal(found)
        if not value.is_finite():
            raise self.wrong(key, "must be a number")
        if value.adjusted() > DIGITS_MAX or abs(int(value.as_tuple().exponent)) > DIGITS_MAX:
            raise self.wrong(key, f"has more than {DIGITS_MAX} digits")
        return value

    def one_of(self, key: str, choices: Sequence[str], default: str | None = None) -> str:
        """One of some words."""
        found = self._take(key, str, f"must be one of {', '.join(choices)}", default)
        if found not in choices:
            raise self.wrong(key, f"must be one of {', '.join(choices)}")
        return str(found)

    def table(self, key: str) -> "Table":
        """A table of its own; an empty one where there is none."""
        found = self._take(key, dict, "must be a table", {})
        return Table(found, (*self.path, key))

    def tables(self, key: str) -> list["Table"]:
        """As many tables as there are."""
        found = self._take(key, list, "must be tables: [[" + dotted((*self.path, key)) + "]]", [])
        if not all(type(one) is dict for one in found):
            raise self.wrong(key, f"must be tables: [[{dotted((*self.path, key))}]]")
        return [Table(one, (*self.path, key, place)) for place, one in enumerate(found)]

    def raw(self, key: str) -> Any:
        """Whatever is there: for a reader of its own."""
        return self._left.pop(key, {})

    def _take(self, key: str, types: type | tuple[type, ...], fault: str, default: Any = None) -> Any:
        if key not in self._left:
            if default is None:
                raise self.wrong(key, "is missing")
            return default
        found = self._left.pop(key)
        if type(found) not in (types if isinstance(types, tuple) else (types,)):  # True is no number here
            raise self.wrong(key, fault)
        return found


_AT_LINE: Final = re.compile(r"\(at line (\d+)")


def _parsed(text: str) -> dict[str, Any] | None:
    """What is not TOML is nothing: here it is half a statement."""
    try:
        return tomllib.loads(text)
    except ValueError:
        return None


def _has(content: Any, path: Path) -> bool:
    for key in path:
        if isinstance(key, int):
            if not isinstance(content, list) or len(content) <= key:
                return False
        elif not isinstance(content, dict) or key not in content:
            return False
        content = content[key]
    return True
