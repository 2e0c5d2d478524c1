"""What serves and how it changes: state, ledger, machine, strategies, checks, driver, lease, reconcile, status.

It may import aws, stacks and project.
"""
