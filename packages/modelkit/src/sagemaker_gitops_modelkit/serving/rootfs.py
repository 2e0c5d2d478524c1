"""The serving image's root file system: the interpreter, what it loads, and nothing else.

    python -m sagemaker_gitops_modelkit.serving.rootfs TARGET FOLDER...

copies the running interpreter, its standard library, the folders, and every shared library that one of these
is linked to into TARGET, each under its own path. There is no shell and no package manager among them.
"""

import compileall
import os
import shutil
import ssl
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterable, Iterator
from fnmatch import fnmatch
from pathlib import Path

AUTHORITIES = Path("/etc/ssl/certs/ca-certificates.crt")
# Where the loader finds libraries, how names are resolved, which system this is, and whom TLS trusts.
SYSTEM = (Path("/etc/ld.so.cache"), Path("/etc/nsswitch.conf"), Path("/etc/os-release"), AUTHORITIES)
ACCOUNTS = {
    "/etc/passwd": "root:x:0:0:root:/:/usr/sbin/nologin\napp:x:1000:1000::/opt/ml/code:/usr/sbin/nologin\n",
    "/etc/group": "root:x:0:\napp:x:1000:\n",
}
# Of the standard library: tests, what installs or documents packages, terminals, and databases.
UNUSED_STDLIB = (
    *("test", "tests", "_test*", "_ctypes_test*", "_xx*", "xxlimited*", "__pycache__", "sitecustomize.py"),
    *("ensurepip", "venv", "distutils", "lib2to3", "config-*", "site-packages", "dist-packages", "pydoc_data"),
    *("tkinter", "_tkinter*", "idlelib", "turtle*", "curses", "_curses*", "readline*", "ossaudiodev*", "nis.*"),
    *("dbm", "_dbm*", "_gdbm*", "sqlite3", "_sqlite3*"),
)
# Of the packages: tests, sources and commands; what converts or quantises models; and ONNX Runtime's library
# for C, whose code its Python module holds a second time.
UNUSED_PACKAGES = (
    *("tests", "bin", "include", "*.pyi", "*.pyx", "*.pxd", "*.pxi", "*.h", "*.a", "__pycache__"),
    *("onnxruntime/tools", "onnxruntime/transformers", "onnxruntime/quantization", "onnxruntime/datasets"),
    *("sagemaker_gitops_modelkit/training", "sagemaker_gitops_modelkit/gates"),
    *("onnxruntime/backend", "libonnxruntime.so.*", "numpy/f2py", "numpy/distutils", "numpy/_pyinstaller"),
)
# Published with the symbols of their debuggers: 13 MB.
WITH_SYMBOLS = ("uvloop", "httptools")


class RootFs:
    """A root file system in the making."""

    def __init__(self, target: Path) -> None:
        self._target = target

    def add(self, path: Path, unused: Iterable[str] = ()) -> None:
        """Copy a file or folder under its own path, with every link on the way to it."""
        real = self._follow(path)
        inside = self.inside(real)
        if real.is_dir():
            shutil.copytree(real, inside, symlinks=True, ignore=_ignoring(unused), dirs_exist_ok=True)
        elif not inside.exists():
            inside.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(real, inside)

    def link(self, path: Path, to: Path) -> None:
        """Make a link, if nothing is there."""
        inside = self.inside(path)
        inside.parent.mkdir(parents=True, exist_ok=True)
        if not os.path.lexists(inside):
            inside.symlink_to(to)

    def write(self, path: str, text: str) -> None:
        """Write a small file."""
        inside = self.inside(Path(path))
        inside.parent.mkdir(parents=True, exist_ok=True)
        inside.write_text(text, encoding="utf-8")

    def files(self) -> Iterator[Path]:
        """Give the path of every file that is no link, as it is in the image."""
        paths = (Path(folder, name) for folder, _, names in os.walk(self._target) for name in names)
        yield from (Path("/", path.relative_to(self._target)) for path in paths if not path.is_symlink())

    def inside(self, path: Path) -> Path:
        """Return where a path of the image lies now."""
        return self._target / path.relative_to("/")

    def _follow(self, path: Path) -> Path:
        """Copy the links that a path leads through, and return where it ends."""
        for place in reversed([path, *path.parents]):
            if place.is_symlink():
                self.link(place, place.readlink())
                return self._follow(Path(os.path.normpath(place.parent / place.readlink() / path.relative_to(place))))
        return path


def main(target: Path, folders: Iterable[Path]) -> None:
    """Fill TARGET."""
    root = RootFs(target)
    root.add(Path(sysconfig.get_path("stdlib")), UNUSED_STDLIB)
    for folder in folders:
        root.add(folder, UNUSED_PACKAGES)
    root.add(Path(sys.executable))
    for path in list(root.files()):
        if path.suffix == ".so" and set(WITH_SYMBOLS) & set(path.parts):
            subprocess.run(["strip", str(root.inside(path))], check=True)  # noqa: S607
    libraries = {library for path in list(root.files()) for library in linked_to(path)}
    for path in (*libraries, *filter(Path.exists, SYSTEM)):
        root.add(path)
    root.link(Path(ssl.get_default_verify_paths().openssl_cafile), AUTHORITIES)
    for name, text in ACCOUNTS.items():
        root.write(name, text)
    root.write("/var/lib/dpkg/status", debian_packages(set(root.files())))
    # The running user cannot write bytecode, and without it a cold start takes three times as long.
    compileall.compile_dir(target, quiet=1, stripdir=str(target), prependdir="/")
    root.inside(Path("/tmp")).mkdir()  # noqa: S108 - the image's
    root.inside(Path("/tmp")).chmod(0o1777)  # noqa: S108


def linked_to(path: Path) -> Iterator[Path]:
    """Ask the loader which shared libraries a program or library needs."""
    with path.open("rb") as file:
        is_elf = file.read(4) == b"\x7fELF"
    if is_elf:
        told = subprocess.run(["ldd", str(path)], capture_output=True, text=True, check=True).stdout  # noqa: S607
        yield from (Path(word) for word in told.split() if word.startswith("/"))


def debian_packages(files: set[Path]) -> str:
    """Tell scanners which of Debian's packages the files come from, in the form of dpkg's own list."""
    lists = Path("/var/lib/dpkg/info").glob("*.list")
    owners = {path.stem.partition(":")[0] for path in lists if not files.isdisjoint(_listed(path))}
    stanzas = Path("/var/lib/dpkg/status").read_text(encoding="utf-8").split("\n\n")
    kept = (stanza for stanza in stanzas if stanza.partition("\n")[0].removeprefix("Package: ") in owners)
    return "".join(f"{stanza.strip()}\n\n" for stanza in kept)


def _listed(path: Path) -> Iterator[Path]:
    """Read a package's files; those in /lib lie in /usr/lib since Debian joined the two."""
    for line in path.read_text(encoding="utf-8").splitlines():
        yield Path("/usr" + line if line.startswith("/lib") else line)


def _ignoring(unused: Iterable[str]) -> Callable[[str, list[str]], set[str]]:
    patterns = tuple(unused)

    def ignore(folder: str, names: list[str]) -> set[str]:
        below = Path(folder).name
        return {name for name in names if any(fnmatch(name, p) or fnmatch(f"{below}/{name}", p) for p in patterns)}

    return ignore


if __name__ == "__main__":
    main(Path(sys.argv[1]), map(Path, sys.argv[2:]))
