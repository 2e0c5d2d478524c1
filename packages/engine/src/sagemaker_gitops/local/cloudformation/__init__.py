"""The embedded AWS's CloudFormation: every resource through its service's own API, or a loud refusal."""
