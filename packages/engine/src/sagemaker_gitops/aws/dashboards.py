"""CloudWatch dashboards."""

from typing import TYPE_CHECKING

import botocore.exceptions

from sagemaker_gitops.aws.session import aws_errors, error_code

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient

_MISSING = frozenset({"ResourceNotFound", "DashboardNotFoundError"})


class Dashboards:
    """Dashboards by name."""

    def __init__(self, client: "CloudWatchClient") -> None:
        self._client = client

    def put(self, name: str, body: str) -> str:
        """Create a dashboard, or replace what it shows; return AWS's refusal, if it is one."""
        try:
            self._client.put_dashboard(DashboardName=name, DashboardBody=body)
        except (botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError) as err:
            return str(err)
        return ""

    @aws_errors()
    def delete(self, name: str) -> None:
        """Delete a dashboard; one that is gone already is no error."""
        try:
            self._client.delete_dashboards(DashboardNames=[name])
        except botocore.exceptions.ClientError as err:
            if error_code(err) not in _MISSING:
                raise
