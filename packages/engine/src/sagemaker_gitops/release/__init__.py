"""What serves and how it changes.

`ledger` and `state` say what must serve, `writer` and `lease` keep that safe. `strategies`, `checks` and `machine`
decide the next action of a rollout, `evidence` and `verification` measure it, `driver` carries it out in a `session`.
`variants`, `reconcile` and `status` compare and repair. It may import aws, build, project and stacks.
"""
