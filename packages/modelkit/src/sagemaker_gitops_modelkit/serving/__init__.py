"""Serving by SageMaker's contract: the server of an exported model, and the decoders of what it is asked."""
