"""The Dockerfiles, really built and run on a real /opt/ml tree."""

import http.client
import json
import os
import signal
import sys
import threading
import time
from pathlib import Path

from tests.containers.conftest import lay_out
from tests.containers.docker import Container, Docker, mounts
from tests.sample import ROOT as PROJECT

ROW = "0.221,0.221,0.8,5,2,no,3.9,no,no,no,no,yes\n"
# The container's user, by the Dockerfiles.
UID = 1000


def _post(connection: http.client.HTTPConnection, rows: int = 1) -> tuple[int, bytes]:
    connection.request("POST", "/invocations", ROW * rows, {"Content-Type": "text/csv"})
    answer = connection.getresponse()
    return answer.status, answer.read()


def test_training_writes_a_model_without_network_or_privileges(trained: Path) -> None:
    """Started as root on mounts of root's, it trains as an ordinary user and leaves what serving verifies."""
    manifest = json.loads((trained / "model/manifest.json").read_text(encoding="utf-8"))

    assert {"model.onnx", "schema.json"} <= set(manifest["files"])
    assert {path.stat().st_uid for path in (trained / "model").iterdir()} == {UID}
    assert (trained / "output/data/evaluation.json").is_file()


def test_training_as_another_user_needs_no_root(docker: Docker, images: dict[str, str], tree: Path) -> None:
    """`docker run --user` works too, on mounts that this user owns."""
    for path in (tree, *tree.rglob("*")):
        os.chown(path, UID, UID)

    done = docker.train(images["train"], tree, "--user", f"{UID}:{UID}")

    assert done.returncode == 0, done.stderr
    assert (tree / "model/model.onnx").is_file()


def test_failed_training_says_why(docker: Docker, images: dict[str, str], tmp_path: Path) -> None:
    """Exit code 1, and the reason where SageMaker reads it."""
    tree = lay_out(tmp_path / "ml")
    (tree / "input/data/training/hmda.csv").unlink()

    done = docker.train(images["train"], tree)

    assert done.returncode == 1
    assert (tree / "output/failure").read_text(encoding="utf-8")


def test_serving_answers_hardened(docker: Docker, images: dict[str, str], trained: Path) -> None:
    """Read-only file systems, little memory, no privileges: the model answers, and Docker sees that it is well."""
    with docker.serving(images["inference"], trained / "model", "--memory", "512m") as container:
        container.wait_until_ready()
        status, body = _post(container.connect(), rows=5000)
        users = docker("top", container.name, "-eo", "pid,uid").stdout.split()[3::2]
        state = docker("exec", container.name, "python", "-c", "print(open('/proc/1/status').read())").stdout
        health = _health(container)

    assert status == 200
    assert len(json.loads(body)["predictions"]) == 5000
    assert set(users) == {str(UID)}
    assert {"Groups:\t ", "CapEff:\t0000000000000000", "NoNewPrivs:\t1"} <= set(state.splitlines())
    assert health == "healthy"


def _health(container: Container) -> str:
    """Return the state of the health check once it is settled."""
    for _ in range(150):
        if (state := container.inspect("{{.State.Health.Status}}")) != "starting":
            return state
        time.sleep(0.2)
    return "starting"


def test_serving_as_another_user_needs_no_root(docker: Docker, images: dict[str, str], trained: Path) -> None:
    """`docker run --user` works too, with every capability dropped."""
    options = ("--user", "4242:4242", "--cap-drop", "ALL")
    with docker.serving(images["inference"], trained / "model", *options) as container:
        container.wait_until_ready()

        assert _post(container.connect())[0] == 200


def test_sigterm_under_load_loses_no_request(docker: Docker, images: dict[str, str], trained: Path) -> None:
    """What was accepted is answered, and the container ends with 0 well within SageMaker's 30 seconds."""
    outcomes: list[int] = []
    with docker.serving(images["inference"], trained / "model") as container:
        container.wait_until_ready()
        threads = [threading.Thread(target=_batches, args=(container.connect(), outcomes)) for _ in range(4)]
        for thread in threads:
            thread.start()
        time.sleep(0.3)
        begun = time.monotonic()
        docker("stop", "--time", "30", container.name)
        took = time.monotonic() - begun
        code = container.inspect("{{.State.ExitCode}}")
        for thread in threads:
            thread.join()

    assert code == "0"
    assert took < 15
    assert set(outcomes) == {200}


def _batches(connection: http.client.HTTPConnection, outcomes: list[int]) -> None:
    """Send batches until the server closes the connection between two of them."""
    while True:
        try:
            connection.request("POST", "/invocations", ROW * 3000, {"Content-Type": "text/csv"})
        except OSError:
            return
        try:
            answer = connection.getresponse()
        except (http.client.RemoteDisconnected, ConnectionResetError):
            return
        answer.read()
        outcomes.append(answer.status)


def test_tampered_model_is_not_served(docker: Docker, images: dict[str, str], trained: Path, tmp_path: Path) -> None:
    """A container whose model does not match its manifest ends at once, with the reason in its log."""
    model = tmp_path / "model"
    model.mkdir()
    for path in (trained / "model").iterdir():
        (model / path.name).write_bytes(path.read_bytes() + (b" " if path.name == "model.onnx" else b""))

    done = docker.run(images["inference"], "serve", "--volume", f"{model}:/opt/ml/model:ro")

    assert done.returncode == 1
    assert "model.onnx has sha256" in json.loads(done.stdout)["reason"]


