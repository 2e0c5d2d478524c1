"""Commands of `python -m pipeline` that cli.py adds in groups."""
