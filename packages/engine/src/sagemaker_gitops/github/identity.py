"""How GitHub's tokens name a repository: what AWS's trust policies compare."""

from sagemaker_gitops.github.client import Repository


def subject_prefix(repository: Repository) -> str:
    """Read what the subject of the repository's OIDC tokens starts with, up to the colon before its environment.

    Repositories made since 2026-07-15 carry numbers that no renaming changes: repo:owner@1/name@2.
    """
    custom = repository.get("actions/oidc/customization/sub") or {}
    prefix = str(custom.get("sub_claim_prefix") or f"repo:{repository.name}")
    return prefix.rstrip(":")
