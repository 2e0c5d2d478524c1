"""CloudFormation: which stacks an environment has, their parameters, alarms, dashboard and cost.

It may import project.
"""
