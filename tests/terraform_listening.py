"""Fargate's part in an applied account: the listeners' containers, run as their tasks say.

A container has the task's own command and variables, but for two things: the streams that it
follows, which no test can promise, are another server's, and it spools into the test's folder.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cloud_material import environment
from terraform_cloud import Line, arn, line_to
from terraform_permissions import Need, needs

_SPOOL = "/tmp/spool"


@dataclass(frozen=True)
class Task:
    """A task that a service runs, and the way by which its container comes to the cloud."""

    definition: Mapping[str, Any]
    line: Line

    @property
    def container(self) -> dict[str, Any]:
        """The only container's definition."""
        (container,) = self.definition["containerDefinitions"]
        return dict(container)

    @property
    def variables(self) -> dict[str, str]:
        """The container's variables."""
        return {each["name"]: each["value"] for each in self.container["environment"]}

    @property
    def stations(self) -> dict[str, dict[str, str]]:
        """The stations that it listens to."""
        stations: dict[str, dict[str, str]] = json.loads(self.variables["SONGID_STATIONS"])
        return stations

    def needs_by_role(self) -> dict[str, list[Need]]:
        """What must be allowed: to the container, by what it asked for, and to who starts it."""
        repository = self.container["image"].partition("/")[2].partition("@")[0]
        group = self.container["logConfiguration"]["options"]["awslogs-group"]
        stream = arn("logs", f"log-group:{group}:log-stream:listen/listen/1")
        image = arn("ecr", f"repository/{repository}")
        pull = ("BatchCheckLayerAvailability", "BatchGetImage", "GetDownloadUrlForLayer")
        return {
            _role(self.definition["taskRoleArn"]): [
                need for asked in self.line.asked for need in needs(asked)
            ],
            _role(self.definition["executionRoleArn"]): [
                Need("ecr:GetAuthorizationToken", "*"),
                *(Need(f"ecr:{action}", image) for action in pull),
                Need("logs:CreateLogStream", stream),
                Need("logs:PutLogEvents", stream),
            ],
        }


def _role(role_arn: str) -> str:
    return role_arn.rpartition("/")[2]


def tasks(client: Callable[[str], Any]) -> list[dict[str, Any]]:
    """The definitions of the tasks that services are to run."""
    ecs = client("ecs")
    found = []
    for cluster in ecs.list_clusters()["clusterArns"]:
        services = ecs.list_services(cluster=cluster)["serviceArns"]
        told = ecs.describe_services(cluster=cluster, services=services)["services"]
        for each in told:
            assert each["desiredCount"] == 1
            definition = each["taskDefinition"]
            answer = ecs.describe_task_definition(taskDefinition=definition)
            found.append(answer["taskDefinition"])
    return found


@contextmanager
def listening(
    client: Callable[[str], Any], endpoint: str, folder: Path, sources: Callable[[str], str]
) -> Iterator[list[Task]]:
    """Run all services' containers until the block ends; `sources` gives stations' streams."""
    with ExitStack() as stack:
        running = []
        for number, definition in enumerate(tasks(client)):
            task = Task(definition, stack.enter_context(line_to(endpoint)))
            place = folder / f"task-{number}"
            place.mkdir()
            stack.enter_context(_container(task, place, sources))
            running.append(task)
        yield running


@contextmanager
def _container(task: Task, place: Path, sources: Callable[[str], str]) -> Iterator[None]:
    python, *module = task.container["entryPoint"]
    assert Path(python).name == "python"
    command = [part.replace(_SPOOL, str(place / "spool")) for part in task.container["command"]]
    stations = {
        name: {**station, "source": sources(name)} for name, station in task.stations.items()
    }
    surroundings = {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        **environment(task.line.address),
        **task.variables,
        "SONGID_STATIONS": json.dumps(stations),
    }
    with (place / "output").open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, *module, *command],
            cwd=place,
            env=surroundings,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        yield
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0, (place / "output").read_text()
    finally:
        process.kill()
        process.wait()
