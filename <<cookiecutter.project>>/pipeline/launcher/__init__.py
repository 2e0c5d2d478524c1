"""Training jobs started by the SageMaker SDK, for who wants its ModelTrainer in the way."""
