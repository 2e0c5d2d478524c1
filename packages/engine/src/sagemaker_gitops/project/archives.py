"""Unpacking what was packed elsewhere."""

import os
import tarfile
from collections.abc import Iterator
from pathlib import Path


def extract(archive: tarfile.TarFile, folder: Path) -> None:
    """Unpack below a folder; whatever would lie or lead elsewhere raises a TarError.

    Source: PEP 706, whose filter Python has since 3.11.4. Before, as in Debian 12, plain files and folders only.
    """
    if hasattr(tarfile, "data_filter"):
        archive.extractall(folder, filter="data")
    else:
        archive.extractall(folder, members=list(plain_members(archive, folder)))  # noqa: S202  each is looked at


def plain_members(archive: tarfile.TarFile, folder: Path) -> Iterator[tarfile.TarInfo]:
    """Give members as files of our own, or refuse one that is no plain file or folder below `folder`."""
    root = folder.resolve()
    for member in archive:
        plain = (member.isreg() or member.isdir()) and (root / member.name).resolve().is_relative_to(root)
        if not plain:
            raise tarfile.ExtractError(f"{member.name!r} is no plain file below the folder")
        member.mode &= 0o755
        member.uid, member.gid, member.uname, member.gname = os.getuid(), os.getgid(), "", ""
        yield member
