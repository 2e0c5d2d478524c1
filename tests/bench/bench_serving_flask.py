"""What the usual scikit-learn container does: Flask, pandas, and the pickled pipeline itself."""

import os
from typing import Any

import joblib
import pandas as pd
from flask import Flask, Response, jsonify, request

app = Flask(__name__)
pipeline = joblib.load(os.environ["PIPELINE_FILE"])


@app.get("/ping")
def ping() -> Response:
    """Say that the model is there."""
    return Response(status=200)


@app.post("/invocations")
def invocations() -> Response:
    """Predict the rows of a JSON request."""
    content: dict[str, Any] = request.get_json()
    table = pd.DataFrame(content["instances"])
    probabilities = pipeline.predict_proba(table)[:, 1]
    labels = ["yes" if probability >= 0.5 else "no" for probability in probabilities]
    answers = [{"label": label, "probability": float(p)} for label, p in zip(labels, probabilities, strict=True)]
    return jsonify(predictions=answers)
