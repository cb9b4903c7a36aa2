"""The program, in a process that ends at the first socket anything in it asks for.

``python -m tests.sealed [--camera] WORDS...`` is ``nasalis WORDS...``. Two seals are put on before anything of the
program is imported: a filter in the kernel, which sees what native libraries do and which nothing in the process can
take off again, children included (Linux on x86-64 and ARM64); and an audit hook, which sees what Python does anywhere
(PEP 578). ``--camera`` puts a camera in front of the program that shows the sample over and over.
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BROKEN = 97  # exit code when Python asked for a socket; the kernel's seal ends the process with SIGSYS
SAMPLE = ROOT / "samples" / "twitches.mp4"
CAMERA_PICTURES = 90  # the first three seconds of the sample, over and over

# linux/audit.h, and asm/unistd.h of each: socket, socketpair, and io_uring, which can make sockets past the other two
_MACHINES = {"x86_64": (0xC000003E, (41, 53, 425)), "aarch64": (0xC00000B7, (198, 199, 425))}
_X32 = 0x40000000  # calls of the x32 kind have numbers of their own above this
_KILL, _ALLOW = 0x80000000, 0x7FFF0000  # linux/seccomp.h: SECCOMP_RET_KILL_PROCESS, SECCOMP_RET_ALLOW
_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06  # linux/bpf_common.h
_NUMBER_AT, _MACHINE_AT = 0, 4  # struct seccomp_data
_SET_SECCOMP, _FILTER, _NO_NEW_PRIVILEGES = 22, 2, 38  # linux/prctl.h


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("code", ctypes.c_char_p))


def kernel_seal() -> bool:
    """Let the kernel kill this process, and all it starts, at a socket; False where the kernel cannot be told so."""
    known = _MACHINES.get(platform.machine()) if sys.platform == "linux" else None
    if known is None:
        return False
    machine, numbers = known
    lines = [(_LOAD, 0, 0, _MACHINE_AT), (_EQUAL, 1, 0, machine), (_RETURN, 0, 0, _KILL), (_LOAD, 0, 0, _NUMBER_AT)]
    tests = [(_AT_LEAST, _X32), *((_EQUAL, number) for number in numbers)]
    # a test that holds jumps over those after it and over the line that allows
    lines += [(code, len(tests) - k, 0, value) for k, (code, value) in enumerate(tests)]
    lines += [(_RETURN, 0, 0, _ALLOW), (_RETURN, 0, 0, _KILL)]
    code = b"".join(struct.pack("HBBI", *line) for line in lines)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0) != 0:
        return False
    return bool(libc.prctl(_SET_SECCOMP, _FILTER, ctypes.byref(_Program(len(lines), code)), 0, 0) == 0)


def python_seal() -> None:
    """End the process at whatever Python's own ``socket`` is asked for, a look-up of a name included."""

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if event.startswith("socket."):
            os.write(2, f"asked for a socket: {event} {arguments!r}\n".encode())
            os._exit(BROKEN)

    sys.addaudithook(hook)


def environment(folder: Path) -> dict[str, str]:
    """For a sealed process: a log and temporary files in ``folder``, and no desktop to talk to."""
    kept = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY")}
    return kept | {"PYTHONPATH": str(ROOT), "NASALIS_LOG": str(folder / "log.sqlite"), "TMPDIR": str(folder)}


def plug_in_a_camera() -> None:
    """Let the program see one camera, which shows the sample over and over."""
    import pytest

    from tests.clips import decoded
    from tests.fake_camera import plug_in

    pictures = decoded(SAMPLE, CAMERA_PICTURES)
    camera = plug_in(pytest.MonkeyPatch(), Path(tempfile.mkdtemp()))
    camera.fps = 30.0
    camera.picture = lambda number: pictures[number % len(pictures)].copy()


def main() -> None:
    kernel_seal()
    python_seal()
    words = sys.argv[1:]
    if words[0] == "--camera":
        words = words[1:]
        plug_in_a_camera()
    import cli

    sys.argv = ["nasalis", *words]
    cli.main()


if __name__ == "__main__":
    main()
