"""IAM as AWS decides: every call of a role held against its policies, its boundary and the resource's policy."""
