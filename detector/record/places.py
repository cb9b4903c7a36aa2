"""Where a log lies: on a drive that several machines share, or where nothing can be written."""

from __future__ import annotations

import os
from pathlib import Path

# Kinds of file systems (proc(5), /proc/PID/mountinfo) behind which another machine may hold the same file: programs
# there share no memory, which SQLite's write-ahead log needs (sqlite.org/wal.html, "does not work over a network").
NETWORK_KINDS = frozenset(
    {
        "nfs", "nfs4", "cifs", "smb3", "smbfs", "ncpfs", "afs", "coda", "ceph", "lustre", "gpfs", "beegfs", "orangefs",
        "9p", "virtiofs", "vboxsf", "prl_fs", "fuse.vmhgfs-fuse", "fuse.sshfs", "fuse.rclone", "fuse.s3fs",
        "fuse.glusterfs", "fuse.ceph", "fuse.davfs", "fuse.curlftpfs", "fuse.gvfsd-fuse", "davfs",
    }
)  # fmt: skip
MOUNTS = Path("/proc/self/mountinfo")


def network_kind(path: Path) -> str:
    """The kind of network drive that ``path`` lies on, e.g. ``nfs4``; empty on a disk of this machine or unknown."""
    try:
        device = path.absolute().parent.stat().st_dev
        lines = MOUNTS.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    wanted = f"{os.major(device)}:{os.minor(device)}"
    for line in lines:
        mount, _, system = line.partition(" - ")
        if mount.split()[2:3] == [wanted]:
            kind = system.split(" ")[0]
            return kind if kind in NETWORK_KINDS else ""
    return ""


def is_writable(path: Path) -> bool:
    """Whether a log there can be written: the file, and files beside it, which SQLite makes."""
    return os.access(path, os.R_OK | os.W_OK) and os.access(path.absolute().parent, os.W_OK | os.X_OK)
