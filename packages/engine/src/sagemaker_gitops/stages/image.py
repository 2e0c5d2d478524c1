"""image: build and push the containers of this commit, unless their content was pushed before."""

from collections.abc import Callable
from dataclasses import dataclass

from sagemaker_gitops.aws.services import Aws
from sagemaker_gitops.build import docker, fingerprint
from sagemaker_gitops.project.environments import ImageKind
from sagemaker_gitops.project.settings import Settings
from sagemaker_gitops.stages.result import StageResult

KINDS: tuple[ImageKind, ...] = ("train", "inference")


@dataclass(frozen=True, kw_only=True)
class Options:
    """The commit that is written on the images, and who is told what is going on."""

    commit: str
    progress: Callable[[str], None]


def run(settings: Settings, aws: Aws, options: Options) -> StageResult:
    """Make sure that both images of this checkout are in the registry."""
    lines = ["### image"]
    outputs: dict[str, str] = {}
    for kind in KINDS:
        tag = fingerprint.image_tag(settings.root, kind)
        uri = settings.image_uri(kind, tag)
        built = _ensure(settings, aws, options, kind=kind, tag=tag)
        name = uri.rpartition(":")[0]
        digest = aws.images.require(settings.image_repository(kind), tag)
        lines.append(f"- `{uri}` {'built and pushed' if built else 'was there: nothing is built'} ({digest[:19]})")
        outputs |= {
            f"{kind}_image": uri,
            f"{kind}_name": name,
            f"{kind}_digest": digest,
            f"{kind}_built": str(built).lower(),
        }
    return StageResult(summary="\n".join(lines), outputs=outputs)


def _ensure(settings: Settings, aws: Aws, options: Options, *, kind: ImageKind, tag: str) -> bool:
    repository = settings.image_repository(kind)
    if aws.images.find(repository, tag):
        return False
    name = settings.image_uri(kind, tag)
    options.progress(f"building {name}")
    user, password = aws.images.login()
    docker.login(name, user=user, password=password)
    newest = aws.images.newest(repository)
    layers = docker.with_layers_of(settings.image_uri(kind, newest) if newest else None)
    model = settings.root / "model"
    labels = {"COMMIT": options.commit, "FINGERPRINT": tag}
    flags = (*docker.for_sagemaker(), *layers)
    docker.build(settings.root, dockerfile=model / kind / "Dockerfile", name=name, labels=labels, options=flags)
    docker.push(name)
    return True
