"""The bucket as a source: what every source must do, and what S3 alone has."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cloud_material import Cloud, throttled

from songid.errors import AudioError, GoneError, NotificationError, PluginError
from songid.interfaces import NotifiedSource
from songid.model import AudioItem, Job
from songid.plugin_manager import load
from songid.testing.sources import NotifiedSourceConformance


def open_source(url: str) -> NotifiedSource:
    source: NotifiedSource = load().open("sources", url)
    return source


def key_of(uri: str) -> str:
    from urllib.parse import unquote

    return unquote(uri.removeprefix("s3://").partition("/")[2])


class S3SourceConformance(NotifiedSourceConformance):
    """A prefix of a bucket of the test's own."""

    versioned = False

    @pytest.fixture(autouse=True)
    def keep_cloud(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.bucket = cloud.bucket(versioned=self.versioned)
        self.queue = cloud.queue()
        cloud.events_to_queue(self.bucket, self.queue)

    def notices(self, place: Path) -> list[Mapping[str, Any]]:
        return self.cloud.bodies(self.queue)

    def open_source(self, place: Path) -> NotifiedSource:
        return open_source(f"s3://{self.bucket}/in%20box")

    def key(self, number: int) -> str:
        return f"in box/songs_to_check/söng {number}%+.mp3"

    def add(self, place: Path, number: int, content: bytes) -> None:
        self.cloud.put(self.bucket, self.key(number), content)

    def remove(self, place: Path, number: int) -> None:
        self.cloud.client("s3").delete_object(Bucket=self.bucket, Key=self.key(number))

    def read_answer(self, place: Path, uri: str) -> bytes:
        return self.cloud.content(self.bucket, key_of(uri))


class TestS3SourceSongs(S3SourceConformance):
    pass


class TestS3SourceOfAVersionedBucket(S3SourceConformance):
    versioned = True

    def remove(self, place: Path, number: int) -> None:
        s3 = self.cloud.client("s3")
        for version in s3.list_object_versions(Bucket=self.bucket, Prefix=self.key(number))[
            "Versions"
        ]:
            s3.delete_object(
                Bucket=self.bucket, Key=self.key(number), VersionId=version["VersionId"]
            )


class TestS3SourceSegments(S3SourceConformance):
    def key(self, number: int) -> str:
        return f"in box/songs_to_check/streams/radio_1_20240501T12{number:02}00.000001.ts"


# -- what is there ----------------------------------------------------------------------

ODD_NAMES = ["a b", "a+b", "a%2Bb", "ä/ö", "a//b", "a&b=c?d#e", "日本", "a'\"<>"]
# Keys to S3, but not to the server that stands for it here.
ODDER_NAMES = ["../x", "./x", "a\nb", "a\x01b"]


@pytest.mark.parametrize("name", ODD_NAMES)
def test_any_key_is_listed_told_of_and_opened_alike(cloud: Cloud, name: str) -> None:
    bucket, queue = cloud.bucket(), cloud.queue()
    cloud.events_to_queue(bucket, queue)
    key = f"songs_to_check/{name}.mp3"
    cloud.put(bucket, key, name.encode())
    source = open_source(f"s3://{bucket}")
    (listed,) = source.items()
    (event,) = cloud.bodies(queue)
    told = source.notified(event)
    assert told is not None
    assert (told.uri, told.identity, told.name, told.size_bytes, told.job) == (
        listed.uri,
        listed.identity,
        listed.name,
        listed.size_bytes,
        listed.job,
    )
    assert told.name == key
    assert key_of(told.uri) == key
    with source.open(told) as file:
        assert file.read() == name.encode()


@pytest.mark.parametrize("name", ["a b", "a+b", "a%2Bb", "ä/ö", "日本"])
def test_the_key_of_a_buckets_own_record_is_decoded(cloud: Cloud, name: str) -> None:
    bucket, queue = cloud.bucket(), cloud.queue()
    cloud.records_to_queue(bucket, queue)
    source = open_source(f"s3://{bucket}")
    key = f"songs_to_check/{name}.mp3"
    cloud.put(bucket, key, b"1")
    test_event, body = cloud.bodies(queue)
    assert source.notified(test_event) is None
    (record,) = body["Records"]
    told = source.notified(record)
    (listed,) = source.items()
    assert told is not None
    assert (told.uri, told.identity) == (listed.uri, listed.identity)


@pytest.mark.parametrize("versioned", [False, True])
def test_a_listing_of_many_pages_is_whole_and_has_songs_first(
    cloud: Cloud, versioned: bool
) -> None:
    bucket = cloud.bucket(versioned=versioned)
    cloud.list_in_pages_of(4)
    keys = [f"songs_to_check/streams/r_20260301T12{n:02}00.ts" for n in range(17)]
    for key in [*keys, "songs_to_check/a.mp3", "songs_to_check/z.mp3", "songs_to_index/x.mp3"]:
        cloud.put(bucket, key, b"")
    names = [item.name for item in open_source(f"s3://{bucket}").items()]
    assert names[:3] == ["songs_to_index/x.mp3", "songs_to_check/a.mp3", "songs_to_check/z.mp3"]
    assert names[3:] == keys


def test_old_versions_and_deleted_objects_are_not_listed(cloud: Cloud) -> None:
    bucket = cloud.bucket(versioned=True)
    for content in (b"1", b"22"):
        cloud.put(bucket, "songs_to_check/a.mp3", content)
    cloud.put(bucket, "songs_to_check/b.mp3", b"3")
    cloud.client("s3").delete_object(Bucket=bucket, Key="songs_to_check/b.mp3")
    items = list(open_source(f"s3://{bucket}").items())
    assert [(item.name, item.size_bytes) for item in items] == [("songs_to_check/a.mp3", 2)]


@pytest.mark.usefixtures("cloud")
def test_a_bucket_that_is_not_there_is_an_error_that_says_so() -> None:
    with pytest.raises(PluginError, match="Create the bucket"):
        list(open_source("s3://there-is-no-such-bucket").items())


# -- what is told of --------------------------------------------------------------------

AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def detail(key: Any, bucket: str = "inbox-1", **changes: Any) -> dict[str, Any]:
    """The detail of an "Object Created" event as the S3 user guide shows it."""
    described = {
        "key": key,
        "size": 5,
        "etag": "b1946ac92492d2347c6235b4d2611184",
        "sequencer": "617f08299329d189",
    }
    return {
        "version": "0",
        "bucket": {"name": bucket},
        "object": described | changes,
        "request-id": "N4N7GDK58NMKJ12R",
        "requester": "123456789012",
        "source-ip-address": "1.2.3.4",
        "reason": "PutObject",
    }


def event(key: str, **changes: Any) -> dict[str, Any]:
    return {
        "version": "0",
        "id": "17793124-05d4-b198-2fde-7ededc63b103",
        "detail-type": "Object Created",
        "source": "aws.s3",
        "account": "111122223333",
        "time": "2026-03-01T12:00:00Z",
        "region": "ca-central-1",
        "resources": ["arn:aws:s3:::inbox-1"],
        "detail": detail(key, **changes),
    }


def told(key: str, url: str = "s3://inbox-1", **changes: Any) -> AudioItem | None:
    return open_source(url).notified(event(key, **changes))


def test_an_event_gives_time_size_and_identity() -> None:
    assert told("songs_to_index/a b+c%20.mp3") == AudioItem(
        uri="s3://inbox-1/songs_to_index/a%20b%2Bc%2520.mp3",
        name="songs_to_index/a b+c%20.mp3",
        identity="etag:b1946ac92492d2347c6235b4d2611184",
        job=Job.INDEX,
        size_bytes=5,
        modified_at=AT,
    )


@pytest.mark.parametrize("name", [*ODD_NAMES, *ODDER_NAMES])
def test_any_key_has_a_uri_of_its_own_that_says_what_it_was(name: str) -> None:
    key = f"songs_to_check/folder{name}.mp3"
    item = told(key)
    assert item is not None
    assert (item.name, key_of(item.uri)) == (key, key)
    assert item.uri.isascii()
    assert item.uri.isprintable()


def test_a_version_is_the_identity_where_there_is_one() -> None:
    item = told("songs_to_index/a.mp3", **{"version-id": "IYV3p45BT0ac8hjHg1houSdS1a.Mro8e"})
    assert item is not None
    assert item.identity == "version:IYV3p45BT0ac8hjHg1houSdS1a.Mro8e"
    item = told("songs_to_index/a.mp3", **{"version-id": "null"})
    assert item is not None
    assert item.identity == "etag:b1946ac92492d2347c6235b4d2611184"


def test_a_detail_alone_is_taken_and_has_no_time() -> None:
    item = open_source("s3://inbox-1").notified(detail("songs_to_check/a.mp3"))
    assert item is not None
    assert (item.job, item.modified_at) == (Job.CHECK, None)


@pytest.mark.parametrize(
    ("url", "name", "station", "start"),
    [
        (
            "s3://inbox-1?counter_s=12",
            "radio_1_20260301T120000.000005.ts",
            "radio_1",
            AT + timedelta(minutes=1),
        ),
        (
            "s3://inbox-1?counter_s=6",
            "radio_1_20260301T120000.000005.ts",
            "radio_1",
            AT + timedelta(seconds=30),
        ),
        ("s3://inbox-1?counter_s=0", "radio_1_20260301T120000.000005.ts", "radio_1", AT),
        ("s3://inbox-1", "my_radio_fm_20260301_120000.ts", "my_radio_fm", AT),
        ("s3://inbox-1", "radio_1.000005.ts", "radio_1", None),
    ],
)
def test_a_segments_name_tells_station_and_time(
    url: str, name: str, station: str, start: datetime | None
) -> None:
    item = told(f"songs_to_check/streams/{name}", url)
    assert item is not None
    assert (item.job, item.station, item.start) == (Job.SEGMENT, station, start)
    assert item.modified_at == AT


def streamed(cloud: Cloud, *names: str) -> str:
    """A bucket with segments of these names; its inbox's URL."""
    bucket = cloud.bucket()
    for name in names:
        cloud.put(bucket, f"in/songs_to_check/streams/{name}", b"")
    return f"s3://{bucket}/in"


def starts(url: str, *names: str) -> list[str]:
    """When segments start that one after the other are told of, and that they are listed so."""
    source = open_source(url)
    bucket = url.removeprefix("s3://").removesuffix("/in")
    found = []
    for name in names:
        item = source.notified(detail(f"in/songs_to_check/streams/{name}", bucket))
        assert item is not None
        assert item.start is not None
        found.append(item)
    listed = {item.name: item.start for item in open_source(url).items()}
    assert all(listed.get(item.name, item.start) == item.start for item in found)
    return [f"{item.start:%H:%M:%S}" for item in found]


MEDIALIVE = tuple(f"r_1_20260301T120000.{count:06}.ts" for count in range(4))
RECORDER = tuple(f"r_1_20260301T1200{12 * count:02}.{count:06}.ts" for count in range(4))


def test_a_date_that_segments_share_is_the_channels_start(cloud: Cloud) -> None:
    url = streamed(cloud, *MEDIALIVE)
    assert starts(url, *MEDIALIVE) == ["12:00:00", "12:00:12", "12:00:24", "12:00:36"]


def test_dates_that_grow_with_the_counters_are_the_segments_own(cloud: Cloud) -> None:
    url = streamed(cloud, *RECORDER)
    assert starts(url, *reversed(RECORDER)) == ["12:00:36", "12:00:24", "12:00:12", "12:00:00"]


def test_a_segment_alone_counts_from_its_channels_start(cloud: Cloud) -> None:
    url = streamed(cloud, MEDIALIVE[3])
    assert starts(url, MEDIALIVE[3]) == ["12:00:36"]


def test_a_channel_that_was_started_again_counts_anew(cloud: Cloud) -> None:
    again = ("r_1_20260301T130000.000000.ts", "r_1_20260301T130000.000001.ts")
    url = streamed(cloud, *MEDIALIVE, *again)
    assert starts(url, MEDIALIVE[3], *again) == ["12:00:36", "13:00:00", "13:00:12"]


def test_what_dates_mean_is_asked_once_a_day_and_station(cloud: Cloud) -> None:
    url = streamed(cloud, *RECORDER, "r_2_20260301T120000.000001.ts")
    asked: list[str] = []
    events = cloud.client("s3").meta.events
    events.register("before-send.s3", lambda request, **_: asked.append(request.method))
    source, bucket = open_source(url), url.removeprefix("s3://").removesuffix("/in")
    for name in RECORDER * 3:
        source.notified(detail(f"in/songs_to_check/streams/{name}", bucket))
    assert asked == ["GET"]
    plain = open_source(f"{url}?counter_s=0")
    plain.notified(detail(f"in/songs_to_check/streams/{RECORDER[1]}", bucket))
    assert asked == ["GET"]


@pytest.mark.usefixtures("cloud")
def test_where_neighbours_may_not_be_seen_the_channel_is_counted_from(
    caplog: pytest.LogCaptureFixture,
) -> None:
    source = open_source("s3://there-is-no-such-bucket")
    item = source.notified(
        detail(f"songs_to_check/streams/{MEDIALIVE[3]}", "there-is-no-such-bucket")
    )
    assert item is not None
    assert item.start == AT + timedelta(seconds=36)
    assert "counter_s" in caplog.text


def test_a_segment_without_any_time_is_asked_for_its_own(cloud: Cloud) -> None:
    bucket = cloud.bucket()
    key = "songs_to_check/streams/radio_1.000005.ts"
    etag = cloud.put(bucket, key, b"12345")["ETag"].strip('"')
    source = open_source(f"s3://{bucket}")
    item = source.notified(detail(key, bucket, etag=etag))
    (listed,) = source.items()
    assert item == listed
    assert item.modified_at is not None
    assert abs(item.modified_at - datetime.now(UTC)) < timedelta(minutes=1)


@pytest.mark.parametrize(
    "key",
    [
        "songs_to_check/a.json",
        "songs_to_check/a.mp3.json",
        "songs_to_check/",
        "songs_to_check/streams/",
        "songs_to_check/a.csv",
        "songs_to_index/cover.JPG",
        "songs_to_index/.hidden/a.mp3",
        "songs_to_index/._a.mp3",
        "reports/index.html",
        "songs_to_check/streams/r_20260301T120000.json",
    ],
)
def test_there_is_nothing_to_do_for_what_lies_beside_audio(key: str) -> None:
    assert told(key) is None


@pytest.mark.parametrize("kind", ["Object Deleted", "Object Tags Added"])
def test_there_is_nothing_to_do_for_what_is_not_new(kind: str) -> None:
    other = event("songs_to_check/a.mp3") | {"detail-type": kind}
    assert open_source("s3://inbox-1").notified(other) is None


def test_there_is_nothing_to_do_for_what_a_bucket_says_was_removed() -> None:
    record = {
        "eventName": "ObjectRemoved:Delete",
        "s3": {"bucket": {"name": "inbox-1"}, "object": {"key": "songs_to_check/a.mp3"}},
    }
    assert open_source("s3://inbox-1").notified(record) is None


@pytest.mark.parametrize(
    ("notice", "words"),
    [
        (event("songs_to_check/a.mp3", bucket="other"), "bucket other"),
        (event("songs_to_ckeck/a.mp3"), "no place that a job stands for"),
        (event("songs_to_check"), "no place"),
        ({}, "no notification"),
        ({"hello": 1}, "no notification"),
        ({"detail-type": "Object Created"}, "no notification"),
        ({"s3": []}, "no notification"),
        (detail("songs_to_check/a.mp3", size=None), "no notification"),
        (detail("songs_to_check/a.mp3", etag=None), "no notification"),
        (detail("songs_to_check/\ud800.mp3"), "no notification"),
        (detail(7), "no notification"),
        ({"bucket": "inbox-1", "object": "songs_to_check/a.mp3"}, "no notification"),
        ({"bucket": {"name": "inbox-1"}}, "no notification"),
    ],
)
def test_what_is_no_notice_of_this_bucket_is_refused(notice: Any, words: str) -> None:
    with pytest.raises(NotificationError, match=words):
        open_source("s3://inbox-1").notified(notice)


def test_a_prefix_is_part_of_the_place() -> None:
    item = told("my/box/songs_to_check/a.mp3", "s3://inbox-1/my/box/")
    assert item is not None
    assert (item.name, item.uri) == (
        "songs_to_check/a.mp3",
        "s3://inbox-1/my/box/songs_to_check/a.mp3",
    )
    with pytest.raises(NotificationError):
        told("songs_to_check/a.mp3", "s3://inbox-1/my/box/")


# -- opening ----------------------------------------------------------------------------


def test_the_version_that_was_told_of_is_read_though_another_came(cloud: Cloud) -> None:
    bucket, queue = cloud.bucket(versioned=True), cloud.queue()
    cloud.events_to_queue(bucket, queue)
    for content in (b"first", b"second"):
        cloud.put(bucket, "songs_to_check/a.mp3", content)
    source = open_source(f"s3://{bucket}")
    items = [source.notified(event) for event in cloud.bodies(queue)]
    assert [source.open(item).__enter__().read() for item in items if item] == [b"first", b"second"]
    assert items[1] is not None
    assert items[1].identity == next(source.items()).identity


def test_bytes_put_again_are_a_new_item_where_versions_are_kept(cloud: Cloud) -> None:
    bucket = cloud.bucket(versioned=True)
    source = open_source(f"s3://{bucket}")
    seen = set()
    for _ in range(2):
        cloud.put(bucket, "songs_to_check/a.mp3", b"same")
        seen.add(next(source.items()).identity)
    assert len(seen) == 2


def test_what_was_replaced_or_deleted_is_gone(cloud: Cloud) -> None:
    bucket = cloud.bucket()
    source = open_source(f"s3://{bucket}")
    cloud.put(bucket, "songs_to_check/a.mp3", b"first")
    (item,) = source.items()
    cloud.put(bucket, "songs_to_check/a.mp3", b"second")
    with pytest.raises(GoneError, match="replaced"):
        source.open(item)
    cloud.client("s3").delete_object(Bucket=bucket, Key="songs_to_check/a.mp3")
    with pytest.raises(GoneError, match="not there"):
        source.open(item)


def test_what_may_not_be_read_names_the_permission(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    from botocore.exceptions import ClientError

    bucket = cloud.bucket()
    cloud.put(bucket, "songs_to_check/a.mp3", b"first")
    source = open_source(f"s3://{bucket}")
    (item,) = source.items()

    def forbidden(**_: Any) -> None:
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "GetObject")

    monkeypatch.setattr(cloud.client("s3"), "get_object", forbidden)
    with pytest.raises(AudioError, match="s3:GetObject") as raised:
        source.open(item)
    assert not isinstance(raised.value, GoneError)


# -- answers ----------------------------------------------------------------------------


def put_and_list(cloud: Cloud, *names: str) -> tuple[str, NotifiedSource, list[AudioItem]]:
    bucket = cloud.bucket()
    for name in names:
        cloud.put(bucket, f"songs_to_check/{name}", b"audio")
    source = open_source(f"s3://{bucket}")
    return bucket, source, list(source.items())


def test_two_objects_of_one_stem_have_an_answer_each_however_often(cloud: Cloud) -> None:
    bucket, source, items = put_and_list(cloud, "ä.mp3", "ä.wav")
    for _ in range(2):
        uris = [source.answer(item, item.name.encode()) for item in items]
    assert [key_of(uri) for uri in uris] == ["songs_to_check/ä.json", "songs_to_check/ä.wav.json"]
    assert [cloud.content(bucket, key_of(uri)).decode() for uri in uris] == [
        item.name for item in items
    ]


def test_an_answer_of_an_earlier_program_is_replaced_if_it_is_about_the_object(
    cloud: Cloud,
) -> None:
    bucket, source, (a, b) = put_and_list(cloud, "a.mp3", "b.mp3")
    cloud.put(bucket, "songs_to_check/a.json", json.dumps({"file": "a.mp3"}).encode())
    cloud.put(bucket, "songs_to_check/b.json", b'{"my": "notes"}')
    assert source.answer(a, b"{}").endswith("/a.json")
    assert source.answer(b, b"{}").endswith("/b.mp3.json")
    assert cloud.content(bucket, "songs_to_check/b.json") == b'{"my": "notes"}'


def test_an_answer_is_json_and_takes_one_request(cloud: Cloud) -> None:
    bucket, source, (item,) = put_and_list(cloud, "a.mp3")
    asked: list[str] = []
    s3 = cloud.client("s3")
    s3.meta.events.register("before-send.s3", lambda request, **_: asked.append(request.method))
    source.answer(item, b"{}")
    assert asked == ["PUT"]
    head = s3.head_object(Bucket=bucket, Key="songs_to_check/a.json")
    assert head["ContentType"] == "application/json"


# -- trouble ----------------------------------------------------------------------------


def test_a_source_works_on_though_every_third_request_is_refused(cloud: Cloud) -> None:
    bucket, source, items = put_and_list(cloud, *(f"{n}.mp3" for n in range(7)))
    with throttled(cloud, ["s3"]) as throttle:
        assert list(source.items()) == items
        for item in items:
            with source.open(item) as file:
                assert file.read() == b"audio"
            source.answer(item, item.name.encode())
    assert throttle.refused >= 5
    answers = [key for key in cloud.keys(bucket) if key.endswith(".json")]
    assert [cloud.content(bucket, key).decode() for key in answers] == [i.name for i in items]
    assert len(answers) == 7


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("s3:inbox", "name a bucket"),
        ("s3://", "no bucket's name"),
        ("s3://a", "no bucket's name"),
        ("s3://inbox-1?settle_s=2", "no option settle_s; there are: counter_s, region"),
        ("s3://inbox-1?counter_s=twelve", "number of seconds"),
    ],
)
def test_a_url_that_cannot_be_meant_is_refused(url: str, words: str) -> None:
    with pytest.raises(PluginError, match=words):
        open_source(url)
