"""Which file system a path lies on: SQLite's locks and shared memory do not hold across machines."""

from pathlib import Path

# fmt: off
NETWORK = frozenset({
    "9p", "afs", "beegfs", "beegfs_nodev", "ceph", "cifs", "coda", "davfs", "gfs2", "glusterfs", "gpfs", "lustre", "ncpfs", "nfs", "nfs3",
    "nfs4", "ocfs2", "orangefs", "panfs", "pvfs2", "smb3", "smbfs", "vboxsf", "wekafs",
})
NETWORK_FUSE = frozenset({
    "afs", "beegfs", "ceph", "ceph-fuse", "cephfs", "cvmfs", "davfs", "davfs2", "gcsfuse", "glusterfs", "goofys", "juicefs", "lustre",
    "moosefs", "mount-s3", "nfs", "rclone", "s3fs", "seaweedfs", "smbnetfs", "sshfs",
})
# fmt: on
"""Names after `fuse.`: others, such as `fuse.mergerfs` or `fuseblk`, are local disks."""


def network_file_system(path: Path, mounts: str) -> str | None:
    """The type of the network file system that holds `path`, or None for a local one. `mounts` is the text of /proc/self/mounts."""
    target = path.resolve()
    holder: tuple[int, str] | None = None
    for line in mounts.splitlines():
        fields = line.split()
        if len(fields) < 3:
            continue
        point = Path(_unescaped(fields[1]))
        # Longest mount point wins; of two on one point, the later one lies on top.
        if target.is_relative_to(point) and (holder is None or len(point.parts) >= holder[0]):
            holder = (len(point.parts), fields[2].lower())
    return holder[1] if holder is not None and _is_network(holder[1]) else None


def read_mounts() -> str:
    """The mounted file systems as the kernel lists them; empty where it does not."""
    try:
        return Path("/proc/self/mounts").read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return ""


def _is_network(kind: str) -> bool:
    return kind in NETWORK or (kind.startswith("fuse.") and kind.removeprefix("fuse.") in NETWORK_FUSE)


def _unescaped(point: str) -> str:
    """The kernel writes space, tab, newline and backslash as octal."""
    for octal, character in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        point = point.replace(octal, character)
    return point
