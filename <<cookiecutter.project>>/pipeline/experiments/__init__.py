"""Experiments: what was trained, with which parameters, and how good it was, kept in MLflow."""
