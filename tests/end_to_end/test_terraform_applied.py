"""What Terraform makes of an account, made for real and then used: nothing here is set up by hand.

Each example is applied once, by the real provider, to a cloud of its own. What is then done
is what a user does (tests/terraform_day.py) and what AWS does (tests/terraform_account.py).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import postgres_material
import pytest
import terraform_checks as checks
from moto.events.models import EventPattern
from small_material import title
from terraform_account import Account
from terraform_accounts import Accounts
from terraform_contents import contents
from terraform_day import AIRED, KNOWN, SEGMENT_S, Day, Live, go_live, settings_of, spend_day
from terraform_events import NO_JOBS, STARTS_A_JOB, deleted, event, pattern_of
from terraform_material import (
    Configuration,
    changes,
    example_names,
    one,
    resources,
    terraform_or_skip,
)
from terraform_permissions import Need, allows, rights

from songid.model import Job
from songid.settings import Settings
from songid.stations import job_at, parse_segment_name

EXAMPLES = example_names()
CHANNELS = [each for each in EXAMPLES if "medialive = {" in Configuration.source(each)]
LISTENING = [each for each in EXAMPLES if "https://streams." in Configuration.source(each)]


@pytest.fixture(scope="module")
def accounts(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Accounts]:
    """The examples that tests were chosen of, applied side by side, which is mostly waiting."""
    terraform = terraform_or_skip(postgres_material.session_folder(tmp_path_factory))
    chosen = {
        item.callspec.params.get("account")
        for item in request.session.items
        if isinstance(item, pytest.Function) and hasattr(item, "callspec")
    }
    names = [name for name in EXAMPLES if name in chosen]
    with Accounts(terraform, tmp_path_factory.mktemp("accounts"), names) as accounts:
        yield accounts


@pytest.fixture(params=EXAMPLES)
def account(request: pytest.FixtureRequest, accounts: Accounts) -> Account:
    """An account to which an example was applied."""
    return accounts.get(request.param)


# -- a day in it ----------------------------------------------------------------------


@pytest.fixture
def day(accounts: Accounts, account: Account) -> Day:
    """A day of use: songs, files, a station with a poisoned segment, and every schedule."""
    return accounts.once(account, spend_day)


def test_a_file_put_into_the_bucket_is_answered_beside_it(day: Day) -> None:
    answer = json.loads(day.account.content(day.answered))
    assert [play["title"] for play in answer["plays"]] == [title(2)]
    another = json.loads(day.account.content(f"{day.namesake}.json"))
    assert [play["title"] for play in another["plays"]] == [title(3)]


def test_plays_of_a_station_arrive_in_the_queue_behind_the_topic(day: Day) -> None:
    bodies = [json.loads(each["Body"]) for each in day.results]  # raw: no envelope of the topic's
    assert {body["station"] for body in bodies} == {day.station}
    told = Counter((body["event"], body["event_id"]) for body in bodies)
    assert set(told.values()) == {1}
    started = sorted(
        (body["metadata"]["timestamp_utc"], body["metadata"]["title"])
        for body in bodies
        if body["event"] == "play_started"
    )
    assert [each for _, each in started] == [title(seed) for seed in AIRED if seed in KNOWN]
    wanted = day.account.settings["SONGID_SINKS"]
    kinds = {"heard", "play_started", "play_ended"}
    assert {kind for kind, _ in told} == {kind for kind in kinds if kind in wanted}


def test_the_schedules_payloads_render_the_days_report(day: Day) -> None:
    account, local = day.account, day.began.date()
    known = day.settings.stations
    assert {name.removeprefix("report-") for name in day.answers if "report-" in name} == set(known)
    written = [
        key for key in account.objects("reports/") if day.station in key and f"{local}" in key
    ]
    report = json.loads(account.content(next(key for key in written if key.endswith(".json"))))
    assert [play["title"] for play in report["plays"]] == [
        title(seed) for seed in AIRED if seed in KNOWN
    ]
    page = account.content(next(key for key in written if key.endswith(".html"))).decode()
    shown = known[day.station].title if day.station in known else day.station
    assert title(1) in page and shown in page
    assert "reports/index.html" in account.objects("reports/")


def test_a_poison_file_ends_in_the_dead_letter_queue(day: Day) -> None:
    (letter,) = day.letters
    assert json.loads(letter["Body"])["item"]["name"] == day.poison
    assert letter["MessageAttributes"]["reason"]["StringValue"]
    assert day.account.received(day.account.jobs) == []


def test_a_message_that_fails_again_and_again_ends_there_too(day: Day) -> None:
    account, sqs = day.account, day.account.client("sqs")
    policy = json.loads(account.queue_attributes(account.jobs)["RedrivePolicy"])
    assert int(policy["maxReceiveCount"]) >= 6  # songid's own patience is shorter
    sqs.send_message(QueueUrl=account.jobs, MessageBody="{}")
    for _ in range(int(policy["maxReceiveCount"]) + 1):
        got = sqs.receive_message(QueueUrl=account.jobs, WaitTimeSeconds=0).get("Messages", ())
        for each in got:
            about = {"QueueUrl": account.jobs, "ReceiptHandle": each["ReceiptHandle"]}
            sqs.change_message_visibility(VisibilityTimeout=0, **about)
    assert [each["Body"] for each in account.received(account.dead_letters)] == ["{}"]


# -- a stream in it -------------------------------------------------------------------


@pytest.fixture
def live(accounts: Accounts, day: Day) -> Live:
    """A minute on the air of all stations that the example has streams of."""
    return accounts.once(day.account, go_live)


@pytest.mark.parametrize("account", LISTENING, indirect=True)
def test_listeners_bring_their_stations_streams_the_same_way(live: Live) -> None:
    stations = {station for task in live.tasks for station in task.stations}
    started = {
        (each["station"], each["metadata"]["title"])
        for each in live.results
        if each["event"] == "play_started"
    }
    for station in stations:
        assert {heard for where, heard in started if where == station} & set(map(title, KNOWN))


# -- what it is like ------------------------------------------------------------------


def test_the_functions_variables_are_the_settings_that_are_meant(account: Account) -> None:
    settings = settings_of(account)
    assert settings.inbox == f"s3://{account.bucket}"
    assert settings.reports == f"s3://{account.bucket}/reports"
    assert settings.function.dead_letters == f"sqs:{account.dead_letters}"
    assert settings.function.continue_to == f"sqs:{account.jobs}"
    assert settings.sinks[0].startswith("sns:arn:aws:sns:")
    meant = checks.MEANT[account.configuration.name]
    stations = {
        name: (each.timezone or settings.timezone, each.title)
        for name, each in settings.stations.items()
    }
    assert stations == meant.stations
    assert settings.store.startswith(meant.store)
    told = {key: _at(settings, key) for key in meant.settings}
    assert told == dict(meant.settings)


def _at(settings: Settings, key: str) -> Any:
    value: Any = settings
    for part in key.split("."):
        value = getattr(value, part)
    return value


@pytest.mark.parametrize("key", STARTS_A_JOB)
def test_what_the_rule_lets_through(account: Account, key: str) -> None:
    assert _pattern(account).matches_event(event(account.bucket, key))


def test_what_the_rule_holds_back(account: Account) -> None:
    pattern = _pattern(account)
    for key in NO_JOBS:
        assert not pattern.matches_event(event(account.bucket, key)), key
    for key in STARTS_A_JOB:
        assert not pattern.matches_event(event("another-bucket", key))
        assert not pattern.matches_event(deleted(account.bucket, key))
        assert not pattern.matches_event({**event(account.bucket, key), "source": "my.own"})


def _pattern(account: Account) -> EventPattern:
    (rule,) = account.client("events").list_rules()["Rules"]
    return pattern_of(rule["EventPattern"])


def test_a_message_is_hidden_for_six_times_as_long_as_the_function_may_take(
    account: Account,
) -> None:
    timeout_s = account.functions.configuration(account.function)["Timeout"]
    hidden_s = int(account.queue_attributes(account.jobs)["VisibilityTimeout"])
    assert hidden_s >= 6 * timeout_s


# -- who may do what ------------------------------------------------------------------


def test_each_role_may_do_what_is_done_in_it_and_nothing_else(day: Day, live: Live) -> None:
    account, functions = day.account, day.account.functions
    done: dict[str, list[Need]] = {
        **{
            functions.role_of(name): functions.needed(name) + functions.needed_by_lambda(name)
            for name in functions.names()
        },
        **_needs_of_schedules(account),
        **_needs_of_channels(account),
    }
    for task in live.tasks:
        for role, wanted in task.needs_by_role().items():
            done[role] = done.get(role, []) + wanted
    assert set(done) == set(account.roles())
    for role, wanted in done.items():
        allowed = account.rights(role)
        unmet = allowed.unmet(wanted)
        assert not unmet, f"{role} does this, and may not: {unmet}"
        unused = allowed.unused(wanted)
        rows = checks.unseen_in(account.configuration.name, role)
        unexplained = [
            f"{each.action} {each.resource}"
            for each in unused
            if not any(row.is_about(each) for row in rows)
        ]
        assert not unexplained, f"{role} may do this, and nothing does it: {unexplained}"
        idle = [row for row in rows if not any(map(row.is_about, unused))]
        assert not idle, f"{role} is seen to do this, or may not: it needs no explanation: {idle}"


def _needs_of_schedules(account: Account) -> dict[str, list[Need]]:
    targets = [each["Target"] for each in account.schedules().values()]
    (role,) = {target["RoleArn"].rpartition("/")[2] for target in targets}
    wanted = [Need("lambda:InvokeFunction", target["Arn"]) for target in targets]
    wanted += [Need("sqs:SendMessage", target["DeadLetterConfig"]["Arn"]) for target in targets]
    return {role: wanted}


def _needs_of_channels(account: Account) -> dict[str, list[Need]]:
    """What MediaLive does for channels, which are planned only."""
    place = f"arn:aws:s3:::{account.bucket}/songs_to_check/streams"
    return {
        f"{account.installation}-medialive": [
            Need(action, f"{place}/{station}_20260131T174624.000002.ts")
            for action in ("s3:PutObject", "s3:AbortMultipartUpload")
        ]
        for station in checks.MEANT[account.configuration.name].channels
    }


def test_no_role_may_do_all_of_anything_nor_anything_to_all(account: Account) -> None:
    for role in account.roles():
        for grant in account.rights(role).allowed:
            assert "*" not in grant.action, (role, grant)
            assert grant.resource != "*" or checks.needs_no_resource(grant.action), (role, grant)


def test_only_the_rule_fills_the_queue_and_only_the_topic_the_results(account: Account) -> None:
    (rule,) = account.client("events").list_rules()["Rules"]
    (target,) = account.client("events").list_targets_by_rule(Rule=rule["Name"])["Targets"]
    assert target["Arn"] == account.mapping["EventSourceArn"]
    state = account.state
    subscriptions = [
        each["values"]
        for each in resources(state, "aws_sns_topic_subscription")
        if each["values"]["protocol"] == "sqs"
    ]
    ways = [("events.amazonaws.com", rule["Arn"], target["Arn"])]
    ways += [("events.amazonaws.com", rule["Arn"], target["DeadLetterConfig"]["Arn"])]
    for each in subscriptions:
        last = json.loads(each["redrive_policy"])["deadLetterTargetArn"]
        for queue in (each["endpoint"], last):
            ways.append(("sns.amazonaws.com", each["topic_arn"], queue))
    for service, source, queue in ways:
        policy = account.queue_attributes(account.queue_url(queue))["Policy"]
        send = Need("sqs:SendMessage", queue)
        assert allows(policy, service, send, {"aws:SourceArn": source})
        assert not allows(policy, service, send, {"aws:SourceArn": source + "x"})
        assert not allows(policy, service, send, {})


def test_no_service_may_be_made_to_act_for_a_stranger(account: Account) -> None:
    assert checks.open_to_strangers(account.state) == []


def test_the_bucket_is_closed_to_the_public_and_to_whoever_comes_without_tls(
    account: Account,
) -> None:
    s3 = account.client("s3")
    policy = s3.get_bucket_policy(Bucket=account.bucket)["Policy"]
    closed = rights([policy]).denied
    for action, resource in (
        ("s3:GetObject", f"arn:aws:s3:::{account.bucket}/reports/index.html"),
        ("s3:PutObject", f"arn:aws:s3:::{account.bucket}/songs_to_index/1.mp3"),
        ("s3:ListBucket", f"arn:aws:s3:::{account.bucket}"),
    ):
        for tls, is_closed in (("false", True), ("true", False)):
            need = Need(action, resource, (("aws:SecureTransport", tls),))
            assert any(each.gives(need) for each in closed) is is_closed
    block = s3.get_public_access_block(Bucket=account.bucket)["PublicAccessBlockConfiguration"]
    assert len(block) == 4 and all(block.values())


def test_every_queue_has_a_dead_letter_queue_and_so_has_whoever_sends(account: Account) -> None:
    assert checks.without_dead_letters(account.state) == []


# -- again, and all of it -------------------------------------------------------------


@pytest.fixture
def plan(accounts: Accounts, day: Day) -> dict[str, Any]:
    """A second plan, with what moto cannot do beside what was applied and used."""
    return accounts.once(day.account, plan_of_all)


def plan_of_all(account: Account) -> dict[str, Any]:
    """A plan of what is there, and of what moto cannot do."""
    return account.configuration.plan_of_all()


def test_a_second_plan_changes_nothing_but_what_moto_forgets_and_cannot_do(
    plan: dict[str, Any],
) -> None:
    updates, others = changes(plan)
    not_applied = checks.not_applied(plan)
    updated_only = {kind for kind, action in not_applied if action == "update"}
    assert {each for each in updates if each[0] not in updated_only} == checks.forgotten(plan)
    assert others | {(kind, "update") for kind in updated_only} == not_applied
    (told,) = plan["output_changes"].values()
    changed = {name for name in told["after"] if told["after"][name] != told["before"][name]}
    assert changed <= {"medialive_channels"}


def test_everything_is_encrypted(plan: dict[str, Any]) -> None:
    assert checks.unencrypted(plan) == []
    assert checks.of_unknown_encryption(plan) == set()


def test_everything_is_tagged(day: Day, plan: dict[str, Any]) -> None:
    assert checks.untagged(plan, {"songid": day.account.installation}) == []


def test_the_bill_is_watched(plan: dict[str, Any]) -> None:
    budget = one(plan, "aws_budgets_budget")["values"]
    assert budget["time_unit"] == "MONTHLY" and float(budget["limit_amount"]) > 0
    kinds = {each["notification_type"] for each in budget["notification"]}
    assert kinds == {"ACTUAL", "FORECASTED"}


@pytest.mark.parametrize("account", CHANNELS, indirect=True)
def test_medialive_would_write_segments_that_songid_reads_as_its_stations(
    day: Day, plan: dict[str, Any]
) -> None:
    channels = resources(plan, "aws_medialive_channel")
    assert {each["index"] for each in channels} == set(checks.MEANT["everything"].channels)
    for channel in channels:
        values = channel["values"]
        (output,) = values["encoder_settings"][0]["output_groups"]
        (group,) = output["output_group_settings"][0]["archive_group_settings"]
        assert group["rollover_interval"] == SEGMENT_S  # as songid takes a counted segment to be
        ((place,),) = [each["settings"] for each in values["destinations"]]
        scheme, _, key = place["url"].partition(f"://{day.account.bucket}/")
        assert scheme == "s3ssl"  # the bucket refuses what comes without TLS
        written = key.replace("$dt$", "20260131T174624") + ".000002.ts"
        assert job_at(written) is Job.SEGMENT
        named = parse_segment_name(written)
        assert named is not None and named.station == channel["index"]


def test_destroyed_once_it_is_not_protected_it_leaves_nothing_but_what_was_asked_for(
    accounts: Accounts, day: Day
) -> None:
    account, configuration = day.account, day.account.configuration
    (bucket,) = resources(account.state, "aws_s3_bucket")
    assert not bucket["values"]["force_destroy"]
    assert checks.unprotected_stores(account.state) == []
    # This test is the last one, and all accounts are done with: they go side by side, too.
    accounts.all_at_once(destroy)
    accounts.once(account, destroy)
    assert resources(configuration.state()) == []
    left = contents(account.client) - account.before
    assert left == checks.kept(configuration.name)


def destroy(account: Account) -> None:
    """Do what a user does to be rid of it all."""
    configuration = account.configuration
    configuration.override('module "songid" {\n  protect_data = false\n}\n')
    # These alone, or else all that moto forgot would be waited for once more.
    stores = ("audio", "store_dynamodb", "store_aurora")
    configuration.apply("-refresh=false", *(f"-target=module.songid.module.{it}" for it in stores))
    # moto lists versions by their bare keys where the provider asks for encoded ones, and so
    # the provider would decode and never find these.
    for key in account.objects():
        if "+" in key:
            account.delete(key)
    configuration.destroy("-refresh=false")
