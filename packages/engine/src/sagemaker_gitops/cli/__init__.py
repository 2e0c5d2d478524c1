"""Commands, options, and output for a terminal, GitHub, CodeBuild or another program.

It may import the stages and what they take.
"""
