"""Run the gates of model/tests on one model, and read which thresholds it reached."""

import json
import subprocess
import sys
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from sagemaker_gitops.errors import Annotation, GateFailed
from sagemaker_gitops.report.markdown import inert

_MARKS_FILE = "model/config/baseline.json"
_TIMEOUT_SECONDS = 1800
_BESIDE = frozenset({"test_contract.py"})


@dataclass(frozen=True, kw_only=True)
class Mark:
    """One measured value beside its limit."""

    gate: str
    name: str
    value: float
    minimum: float | None = None
    maximum: float | None = None

    @property
    def passed(self) -> bool:
        """Tell whether the value keeps its limit."""
        return self._shortfall <= 0

    @property
    def limit(self) -> str:
        """The limit in words."""
        return f"at least {self.minimum:g}" if self.minimum is not None else f"at most {self.maximum:g}"

    @property
    def missed_by(self) -> str:
        """How far the value lies beyond its limit."""
        return f"{self._shortfall:.4g}"

    @property
    def _shortfall(self) -> float:
        if self.minimum is not None:
            return self.minimum - self.value
        return self.value - (self.maximum or 0.0)


@dataclass(frozen=True, kw_only=True)
class Failure:
    """A gate that broke for another reason than a missed threshold."""

    test: str
    file: str
    message: str


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What all gates said about one model."""

    marks: tuple[Mark, ...]
    failures: tuple[Failure, ...]
    tests: int

    @property
    def passed(self) -> bool:
        """Tell whether every gate ran and none stopped the model."""
        return self.tests > 0 and not self.failures and all(mark.passed for mark in self.marks)

    def as_json(self, **facts: str) -> bytes:
        """Write the report that register asks for."""
        marks = [asdict(mark) | {"passed": mark.passed} for mark in self.marks]
        failures = [asdict(failure) for failure in self.failures]
        report = {**facts, "passed": self.passed, "tests": self.tests, "marks": marks, "failures": failures}
        return json.dumps(report, indent=1, sort_keys=True).encode()

    def as_markdown(self) -> str:
        """Write a table for the job summary."""
        rows = [
            f"| {'✓' if mark.passed else '✗'} | {mark.gate} | {inert(mark.name)} | {mark.value:.4f} | {mark.limit} |"
            for mark in self.marks
        ]
        broken = [f"- {inert(failure.test)}: {inert(failure.message.splitlines()[0])}" for failure in self.failures]
        head = f"### test\n{self.tests} gate tests, {len(self.marks)} thresholds.\n"
        return "\n".join([head, "| | gate | threshold | value | limit |", "|---|---|---|---|---|", *rows, "", *broken])


def run(root: Path, tests: Iterable[Path], environment: Mapping[str, str]) -> Verdict:
    """Run gate files with pytest; `environment` tells them which model to judge."""
    files = list(tests)
    # The contract gate waits for a server of its own most of the time, so it runs beside the others.
    groups = [group for group in (_named(files, beside=False), _named(files, beside=True)) if group]
    with ThreadPoolExecutor() as pool:
        verdicts = list(pool.map(lambda group: _run(root, group, environment), groups))
    return Verdict(
        marks=tuple(mark for verdict in verdicts for mark in verdict.marks),
        failures=tuple(failure for verdict in verdicts for failure in verdict.failures),
        tests=sum(verdict.tests for verdict in verdicts),
    )


def _named(files: Iterable[Path], *, beside: bool) -> list[Path]:
    return [path for path in files if (path.name in _BESIDE) is beside]


def _run(root: Path, tests: Iterable[Path], environment: Mapping[str, str]) -> Verdict:
    with TemporaryDirectory() as scratch:
        report = Path(scratch) / "junit.xml"
        # xunit1 is the flavour that names each test's file.
        options = ["-q", "-p", "no:cacheprovider", f"--junitxml={report}", "-o", "junit_family=xunit1"]
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *options, *map(str, tests)],
            cwd=root,
            env={"OMP_NUM_THREADS": "1", **environment},
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_SECONDS,
            check=False,
        )
        if not report.is_file():
            raise GateFailed(
                f"the gates did not run:\n{(done.stdout + done.stderr)[-2000:]}",
                where="model/tests",
                next_step="run `pytest model/tests` and mend what it says",
            )
        return _read(report)


def paired_answers(root: Path, environment: Mapping[str, str]) -> Mapping[str, list[float] | list[list[float]]]:
    """Let the model's own code answer the same rows with two models: truth, champion and challenger."""
    with TemporaryDirectory() as scratch:
        target = Path(scratch) / "answers.json"
        done = subprocess.run(
            [sys.executable, "-m", "sagemaker_gitops_modelkit.gates.paired", str(target)],
            cwd=root,
            env={"OMP_NUM_THREADS": "1", **environment},
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_SECONDS,
            check=False,
        )
        if done.returncode:
            reason = [line for line in done.stderr.splitlines() if line.strip()][-1:] or ["it gave no reason"]
            raise GateFailed(
                f"champion and challenger cannot be compared: {reason[0]}",
                where="sagemaker_gitops_modelkit.gates.paired",
                next_step="if the champion cannot read this data, release through review instead of retraining",
            )
        answers: Mapping[str, list[float] | list[list[float]]] = json.loads(target.read_text())
        return answers


