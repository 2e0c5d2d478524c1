"""SageMaker Pipelines: the stages as a definition that SageMaker carries out by itself."""
