"""baseline.json for a model that never had one: each threshold from a first fit's figure and its standard error."""

import json
import math
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sagemaker_gitops.errors import TrainingFailed

Figures = Mapping[str, Mapping[str, Mapping[str, float]]]
Limits = dict[str, dict[str, Any]]

# Of each task's metrics those that say most; the others are written into metrics.json all the same.
QUALITY = {
    "binary": ("accuracy", "precision", "recall", "roc_auc"),
    "multiclass": ("accuracy", "macro_f1", "log_loss", "worst_class_recall"),
    "regression": ("mae", "rmse", "r2"),
}
LOWER_IS_BETTER = frozenset({"log_loss", "mae", "rmse"})
# What a society or a statistician sets, and no first fit.
_FAIR: Limits = {
    "disparate_impact_ratio": {
        "minimum": 0.8,
        "source": "four-fifths rule: Uniform Guidelines on Employee Selection Procedures, 29 CFR 1607.4(D)",
    },
    "demographic_parity_difference": {
        "maximum": 0.2,
        "source": "the four-fifths rule for a group that always gets the favourable outcome",
    },
    "equal_opportunity_difference": {
        "maximum": 0.15,
        "source": "Hardt, Price and Srebro, Equality of Opportunity in Supervised Learning, 2016",
    },
    "mean_error_difference": {"maximum": 0.2, "source": "a small effect by Cohen, Statistical Power Analysis, 1988"},
    "mae_ratio": {"minimum": 0.8, "source": "the four-fifths rule, applied to errors"},
    "smallest_group_rows": {"minimum": 50, "source": "below it the standard error of a rate passes 0.07"},
}
# A feature that alone tells this much is rather the answer under another name.
_DISGUISE, _THE_ANSWER = 0.95, 0.995
_TIMEOUT_SECONDS = 1800


@dataclass(frozen=True, kw_only=True)
class Thresholds:
    """baseline.json's content, and what a person must look at before it counts."""

    document: dict[str, Limits]
    doubts: tuple[str, ...]


def measure(root: Path, *, model: Path, data: Path) -> Figures:
    """Let the modelkit measure a model's figures and their standard errors."""
    with TemporaryDirectory() as scratch:
        target = Path(scratch) / "figures.json"
        done = subprocess.run(
            [sys.executable, "-m", "sagemaker_gitops_modelkit.gates.first_figures", str(target)],
            cwd=root,
            env={"OMP_NUM_THREADS": "1", "MODEL_DIR": str(model), "DATA_DIR": str(data), "PROJECT_ROOT": str(root)},
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_SECONDS,
            check=False,
        )
        if done.returncode:
            reason = [line for line in done.stderr.splitlines() if line.strip()][-1:] or ["it gave no reason"]
            raise TrainingFailed(
                f"the first model cannot be measured: {reason[0]}",
                where="sagemaker_gitops_modelkit.gates.first_figures",
                next_step="bring more rows, or name another --target",
            )
        figures: Figures = json.loads(target.read_text(encoding="utf-8"))
        return figures


def propose(figures: Figures, task: str) -> Thresholds:
    """Set every gate's thresholds."""
    quality = {name: figures["quality"][name] for name in QUALITY[task]}
    held_out = f"{figures['rows']['held_out']['value']:g} rows"
    drops: Limits = {name: {"maximum_drop": _up(measured["standard_error"])} for name, measured in quality.items()}
    bias: Limits = {name: _FAIR[name] for name in figures["bias"] if name in _FAIR}
    document: dict[str, Limits] = {
        "quality": {name: _reached(name, measured, held_out) for name, measured in quality.items()},
        "against_champion": drops,
        "no_forgetting": drops,
        **({"bias": bias} if bias else {}),
        "data_quality": _data(figures),
        "robustness": _robustness(figures["robustness"]),
        "artefact": {"metrics_max_difference": {"maximum": 0.000001}},
    }
    missed = [f"the first model misses bias.{name}: {_told(figures, name)}" for name in bias if _misses(figures, name)]
    return Thresholds(document=document, doubts=(*missed, *_leak(figures["data_quality"])))


def _reached(name: str, measured: Mapping[str, float], rows: str) -> dict[str, Any]:
    value, error = measured["value"], measured["standard_error"]
    low = name in LOWER_IS_BETTER
    limit = {"maximum": _up(value + error)} if low else {"minimum": _down(value - error)}
    side = "above" if low else "below"
    return {**limit, "reason": f"one standard error ({error:.2g} on {rows}) {side} the first model's {value:.3g}"}


def _data(figures: Figures) -> Limits:
    found = figures["data_quality"]
    alone, rows = found["best_single_feature_auc"]["value"], found["rows"]["value"]
    disguise: dict[str, Any] = {"maximum": _DISGUISE}
    if alone > _DISGUISE:
        limit, reason = min(_THE_ANSWER, _up(alone + 0.005)), f"the first data set's best feature reaches {alone:.3f}"
        disguise = {"maximum": limit, "reason": reason}
    return {
        "rows": {"minimum": rows // 2, "reason": f"half of the first data set's {rows:g}"},
        **{name: {"maximum": 0} for name in ("type_violations", "range_violations", "category_violations")},
        "worst_missing_share": {
            "maximum": _up(min(1.0, found["worst_missing_share"]["value"] + 0.05)),
            "reason": f"a twentieth more than the first data set's {found['worst_missing_share']['value']:.2g}",
        },
        "duplicate_ids": {"maximum": 0},
        "duplicate_row_share": {"maximum": _up(max(0.01, 1.5 * found["duplicate_row_share"]["value"]))},
        "leaking_columns": {"maximum": 0},
        "best_single_feature_auc": disguise,
    }


def _leak(found: Mapping[str, Mapping[str, float]]) -> tuple[str, ...]:
    alone = found["best_single_feature_auc"]["value"]
    if alone <= _DISGUISE:
        return ()
    return (f"one feature alone tells the answer (AUC {alone:.3f}): make sure that it is known before the answer is",)


def _robustness(found: Mapping[str, Mapping[str, float]]) -> Limits:
    flips: Limits = {
        name: {
            "maximum": _up(min(1.0, found[name]["value"] + max(0.03, found[name]["standard_error"]))),
            "reason": f"the first model's {found[name]['value']:.2g}, and its standard error or 0.03",
        }
        for name in ("missing_value_flip_share", "unseen_category_flip_share")
    }
    still: Limits = {name: {"maximum": 0.000001} for name in ("row_order_max_difference", "batch_size_max_difference")}
    return {"invalid_answers": {"maximum": 0}, **flips, **still}


def _misses(figures: Figures, name: str) -> bool:
    value, limit = figures["bias"][name]["value"], _FAIR[name]
    return bool(value < limit.get("minimum", -math.inf) or value > limit.get("maximum", math.inf))


def _told(figures: Figures, name: str) -> str:
    kind = "minimum" if "minimum" in _FAIR[name] else "maximum"
    return f"{figures['bias'][name]['value']:.3g}, {kind} {_FAIR[name][kind]:g}"


def _up(value: float) -> float:
    """Round up to three digits."""
    return -_down(-value)


def _down(value: float) -> float:
    """Round down to three digits."""
    if value == 0:
        return 0.0
    step = 10.0 ** (math.floor(math.log10(abs(value))) - 2)
    return float(f"{math.floor(value / step + 1e-9) * step:.12g}")
