"""What an application that calls the model installs: boto3 and Python's standard library alone."""
