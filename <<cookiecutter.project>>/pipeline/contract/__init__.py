"""What callers and the model agree on: configuration, schema, data and the API description."""
