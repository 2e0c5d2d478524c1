"""data: bring the data set to and from its remote through DVC, and say what changed in it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from sagemaker_gitops.aws.services import Aws
from sagemaker_gitops.build import fingerprint, pointers, recipe
from sagemaker_gitops.build.dvc import Dvc, Remote
from sagemaker_gitops.build.pointers import Pointer
from sagemaker_gitops.errors import ConfigurationError, DataChanged
from sagemaker_gitops.project import contract_change as change
from sagemaker_gitops.project import git
from sagemaker_gitops.project import schema_documents as documents
from sagemaker_gitops.project.model_schema import ModelSchema
from sagemaker_gitops.project.settings import Settings
from sagemaker_gitops.stages.result import StageResult


@dataclass(frozen=True, kw_only=True)
class Options:
    """Who is told what is going on, and the commit to compare with."""

    progress: Callable[[str], None]
    base: str = "HEAD"


def commit(settings: Settings) -> StageResult:
    """Point to the data as it is now; the pointers are what Git keeps."""
    files = fingerprint.data_files(settings.root)
    stale = {pointer.path for pointer in pointers.read(settings.root) if pointer.state() != "current"}
    changed = [path for path in files if path in stale or path in pointers.untracked(settings.root)]
    if changed:
        _dvc(settings).commit(*changed)
    for pointer in pointers.read(settings.root):
        if pointer.state() == "missing":
            pointer.pointer.unlink()  # the file was taken out of the data set
    named = ", ".join(path.name for path in changed) or "nothing had changed"
    return _result(settings, f"Pointers written: {named}. Commit data/*.dvc to Git.")


def pull(settings: Settings, options: Options) -> StageResult:
    """Fetch the files that are missing; a file with changes of its own is never overwritten."""
    _refuse_changes(settings.root)
    missing = [pointer for pointer in pointers.read(settings.root) if pointer.state() == "missing"]
    if missing:
        options.progress(f"fetching {', '.join(pointer.path.name for pointer in missing)} with DVC")
        _dvc(settings).pull(*(pointer.pointer for pointer in missing))
    told = f"Fetched {len(missing)} files." if missing else "Every file was here already."
    return _result(settings, told)


def push(settings: Settings, aws: Aws, options: Options) -> StageResult:
    """Bring the data to DVC's remote, and to the prefix that training jobs read."""
    _refuse_changes(settings.root)
    if extra := pointers.untracked(settings.root):
        raise _not_pointed_to(extra[0])
    options.progress(f"pushing the data to {_remote(settings).url} with DVC")
    dvc = _dvc(settings)
    dvc.commit(*fingerprint.data_files(settings.root))  # a file that came with Git is not in DVC's cache yet
    dvc.push()
    mark = fingerprint.compute(settings.root)
    prefix = recipe.upload_data(settings, aws, mark)
    return _result(settings, f"Stored as data version `{mark.inputs['data'][:12]}` in {prefix}.")


def diff(settings: Settings, options: Options) -> StageResult:
    """Say what changed in the data since another commit."""
    # pyarrow takes 0.2 s to import, which only a comparison of tables should wait for.
    from sagemaker_gitops.monitor import data_changes as datadiff  # noqa: PLC0415

    schema = documents.read(settings.root, change.SCHEMA, ModelSchema).content
    if schema is None:
        raise ConfigurationError("schema.json is not valid", where=change.SCHEMA, next_step="run `schema` first")
    with TemporaryDirectory() as scratch:
        before = _before(settings, options, Path(scratch))
        if before is None:
            return StageResult(summary=f"### data\nThe data is that of {options.base}.", outputs={"changed": "false"})
        now = fingerprint.data_files(settings.root)
        found = datadiff.compare(before, now, row_id=schema.id, listed=schema.listed)
    return StageResult(summary=f"### data\nSince {options.base}: {found.as_markdown()}", outputs={"changed": "true"})


def _before(settings: Settings, options: Options, scratch: Path) -> list[Path] | None:
    root = settings.root
    old = [item for path in git.listed(root, options.base, "data") for item in _pointers_at(root, options.base, path)]
    if not old:
        raise ConfigurationError(
            f"{options.base} has no pointer to data", where="--base", next_step="name a commit that has data/*.dvc"
        )
    now = {pointer.path: pointer.md5 for pointer in pointers.read(root)}
    if {item.path: item.md5 for item in old} == now and all(p.state() == "current" for p in pointers.read(root)):
        return None
    return [_content_at(settings, options, item, scratch / str(number)) for number, item in enumerate(old)]


def _pointers_at(root: Path, base: str, path: str) -> list[Pointer]:
    return list(pointers.parse(root / path, git.content(root, base, path) or "")) if path.endswith(".dvc") else []


def _content_at(settings: Settings, options: Options, pointer: Pointer, scratch: Path) -> Path:
    name = pointer.path.relative_to(settings.root).as_posix()
    text = git.content(settings.root, options.base, pointer.pointer.relative_to(settings.root).as_posix()) or ""
    if (here := git.content(settings.root, options.base, name)) is not None:
        target = scratch / pointer.path.name
        target.parent.mkdir(parents=True)
        target.write_text(here)
        return target
    options.progress(f"fetching {name} of {options.base} with DVC")
    return _dvc(settings).fetch(pointer.pointer, text, scratch) / pointer.path.name


def _refuse_changes(root: Path) -> None:
    for pointer in pointers.read(root):
        if pointer.state() == "changed":
            raise DataChanged(
                "this file is not the one that its pointer in Git names",
                where=str(pointer.path.relative_to(root)),
                next_step="keep the change with `pipeline data commit`, or remove the file and pull",
            )


def _not_pointed_to(path: Path) -> DataChanged:
    return DataChanged(
        "no pointer names this file of the data set",
        where=str(path),
        next_step="run `pipeline data commit`, and commit data/*.dvc to Git",
    )


def _remote(settings: Settings) -> Remote:
    return Remote(url=f"s3://{settings.data_bucket}/dvc", region=settings.region)


def _dvc(settings: Settings) -> Dvc:
    return Dvc(root=settings.root, remote=_remote(settings))


def _result(settings: Settings, told: str) -> StageResult:
    version = fingerprint.data_version(settings.root)
    return StageResult(summary=f"### data\n{told}", outputs={"data_version": version})
