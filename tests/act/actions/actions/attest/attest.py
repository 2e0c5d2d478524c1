"""Write an in-toto statement about one digest into an unsigned envelope, where actions/attest puts its bundle."""

import base64
import json
import os
import re
import sys
import tempfile
from pathlib import Path


def statement(subject: str, sha256: str) -> dict[str, object]:
    """Say in SLSA's words which run vouches for the digest."""
    repository, run = os.environ["GITHUB_REPOSITORY"], os.environ["GITHUB_RUN_ID"]
    commit = {"uri": f"git+https://github.com/{repository}", "digest": {"gitCommit": os.environ["GITHUB_SHA"]}}
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": subject, "digest": {"sha256": sha256}}],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": "https://actions.github.io/buildtypes/workflow/v1",
                "resolvedDependencies": [commit],
            },
            "runDetails": {"metadata": {"invocationId": f"https://github.com/{repository}/actions/runs/{run}"}},
        },
    }


def main() -> None:
    """Check the inputs as the real action does, and append one bundle to its file."""
    found = re.fullmatch(r"sha256:([0-9a-f]{64})", os.environ["DIGEST"])
    if not found:
        sys.exit('::error::subject-digest must be in the format "sha256:<hex-digest>"')
    if not os.environ.get("ACTIONS_ID_TOKEN_REQUEST_URL"):
        sys.exit('::error::missing "id-token" permission. Please add "permissions: id-token: write" to your workflow.')
    payload = base64.b64encode(json.dumps(statement(os.environ["SUBJECT"], found[1])).encode()).decode()
    envelope = {"payload": payload, "payloadType": "application/vnd.in-toto+json", "signatures": []}
    path = Path(tempfile.mkdtemp(dir=os.environ.get("RUNNER_TEMP"))) / "attestation.json"
    path.write_text(json.dumps({"dsseEnvelope": envelope}) + "\n", encoding="utf-8")
    with Path(os.environ["GITHUB_OUTPUT"]).open("a", encoding="utf-8") as outputs:
        outputs.write(f"bundle-path={path}\n")


main()
