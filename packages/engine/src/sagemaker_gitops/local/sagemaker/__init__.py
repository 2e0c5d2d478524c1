"""SageMaker: jobs, models, endpoints, pipelines, feature groups."""
