"""All that is in an account, found by asking each service for its lists."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jmespath

# By service: how each kind of thing is listed, and what names it.
_LISTS: Mapping[str, Mapping[str, str]] = {
    "cloudfront": {
        "list_distributions": "DistributionList.Items[].Id",
        "list_functions": "FunctionList.Items[].Name",
        "list_origin_access_controls": "OriginAccessControlList.Items[].Name",
    },
    "cloudwatch": {
        "describe_alarms": "[MetricAlarms[].AlarmName, CompositeAlarms[].AlarmName][]",
        "list_dashboards": "DashboardEntries[].DashboardName",
    },
    "dynamodb": {"list_tables": "TableNames", "list_backups": "BackupSummaries[].BackupArn"},
    "ec2": {
        "describe_addresses": "Addresses[].AllocationId",
        "describe_internet_gateways": "InternetGateways[].InternetGatewayId",
        "describe_nat_gateways": "NatGateways[].NatGatewayId",
        "describe_network_interfaces": "NetworkInterfaces[].NetworkInterfaceId",
        "describe_route_tables": "RouteTables[].RouteTableId",
        "describe_security_groups": "SecurityGroups[].GroupId",
        "describe_security_group_rules": "SecurityGroupRules[].SecurityGroupRuleId",
        "describe_subnets": "Subnets[].SubnetId",
        "describe_vpc_endpoints": "VpcEndpoints[?State!='deleted'].VpcEndpointId",
        "describe_vpcs": "Vpcs[].VpcId",
    },
    "ecr": {"describe_repositories": "repositories[].repositoryName"},
    "ecs": {
        "list_clusters": "clusterArns",
        "list_task_definitions": "taskDefinitionArns",
    },
    "events": {"list_rules": "Rules[].Name"},
    "iam": {
        "list_instance_profiles": "InstanceProfiles[].Arn",
        "list_policies": "Policies[?starts_with(Arn, 'arn:aws:iam::1')].Arn",
        "list_roles": "Roles[].Arn",
        "list_users": "Users[].Arn",
    },
    "kms": {"list_aliases": "Aliases[].AliasName", "list_keys": "Keys[].KeyId"},
    "lambda": {
        "list_event_source_mappings": "EventSourceMappings[].UUID",
        "list_functions": "Functions[].FunctionName",
    },
    "logs": {"describe_log_groups": "logGroups[].logGroupName"},
    "medialive": {
        "list_channels": "Channels[].Id",
        "list_inputs": "Inputs[].Id",
    },
    "opensearch": {"list_domain_names": "DomainNames[].DomainName"},
    "rds": {
        "describe_db_cluster_parameter_groups": (
            "DBClusterParameterGroups[?!starts_with(DBClusterParameterGroupName, 'default.')]"
            ".DBClusterParameterGroupName"
        ),
        # Backups that are made by themselves go with their cluster.
        "describe_db_cluster_snapshots": (
            "DBClusterSnapshots[?SnapshotType=='manual'].DBClusterSnapshotIdentifier"
        ),
        "describe_db_clusters": "DBClusters[].DBClusterIdentifier",
        "describe_db_instances": "DBInstances[].DBInstanceIdentifier",
        "describe_db_parameter_groups": (
            "DBParameterGroups[?!starts_with(DBParameterGroupName, 'default.')]"
            ".DBParameterGroupName"
        ),
        "describe_db_subnet_groups": "DBSubnetGroups[].DBSubnetGroupName",
    },
    # Whatever else has a tag, but for what moto lists though it is gone.
    "resourcegroupstaggingapi": {
        "get_resources": (
            "ResourceTagMappingList[?!contains(ResourceARN, ':ecs:')"
            " && !contains(ResourceARN, ':cluster-snapshot:rds:')].ResourceARN"
        )
    },
    "s3": {"list_buckets": "Buckets[].Name"},
    "scheduler": {
        "list_schedule_groups": "ScheduleGroups[].Name",
        "list_schedules": "Schedules[].Name",
    },
    "secretsmanager": {"list_secrets": "SecretList[].ARN"},
    "sns": {
        "list_subscriptions": "Subscriptions[].SubscriptionArn",
        "list_topics": "Topics[].TopicArn",
    },
    "sqs": {"list_queues": "QueueUrls"},
}


def contents(client: Callable[[str], Any]) -> set[tuple[str, str, str]]:
    """All that is in the account: service, kind, and what names it."""
    found = set()
    for service, lists in _LISTS.items():
        for operation, path in lists.items():
            made = client(service)
            pages = (
                made.get_paginator(operation).paginate()
                if made.can_paginate(operation)
                else [getattr(made, operation)()]
            )
            kind = operation.partition("_")[2]
            for page in pages:
                found |= {(service, kind, name) for name in jmespath.search(path, page) or ()}
    gone = {name for service, kind, name in found if _is_gone(client, service, kind, name)}
    return {each for each in found if not any(name in each[2] for name in gone)}


def _is_gone(client: Callable[[str], Any], service: str, kind: str, name: str) -> bool:
    """Whether something is listed that nobody can use any more, or that is AWS's own."""
    if (service, kind) == ("kms", "keys"):
        kms = client("kms")
        aliases = kms.list_aliases(KeyId=name)["Aliases"]
        if any(each["AliasName"].startswith("alias/aws/") for each in aliases):
            return True
        # One waits for a week before it is deleted.
        state = kms.describe_key(KeyId=name)["KeyMetadata"]["KeyState"]
        return bool(state == "PendingDeletion")
    if (service, kind) == ("ecs", "clusters"):
        (cluster,) = client("ecs").describe_clusters(clusters=[name])["clusters"]
        return bool(cluster["status"] == "INACTIVE")
    return False
