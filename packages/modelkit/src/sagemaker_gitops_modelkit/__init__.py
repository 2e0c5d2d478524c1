"""What runs inside a model's two images and its gates; it never talks to AWS."""
