"""Rows out of an SQLite file that SQLite itself refuses: page by page, whatever is left of the trees that held them.

For repairs only. The format is that of sqlite.org/fileformat2.html; section numbers below are of that page. Nothing
here trusts the file: a cell that does not parse is left out, and a row is only taken for one of a table when the types
of its values fit the columns.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

Value = int | float | str | bytes | None
Row = tuple[int, list[Value]]  # rowid, values in the order of the columns

_MAGIC = b"SQLite format 3\0"
_PAGE_BYTES = 4096  # of every file that SQLite made since 2016, where the file does not say any more
_LEAF, _INTERIOR = 13, 5  # kinds of pages of a table (1.6)
_WAL_MAGIC = (0x377F0682, 0x377F0683)  # words of the checksum little-endian, big-endian (4.1)
_LONGEST = 1 << 26  # bytes of one row: more than any log holds, and little enough to be read
_SIZES = (0, 1, 2, 3, 4, 6, 8, 8, 0, 0)  # bytes of a value by its kind (2.1)


class Pages:
    """The pages of a file, with what its write-ahead log holds of them laid over.

    Parameters
    ----------
    path : Path
        The damaged file; the one ending in ``-wal`` beside it is read too.
    """

    def __init__(self, path: Path) -> None:
        content = path.read_bytes()
        wal = Path(f"{path}-wal")
        journal = wal.read_bytes() if wal.exists() else b""
        self._size = _page_size(content, journal)
        self._pages = {at // self._size + 1: content[at : at + self._size] for at in range(0, len(content), self._size)}
        self._pages |= _committed(journal, self._size)
        first = self._pages.get(1, b"")
        # bytes at the end of each page that SQLite leaves to extensions: none in a log of ours
        self._usable = self._size - (first[20] if first.startswith(_MAGIC) else 0)
        self._free = self._free_pages()

    def tables(self) -> dict[str, int]:
        """The first page of each table, as far as the list of tables can be read."""
        found: dict[str, int] = {}
        for _, values in self._rows_under(1):
            match values:
                case ["table", str(name), _, int(root), _]:
                    found[name] = root
        return found

    def rows(self, root: int) -> Iterator[Row]:
        """The rows of the table that begins at page ``root``, as far as its tree holds together."""
        yield from self._rows_under(root)

    def all_rows(self) -> Iterator[Row]:
        """Every row of every table, those on pages that no tree leads to included; without those on unused pages."""
        for number in sorted(self._pages):
            if number not in self._free:
                yield from self._rows_on(number)

    def _rows_under(self, root: int) -> Iterator[Row]:
        seen: set[int] = set()
        waiting = [root]
        while waiting:
            number = waiting.pop()
            if number in seen or number not in self._pages:
                continue
            seen.add(number)
            page, begin = self._pages[number], self._begin(number)
            if page[begin : begin + 1] == bytes((_INTERIOR,)):
                waiting += reversed(self._children(page, begin))
            else:
                yield from self._rows_on(number)

    def _begin(self, number: int) -> int:
        return 100 if number == 1 else 0  # the first page begins with the header of the file

    def _children(self, page: bytes, begin: int) -> list[int]:
        cells = _cells(page, begin, begin + 12)
        return [*(_number(page, at) for at in cells), _number(page, begin + 8)]

    def _rows_on(self, number: int) -> Iterator[Row]:
        page, begin = self._pages[number], self._begin(number)
        if page[begin : begin + 1] != bytes((_LEAF,)):
            return
        for at in _cells(page, begin, begin + 8):
            row = self._row(page, at)
            if row is not None:
                yield row

    def _row(self, page: bytes, at: int) -> Row | None:
        """The row whose cell begins at ``at``; None where there is none to be read."""
        try:
            length, at = _varint(page, at)
            rowid, at = _varint(page, at)
            if not 0 < length <= _LONGEST:
                return None
            return _signed(rowid), _record(self._payload(page, at, length))
        except (IndexError, ValueError, struct.error):
            return None

    def _payload(self, page: bytes, at: int, length: int) -> bytes:
        """All bytes of a row, those on further pages included (1.6, "Cell payload overflow pages")."""
        most = self._usable - 35
        if length <= most:
            return _cut(page, at, length)
        least = (self._usable - 12) * 32 // 255 - 23
        here = least + (length - least) % (self._usable - 4)
        here = here if here <= most else least
        parts, left = [_cut(page, at, here)], length - here
        following = _number(page, at + here)
        while left > 0:
            overflow = self._pages.get(following, b"")
            part = _cut(overflow, 4, min(left, self._usable - 4))
            parts.append(part)
            left -= len(part)
            following = _number(overflow, 0)
        return b"".join(parts)

    def _free_pages(self) -> set[int]:
        """Pages that hold nothing any more, as far as their list can be read (1.5)."""
        free: set[int] = set()
        first = self._pages.get(1, b"")
        trunk = _number(first, 32) if first.startswith(_MAGIC) else 0
        while trunk in self._pages and trunk not in free:
            page = self._pages[trunk]
            free.add(trunk)
            count = min(_number(page, 4), self._usable // 4 - 2)
            free |= {_number(page, 8 + 4 * k) for k in range(count)}
            trunk = _number(page, 0)
        return free


def fits(values: Sequence[Value], columns: Sequence[Mapping[str, object]]) -> bool:
    """Whether a row could be one of the table with these columns (rows of ``PRAGMA table_info``).

    One written before columns were added has fewer values, and the key of the table is stored as none.
    """
    if len(values) > len(columns) or any((column["notnull"] and column["dflt_value"] is None) or column["pk"]
                                         for column in columns[len(values) :]):  # fmt: skip
        return False
    for value, column in zip(values, columns, strict=False):
        if value is None:
            if column["notnull"] and not column["pk"]:
                return False
        elif not isinstance(value, {"TEXT": str, "INTEGER": int, "REAL": (int, float)}[str(column["type"])]):  # type: ignore[arg-type]
            return False
    return True


def _page_size(content: bytes, wal: bytes) -> int:
    for size in (
        int.from_bytes(content[16:18], "big") if content.startswith(_MAGIC) else 0,
        _number(wal, 8) if len(wal) >= 32 else 0,
    ):
        size = 65536 if size == 1 else size
        if 512 <= size <= 65536 and size & (size - 1) == 0:
            return size
    return _PAGE_BYTES


def _committed(wal: bytes, size: int) -> dict[int, bytes]:
    """The pages of all finished transactions in a write-ahead log (4.1 to 4.3): up to the first damage, as SQLite."""
    if len(wal) < 32 or _number(wal, 0) not in _WAL_MAGIC:
        return {}
    order = "<" if _number(wal, 0) == _WAL_MAGIC[0] else ">"
    salts, sums = wal[16:24], _checksum(wal[:24], (0, 0), order)
    if struct.unpack(">II", wal[24:32]) != sums:
        return {}
    done: dict[int, bytes] = {}
    begun: dict[int, bytes] = {}
    for at in range(32, len(wal) - 24 - size + 1, 24 + size):
        head, page = wal[at : at + 24], wal[at + 24 : at + 24 + size]
        sums = _checksum(page, _checksum(head[:8], sums, order), order)
        if head[8:16] != salts or struct.unpack(">II", head[16:24]) != sums:
            break
        begun[_number(head, 0)] = page
        if _number(head, 4):  # the last page of a transaction
            done |= begun
            begun = {}
    return done


def _checksum(data: bytes, sums: tuple[int, int], order: str) -> tuple[int, int]:
    one, two = sums
    words = struct.unpack(f"{order}{len(data) // 4}I", data)
    for first, second in zip(words[::2], words[1::2], strict=True):
        one = (one + first + two) & 0xFFFFFFFF
        two = (two + second + one) & 0xFFFFFFFF
    return one, two


def _record(payload: bytes) -> list[Value]:
    """The values of a row (2.1)."""
    header, at = _varint(payload, 0)
    body = header
    values: list[Value] = []
    while at < header:
        kind, at = _varint(payload, at)
        size = _SIZES[kind] if kind < 10 else (kind - 12) // 2
        part = _cut(payload, body, size)
        body += size
        values.append(_value(kind, part))
    return values


def _value(kind: int, part: bytes) -> Value:
    if kind == 0:
        return None
    if kind in (8, 9):
        return kind - 8
    if kind == 7:
        return float(struct.unpack(">d", part)[0])
    if kind < 7:
        return int.from_bytes(part, "big", signed=True)
    if kind < 12:
        raise ValueError("no kind that is in use")
    return part.decode("utf-8") if kind % 2 else part


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """A number of one to nine bytes, and where it ends (1.6)."""
    value = 0
    for place in range(9):
        byte = data[at + place]
        if place == 8:
            return (value << 8) | byte, at + 9
        value = (value << 7) | (byte & 0x7F)
        if byte < 0x80:
            return value, at + place + 1
    raise ValueError("no number")


def _signed(value: int) -> int:
    return value - (1 << 64) if value >= 1 << 63 else value


def _cells(page: bytes, begin: int, first: int) -> list[int]:
    """Where the cells of a page are said to begin; the list of them begins at ``first``."""
    count = int.from_bytes(page[begin + 3 : begin + 5], "big")
    last = min(first + 2 * count, len(page) - 1)
    return [int.from_bytes(page[at : at + 2], "big") for at in range(first, last, 2)]


def _number(page: bytes, at: int) -> int:
    return int.from_bytes(page[at : at + 4], "big")


def _cut(data: bytes, at: int, length: int) -> bytes:
    part = data[at : at + length]
    if len(part) != length:
        raise ValueError("it ends too early")
    return part
