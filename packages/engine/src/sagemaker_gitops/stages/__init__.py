"""One file a stage: run(settings, aws, options) -> StageResult; no arguments are parsed, nothing is printed.

It may import every room but cli, local and client.
"""
