"""The SageMaker plane: jobs, models, endpoints, pipelines, feature groups."""
