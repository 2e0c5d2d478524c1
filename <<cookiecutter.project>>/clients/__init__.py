"""What an application that calls the model may copy: Python's standard library and boto3, nothing of this project."""
