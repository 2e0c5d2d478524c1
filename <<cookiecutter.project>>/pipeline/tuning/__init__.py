"""Hyperparameter tuning: which values to try, and what to make of the trials."""
