"""Commands, options, and output for a terminal, GitHub, CodeBuild or another program.

It may import the stages and what they take. A command imports its stage when it runs, inside its function: so `--help`
and completion import no stage, and a command waits for nothing that another one needs.
"""
