"""What is unpacked where Python has no filter of its own yet."""

import io
import tarfile
from pathlib import Path

import pytest
from sagemaker_gitops.project.archives import plain_members


def packed(*members: tarfile.TarInfo) -> tarfile.TarFile:
    """Pack empty members and open the archive again."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        for member in members:
            archive.addfile(member)
    content.seek(0)
    return tarfile.open(fileobj=content)


def member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "", mode: int = 0o644) -> tarfile.TarInfo:
    """Describe one member, as another user packed it."""
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mode, info.uid = kind, target, mode, 4711
    return info


@pytest.mark.parametrize(
    "strange",
    [
        member("../outside"),
        member("/etc/outside"),
        member("inside/../../outside"),
        member("link", tarfile.SYMTYPE, "/etc"),
        member("link", tarfile.LNKTYPE, "../outside"),
        member("pipe", tarfile.FIFOTYPE),
        member("device", tarfile.CHRTYPE),
    ],
    ids=["parent", "absolute", "detour", "symbolic-link", "hard-link", "pipe", "device"],
)
def test_what_would_leave_the_folder_is_refused(strange: tarfile.TarInfo, tmp_path: Path) -> None:
    """Neither a path nor a link leads out, and nothing but files and folders is made."""
    with packed(member("model.onnx"), strange) as archive, pytest.raises(tarfile.ExtractError, match=r"plain file"):
        list(plain_members(archive, tmp_path))


def test_files_become_our_own_without_special_rights(tmp_path: Path) -> None:
    """Whoever packed them owns nothing here, and no program runs as another user."""
    with packed(member("folder", tarfile.DIRTYPE, mode=0o755), member("folder/model", mode=0o6777)) as archive:
        members = list(plain_members(archive, tmp_path))

    assert [(item.name, item.mode) for item in members] == [("folder", 0o755), ("folder/model", 0o755)]
    assert {item.uid for item in members} == {tmp_path.stat().st_uid}