def kept(content: bytes | None, facts: Mapping[str, str]) -> Verdict | None:
    """Read a report back if it is of a model that passed under exactly these facts."""
    report = json.loads(content) if content else {}
    if not report.get("passed") or not facts.items() <= report.items():
        return None
    marks = tuple(Mark(**{name: mark[name] for name in Mark.__annotations__}) for mark in report["marks"])
    return Verdict(marks=marks, failures=(), tests=report["tests"])


def refusal(verdict: Verdict) -> GateFailed:
    """Say which thresholds were missed and by how much."""
    missed = [mark for mark in verdict.marks if not mark.passed]
    found = [
        Annotation(
            message=f"{m.gate}: {m.name} is {m.value:.4f}, must be {m.limit}: missed by {m.missed_by}", file=_MARKS_FILE
        )
        for m in missed
    ]
    found += [
        Annotation(message=f"{failure.test}: {failure.message.splitlines()[0]}", file=failure.file)
        for failure in verdict.failures
    ]
    lines = [item.message for item in found]
    error = GateFailed(
        "the model does not pass its gates:\n    " + "\n    ".join(lines or ["no gate ran"]),
        where=_MARKS_FILE,
        next_step="improve the model; whoever lowers a threshold instead must get the change reviewed",
    )
    error.summary = verdict.as_markdown()
    error.annotations = tuple(found)
    return error


def _read(report: Path) -> Verdict:
    cases = list(ElementTree.parse(report).getroot().iter("testcase"))  # noqa: S314  written by our own subprocess
    return Verdict(
        marks=tuple(mark for case in cases for mark in _marks(case)),
        failures=tuple(failure for case in cases for failure in _failures(case)),
        tests=sum(1 for case in cases if case.find("skipped") is None),
    )


def _marks(case: Element) -> list[Mark]:
    return [Mark(**json.loads(item.attrib["value"])) for item in case.iter("property") if item.attrib["name"] == "mark"]


def _failures(case: Element) -> list[Failure]:
    if not all(mark.passed for mark in _marks(case)):
        return []  # its missed mark says more than its assertion
    return [
        Failure(
            test=case.attrib["name"],
            # pytest names the file that the test's code stands in, which may be a library's.
            file=case.attrib["classname"].replace(".", "/") + ".py",
            message=node.attrib.get("message") or (node.text or "").strip()[-500:] or "failed",
        )
        for node in (*case.iter("failure"), *case.iter("error"))
    ]
