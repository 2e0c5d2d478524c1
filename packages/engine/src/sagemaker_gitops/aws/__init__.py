"""The only importers of boto3: thin, typed, fed with plain values. It imports errors and the callers' client alone."""