def _run_python(docker: Docker, image: str, code: str) -> str:
    done = docker("run", "--rm", "--entrypoint", "python", image, "-c", code)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_images_hold_what_they_need_only(docker: Docker, images: dict[str, str]) -> None:
    """No build tool beside the base's own, no training library for serving, and bytecode for a quick start."""
    listing = "import os; [print(*d, *f, sep='\\n') for p in ('/opt/venv', '/opt/ml') for _, d, f in os.walk(p)]"
    found = {kind: set(_run_python(docker, name, listing).split()) for kind, name in images.items()}

    assert not {"pip", "setuptools", "wheel"} & (found["train"] | found["inference"])
    assert not {"sklearn", "pandas", "onnx", "scipy"} & found["inference"]
    assert {"serve.py", "openapi.yml"} & found["inference"] == {"serve.py"}
    assert "serve.cpython-311.pyc" in found["inference"]
    assert "train.cpython-311.pyc" in found["train"]


def test_serving_image_has_one_program(docker: Docker, images: dict[str, str]) -> None:
    """Beside the interpreter and the loader nothing can be run: no shell, package manager or setuid program."""
    code = (
        "import os\n"
        "tops = set(os.listdir('/')) - {'dev', 'proc', 'sys'}\n"
        "found = [os.path.join(p, n) for t in tops for p, _, f in os.walk('/' + t) for n in f]\n"
        "paths = {os.path.realpath(p) for p in found if os.path.isfile(p)}\n"
        "print(*(p for p in paths if '.so' not in p and open(p, 'rb').read(4) == b'\\x7fELF'), sep='\\n')\n"
        "print(*(p for p in paths if os.stat(p).st_mode & 0o6000))"
    )

    programs = _run_python(docker, images["inference"], code).split()

    assert [Path(program).name for program in programs] == ["python3.11"]
    assert docker("run", "--rm", "--entrypoint", "/bin/sh", images["inference"]).returncode == 127


def test_scanners_see_the_libraries(docker: Docker, images: dict[str, str]) -> None:
    """Debian's list of packages is kept for what is kept, and every library kept stands in it."""
    code = "print(open('/etc/os-release').read(), open('/var/lib/dpkg/status').read())"

    listed = _run_python(docker, images["inference"], code)

    packages = {line.partition(": ")[2] for line in listed.splitlines() if line.startswith("Package: ")}
    assert {"libc6", "libssl3", "libstdc++6", "zlib1g"} <= packages
    assert not {"dpkg", "apt", "bash", "perl-base"} & packages
    assert "VERSION_CODENAME=bookworm" in listed


def test_images_say_where_they_come_from(docker: Docker, images: dict[str, str]) -> None:
    """Commit and content stand on the image."""
    for name in images.values():
        labels = json.loads(docker("inspect", "--format", "{{json .Config.Labels}}", name).stdout)

        assert labels["org.opencontainers.image.revision"] == "0123abc"
        assert labels["sagemaker.fingerprint"] == "feed"


def test_serving_image_is_a_quarter_of_the_training_image(docker: Docker, images: dict[str, str]) -> None:
    """Whole images, their base included, as they are pulled to an instance."""
    sizes = {kind: int(docker("inspect", "--format", "{{.Size}}", name).stdout) for kind, name in images.items()}

    sys.stdout.write("".join(f"{kind}: {size / 1e6:.0f} MB\n" for kind, size in sizes.items()))
    assert sizes["inference"] <= sizes["train"] / 4


def test_traced_image_exports(docker: Docker, images: dict[str, str], trained: Path) -> None:
    """Built with the other requirements, the same Dockerfile makes an image that loads OpenTelemetry."""
    name = f"{images['inference']}-traced"
    docker.build(
        PROJECT,
        dockerfile=PROJECT / "model/inference/Dockerfile",
        name=name,
        options=("--build-arg", "REQUIREMENTS=requirements-tracing.txt"),
    )

    with docker.serving(name, trained / "model", "--env", "SERVE_TRACING=otlp") as container:
        container.wait_until_ready()
        status, _ = _post(container.connect())

    assert status == 200


def test_stopped_training_ends_soon(docker: Docker, images: dict[str, str], tree: Path) -> None:
    """StopTrainingJob's SIGTERM reaches process 1 while it still imports; neither its end nor a kill comes first."""
    path = tree / "input/config/hyperparameters.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"n_estimators": "5000"}), encoding="utf-8")
    started = docker("run", "--detach", *mounts(tree), images["train"], "train")
    name = started.stdout.strip()
    while not _catches(docker, name, signal.SIGTERM):
        assert docker("inspect", "--format", "{{.State.Running}}", name).stdout.strip() == "true"

    docker("stop", "--time", "60", name)
    code = docker("inspect", "--format", "{{.State.ExitCode}}", name).stdout.strip()
    docker("rm", "--force", name)

    assert code == str(128 + signal.SIGTERM)


def _catches(docker: Docker, name: str, number: signal.Signals) -> bool:
    """Tell whether process 1 has a handler of a signal."""
    status = docker("exec", name, "cat", "/proc/1/status").stdout
    masks = dict(line.split(":\t", 1) for line in status.splitlines() if line.startswith("Sig"))
    return bool(int(masks.get("SigCgt", "0"), 16) >> (number - 1) & 1)
