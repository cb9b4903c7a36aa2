"""What damage, other programs and malice make of logs, tables and signals; the same seed gives the same file."""

from __future__ import annotations

import contextlib
import math
import random
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from tests import mutants

CELLS = (
    "", " ", "nan", "inf", "-inf", "-1", "0", "-0.0", "1e308", "1e400", "1e-320", "9" * 30, "0x10", "1_000", "٣", "²",
    "½", "true", "None", "n/a", "=1+1", "'", '"', "left\0", "\ud83d", "é\u0301", "a" * 10_000, "1,2", "1;2", "\t",
    "9999-12-31T23:59:59+14:00", "0001-01-01T00:00:00-14:00", "2026-02-30", "24:00", "2026-10-25 02:30", "yesterday",
    "12:00:00:00", "-5 s", "5 fortnights", "%s%n", "../../x", "{", "[[[[", "Europe/Nowhere", "left", "both", "blink",
)  # fmt: skip
VALUES: tuple[Any, ...] = (
    None, "", "x", b"\xff\x00", -1, 0, 2**63 - 1, -(2**63), 1e308, -1e308, math.inf, "nan", "{", "[]", "{}", "null",
    "[1]", '{"a": 1}', '{"procerus": "x"}', '{"procerus": 1e999}', "[" * 5000, "9999-12-31T23:59:59+00:00",
    "0001-01-01", "2026-13-01T00:00:00Z", "left", "blink", "running", "a" * 100_000, "\ud7ff", "../x", 1.5, 7,
)  # fmt: skip
NUMBERS = (math.nan, math.inf, -math.inf, 0.0, -1.0, 1e-30, 1e30, 3e38, -3e38, 1e300, 255.0, 65536.0)


def text_mutant(rng: random.Random, text: str, delimiter: str = ",") -> bytes:
    """A table of text with something wrong in it."""
    lines = text.splitlines()
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(len(lines))
        cells = lines[at].split(delimiter)
        match rng.randrange(9):
            case 0 | 1 | 2 | 3:
                cells[rng.randrange(len(cells))] = rng.choice(CELLS)
            case 4:
                del cells[rng.randrange(len(cells))]
            case 5:
                cells.insert(rng.randrange(len(cells) + 1), rng.choice(CELLS))
            case 6:
                lines[at:at] = [lines[at]] * rng.choice((1, 3, 500))
                continue
            case 7:
                lines[at] = ""
                continue
            case 8:
                column = rng.randrange(len(cells))
                rows = [line.split(delimiter) for line in lines]
                lines = [delimiter.join(row[:column] + row[column + 1 :]) for row in rows]
                continue
        lines[at] = delimiter.join(cells)
    joined = rng.choice(("\n", "\n", "\n", "\r\n", "\r")).join(lines) + rng.choice(("\n", ""))
    content = bytearray(joined.encode(rng.choice(("utf-8",) * 6 + ("utf-16", "utf-8-sig")), "surrogatepass"))
    if content and rng.random() < 0.25:
        content = rng.choice(mutants.DAMAGE)(rng, content)
    return bytes(content)


def log_mutant(rng: random.Random, log: Path, out: Path) -> str:
    """A copy of a log with its bytes, its tables or its values changed; returns how."""
    shutil.copyfile(log, out)
    if rng.random() < 0.35:
        mutate = rng.choice(mutants.DAMAGE)
        out.write_bytes(mutate(rng, bytearray(out.read_bytes())))
        return mutate.__name__
    done = []
    with contextlib.closing(sqlite3.connect(out, isolation_level=None)) as db:
        db.execute("PRAGMA ignore_check_constraints = ON")
        db.execute("PRAGMA foreign_keys = OFF")
        for _ in range(rng.choice((1, 1, 1, 2, 5))):
            tables = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            table = rng.choice([name for name in tables if not name.startswith("sqlite_")])
            columns = [row[1] for row in db.execute(f"PRAGMA table_info({table})")]
            column = rng.choice(columns)
            value = rng.choice(VALUES)
            statements = {
                f"UPDATE {table} SET {column} = ?": (value,),
                f"DELETE FROM {table}": (),
                f"DROP TABLE {table}": (),
                f"ALTER TABLE {table} DROP COLUMN {column}": (),
                f"ALTER TABLE {table} RENAME COLUMN {column} TO other": (),
                f"ALTER TABLE {table} ADD COLUMN more": (),
                f"PRAGMA user_version = {rng.choice((0, 1, 2, 3, 4, 5, 99, -1))}": (),
                "PRAGMA application_id = 77": (),
            }
            statement = next(iter(statements)) if rng.random() < 0.8 else rng.choice(list(statements))
            with contextlib.suppress(sqlite3.Error):  # the tables forbid some of it, and so much the better
                db.execute(statement, statements[statement])
                done.append(f"{statement} {str(value)[:20]!r}")
    return "; ".join(done)


def signals_mutant(rng: random.Random, signals: Path, out: Path) -> str:
    """A copy of a signals file with its bytes or its values changed; returns how."""
    shutil.copyfile(signals, out)
    if rng.random() < 0.3:
        mutate = rng.choice(mutants.DAMAGE)
        out.write_bytes(mutate(rng, bytearray(out.read_bytes())))
        return mutate.__name__
    done = []
    with h5py.File(out, "r+") as file:
        for _ in range(rng.randint(1, 3)):
            nodes: list[str] = []
            file.visit(nodes.append)
            name = rng.choice([node for node in nodes if isinstance(file[node], h5py.Dataset)])
            match rng.randrange(8):
                case 0:
                    del file[name]
                    done.append(f"{name} removed")
                case 1:
                    old = file[name]
                    shape = rng.choice(((0,), (3,), (), (*old.shape, 2), old.shape[1:] or (1,)))
                    del file[name]
                    file[name] = np.zeros(shape, rng.choice(("f4", "i8", "S5", "u1")))
                    done.append(f"{name} is {shape}")
                case 2:
                    owner = rng.choice((file, file[name]))
                    if owner.attrs:
                        key = rng.choice(sorted(owner.attrs))
                        owner.attrs[key] = rng.choice((0, -1, 1e300, "", "{", "[]", "null", '{"a": 1}', np.zeros(3)))
                        done.append(f"attribute {key}")
                case _:
                    values = file[name][()]
                    if values.size and values.dtype.kind in "fiub":
                        begin = rng.randrange(len(values))
                        part = slice(begin, begin + rng.choice((1, 2, 30, len(values))))
                        with np.errstate(all="ignore"):
                            if rng.random() < 0.2:
                                values[part] = values[part][::-1]
                            else:
                                values[part] = np.asarray(rng.choice(NUMBERS)).astype(values.dtype)
                        file[name][()] = values
                        done.append(f"{name} changed from {begin} on")
    return "; ".join(done)
