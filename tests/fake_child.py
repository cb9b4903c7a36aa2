"""A process for clips that does as the name of the clip says; speaks as ``detector.batch.child`` does."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time


def main() -> None:
    if "NEVER_READY" in os.environ:
        print("ImportError: no such library", file=sys.stderr)
        sys.exit(1)
    _say({"ready": True})
    for line in sys.stdin:
        clip = json.loads(line)["clip"]
        if clip == "crash":
            os.kill(os.getpid(), signal.SIGSEGV)
        elif clip == "leave":
            sys.exit(7)
        elif clip == "hang":
            time.sleep(600)
        elif clip == "family":  # a child of its own that hangs too
            one = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
            print(one.pid, file=sys.stderr, flush=True)
            with open(os.environ["FAMILY"], "w") as file:  # noqa: PTH123
                file.write(str(one.pid))
            time.sleep(600)
        elif clip == "eat":
            held = bytearray(300_000_000)
            held[::4096] = b"x" * len(held[::4096])
            time.sleep(600)
        elif clip == "bug":
            _say({"failure": "bug", "reason": "a mistake"})
        else:
            _say({"sha256": str(os.getpid()), "cpu_s": 0.5})


def _say(document: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(document) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
