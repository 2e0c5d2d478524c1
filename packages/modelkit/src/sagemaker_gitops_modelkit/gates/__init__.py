"""What the gates measure: functions from a model and its data to figures, which baseline.json bounds."""
