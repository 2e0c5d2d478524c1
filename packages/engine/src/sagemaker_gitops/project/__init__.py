"""What a project says of itself: configuration, settings, Git, documents, contract checks, linters.

It imports errors alone.
"""
