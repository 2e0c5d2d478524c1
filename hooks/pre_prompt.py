"""Pack the two packages into the project's vendor/ folder, so that a bake needs no network and no build tool.

Cookiecutter (2.4 and newer) runs this in a temporary copy of the template, before it asks its questions; what is
written below the project's folder is baked like any other file. The same sources make the same bytes.
"""

import base64
import hashlib
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

VENDOR = Path("<<cookiecutter.project>>", "vendor")
# Each package's folder, and the file that pins its wheel.
PACKAGES = {"engine": "engine.txt", "modelkit": "modelkit.txt"}
PIN = """\
# The wheel in this folder, by its content. `pipeline upgrade` replaces both; nobody edits either.
{name}=={version} \\
    --hash=sha256:{digest}
"""
# Zip's oldest time, and a plain file's mode.
EPOCH = (1980, 1, 1, 0, 0, 0)
MODE = 0o100644 * 65536


def contents(package: Path) -> dict[str, bytes]:
    """Return a wheel's members by name: the modules of a src-layout project, then what describes them."""
    import tomllib  # noqa: PLC0415 - an older Python is told so before this is imported

    project = tomllib.loads((package / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    source = package / "src"
    files = {
        path.relative_to(source).as_posix(): path.read_bytes()
        for path in sorted(source.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }
    info = f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    files[f"{info}/METADATA"] = metadata(project, readme=(package / project["readme"]).read_text(encoding="utf-8"))
    files[f"{info}/WHEEL"] = b"Wheel-Version: 1.0\nGenerator: pre_prompt\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    if scripts := project.get("scripts"):
        lines = ["[console_scripts]", *(f"{name} = {target}" for name, target in scripts.items())]
        files[f"{info}/entry_points.txt"] = ("\n".join(lines) + "\n").encode()
    files[f"{info}/RECORD"] = record(files, own=f"{info}/RECORD")
    return files


def metadata(project: Mapping[str, Any], *, readme: str) -> bytes:
    """Write core metadata, version 2.4."""
    extras = sorted(project.get("optional-dependencies", {}).items())
    lines = [
        "Metadata-Version: 2.4",
        f"Name: {project['name']}",
        f"Version: {project['version']}",
        f"Summary: {project['description']}",
        f"License-Expression: {project['license']}",
        *(f"Classifier: {text}" for text in project["classifiers"]),
        *(f"Requires-Dist: {needed}" for needed in project["dependencies"]),
        *(f"Requires-Dist: {_within(needed, extra)}" for extra, names in extras for needed in names),
        f"Requires-Python: {project['requires-python']}",
        *(f"Provides-Extra: {extra}" for extra, _ in extras),
        "Description-Content-Type: text/markdown",
    ]
    return ("\n".join(lines) + "\n\n" + readme).encode()


def record(files: Mapping[str, bytes], *, own: str) -> bytes:
    """List each member with its hash and size; the list itself has neither."""
    lines = [f"{name},sha256={_urlsafe(content)},{len(content)}" for name, content in files.items()]
    return ("\n".join([*lines, f"{own},,"]) + "\n").encode()


def pack(package: Path, folder: Path) -> Path:
    """Write a package's wheel into a folder; return its path."""
    files = contents(package)
    info = next(iter(reversed(files))).partition("/")[0].removesuffix(".dist-info")
    wheel = folder / f"{info}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, content in files.items():
            member = zipfile.ZipInfo(name, EPOCH)
            # Stored as they are: two builds of zlib compress differently, and a pin is part of the fingerprint.
            member.external_attr, member.compress_type = MODE, zipfile.ZIP_STORED
            archive.writestr(member, content)
    return wheel


def pin(wheel: Path, target: Path) -> None:
    """Write the requirement that accepts this wheel and no other."""
    name, version, *_ = wheel.name.split("-")
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    target.write_text(PIN.format(name=name.replace("_", "-"), version=version, digest=digest), encoding="utf-8")


def main() -> None:
    """Fill vendor/."""
    if sys.version_info < (3, 11):  # noqa: UP036 - cookiecutter runs on older Pythons
        sys.exit("No project was made: cookiecutter runs on Python " + sys.version.split()[0] + ", 3.11 is needed.")
    VENDOR.mkdir(exist_ok=True)
    for old in VENDOR.glob("*.whl"):
        old.unlink()
    for name, target in PACKAGES.items():
        pin(pack(Path("packages", name), VENDOR), VENDOR / target)


def _within(needed: str, extra: str) -> str:
    """Write a requirement of an extra; a condition of its own and the extra's are both to hold."""
    name, _, condition = (part.strip() for part in needed.partition(";"))
    return f"{name} ; {condition} and extra == '{extra}'" if condition else f"{name} ; extra == '{extra}'"


def _urlsafe(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()


if __name__ == "__main__":
    main()
