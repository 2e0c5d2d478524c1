"""CloudWatch: alarms, dashboards and log groups."""

from collections.abc import Mapping

from sagemaker_gitops.local.cloudformation.kinds.kind import Kind, present
from sagemaker_gitops.local.server.clients import Api
from sagemaker_gitops.local.server.context import Document

# CloudFormation's property names are PutMetricAlarm's parameter names.
_ALARM = frozenset(
    {
        "AlarmName",
        "AlarmDescription",
        "ActionsEnabled",
        "AlarmActions",
        "OKActions",
        "InsufficientDataActions",
        "Namespace",
        "MetricName",
        "Dimensions",
        "Statistic",
        "ExtendedStatistic",
        "Unit",
        "Period",
        "EvaluationPeriods",
        "DatapointsToAlarm",
        "Threshold",
        "ComparisonOperator",
        "TreatMissingData",
        "EvaluateLowSampleCountPercentile",
        "Metrics",
    }
)


class Alarm(Kind):
    """AWS::CloudWatch::Alarm."""

    type = "AWS::CloudWatch::Alarm"
    properties = _ALARM | {"Tags"}
    replacing = frozenset({"AlarmName"})
    name = "AlarmName"
    tagged = True

    def create(self, api: Api, properties: Document) -> str:
        """PutMetricAlarm."""
        api.call("cloudwatch", "put_metric_alarm", **properties)
        return str(properties["AlarmName"])

    def update(self, api: Api, identifier: str, *, before: Document, after: Document) -> None:
        """PutMetricAlarm, TagResource."""
        api.call("cloudwatch", "put_metric_alarm", **{k: v for k, v in after.items() if k != "Tags"})
        arn = self.attributes(api, identifier)["Arn"]
        api.call("cloudwatch", "tag_resource", ResourceARN=arn, Tags=after.get("Tags", []))

    def read(self, api: Api, identifier: str) -> Document | None:
        """DescribeAlarms, ListTagsForResource."""
        found = api.call("cloudwatch", "describe_alarms", AlarmNames=[identifier])["MetricAlarms"]
        if not found:
            return None
        alarm = found[0]
        tags = api.call("cloudwatch", "list_tags_for_resource", ResourceARN=alarm["AlarmArn"])["Tags"]
        return {**present(alarm, *_ALARM), "Tags": tags}

    def delete(self, api: Api, identifier: str) -> None:
        """DeleteAlarms."""
        api.call("cloudwatch", "delete_alarms", AlarmNames=[identifier])

    def attributes(self, api: Api, identifier: str) -> Mapping[str, str]:
        """Return the alarm's ARN."""
        alarms = api.call("cloudwatch", "describe_alarms", AlarmNames=[identifier])["MetricAlarms"]
        return {"Arn": alarms[0]["AlarmArn"]}


class Dashboard(Kind):
    """AWS::CloudWatch::Dashboard."""

    type = "AWS::CloudWatch::Dashboard"
    properties = frozenset({"DashboardName", "DashboardBody"})
    replacing = frozenset({"DashboardName"})
    name = "DashboardName"

    def create(self, api: Api, properties: Document) -> str:
        """PutDashboard."""
        api.call("cloudwatch", "put_dashboard", **properties)
        return str(properties["DashboardName"])

    def update(self, api: Api, identifier: str, *, before: Document, after: Document) -> None:
        """PutDashboard."""
        api.call("cloudwatch", "put_dashboard", **after)

    def read(self, api: Api, identifier: str) -> Document | None:
        """GetDashboard."""
        answer = api.find("cloudwatch", "get_dashboard", DashboardName=identifier)
        return None if answer is None else present(answer, "DashboardName", "DashboardBody")

    def delete(self, api: Api, identifier: str) -> None:
        """DeleteDashboards."""
        api.call("cloudwatch", "delete_dashboards", DashboardNames=[identifier])


class LogGroup(Kind):
    """AWS::Logs::LogGroup."""

    type = "AWS::Logs::LogGroup"
    properties = frozenset({"LogGroupName", "RetentionInDays", "KmsKeyId", "Tags"})
    replacing = frozenset({"LogGroupName"})
    name = "LogGroupName"
    tagged = True

    def create(self, api: Api, properties: Document) -> str:
        """CreateLogGroup, PutRetentionPolicy."""
        name = str(properties["LogGroupName"])
        key = {"kmsKeyId": properties["KmsKeyId"]} if "KmsKeyId" in properties else {}
        api.call("logs", "create_log_group", logGroupName=name, tags=_tags(properties), **key)
        self._retain(api, name, properties)
        return name

    def update(self, api: Api, identifier: str, *, before: Document, after: Document) -> None:
        """PutRetentionPolicy, AssociateKmsKey, TagResource."""
        self._retain(api, identifier, after)
        if (key := after.get("KmsKeyId")) and key != before.get("KmsKeyId"):
            api.call("logs", "associate_kms_key", logGroupName=identifier, kmsKeyId=key)
        if tags := _tags(after):
            api.call("logs", "tag_resource", resourceArn=self._arn(api, identifier), tags=tags)

    def read(self, api: Api, identifier: str) -> Document | None:
        """DescribeLogGroups, ListTagsForResource."""
        groups = api.every("logs", "describe_log_groups", "logGroups", logGroupNamePrefix=identifier)
        for group in groups:
            if group["logGroupName"] == identifier:
                tags = api.call("logs", "list_tags_for_resource", resourceArn=self._arn(api, identifier))["tags"]
                found = {"RetentionInDays": group.get("retentionInDays"), "KmsKeyId": group.get("kmsKeyId")}
                listed = [{"Key": key, "Value": value} for key, value in tags.items()]
                return {"LogGroupName": identifier, **{k: v for k, v in found.items() if v}, "Tags": listed}
        return None

    def delete(self, api: Api, identifier: str) -> None:
        """DeleteLogGroup."""
        api.call("logs", "delete_log_group", logGroupName=identifier)

    def attributes(self, api: Api, identifier: str) -> Mapping[str, str]:
        """Return the group's ARN, which ends with a star."""
        return {"Arn": f"{self._arn(api, identifier)}:*"}

    def _arn(self, api: Api, name: str) -> str:
        return f"arn:aws:logs:{api.place.region}:{api.place.account}:log-group:{name}"

    def _retain(self, api: Api, name: str, properties: Document) -> None:
        if days := properties.get("RetentionInDays"):
            api.call("logs", "put_retention_policy", logGroupName=name, retentionInDays=int(days))


def _tags(properties: Document) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in properties.get("Tags", [])}
