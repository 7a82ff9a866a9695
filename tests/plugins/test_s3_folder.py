"""The bucket as a folder: what every folder must do, and what browsers are told."""

from __future__ import annotations

from pathlib import Path

import pytest
from cloud_material import Cloud, throttled

from songid.errors import FolderError, PluginError
from songid.interfaces import StampedFolder
from songid.plugin_manager import load
from songid.testing.folders import FolderConformance


def open_folder(url: str) -> StampedFolder:
    folder: StampedFolder = load().open("folders", url)
    return folder


class TestS3Folder(FolderConformance):
    @pytest.fixture(autouse=True)
    def keep_cloud(self, cloud: Cloud) -> None:
        cloud.list_in_pages_of(4)
        self.bucket = cloud.bucket()

    def open_folder(self, place: Path) -> StampedFolder:
        return open_folder(f"s3://{self.bucket}/my%20{place.name}")


def test_a_whole_bucket_may_be_the_folder(cloud: Cloud) -> None:
    bucket = cloud.bucket()
    folder = open_folder(f"s3://{bucket}")
    folder.write("a/b.txt", b"x", "text/plain")
    assert (folder.read("a/b.txt"), list(folder.names("a"))) == (b"x", ["a/b.txt"])
    assert cloud.keys(bucket) == ["a/b.txt"]


def test_a_prefix_is_no_folder_of_what_only_begins_alike(cloud: Cloud) -> None:
    bucket = cloud.bucket()
    open_folder(f"s3://{bucket}/reports2").write("a.txt", b"x", "text/plain")
    assert list(open_folder(f"s3://{bucket}/reports").names()) == []
    assert cloud.keys(bucket) == ["reports2/a.txt"]


@pytest.mark.parametrize(
    ("media_type", "cache"),
    [
        ("text/html; charset=utf-8", "no-cache"),
        ("application/json", "no-cache"),
        ("video/mp2t", "max-age=31536000, immutable"),
    ],
)
def test_a_browser_is_told_what_a_file_is_and_whether_it_lasts(
    cloud: Cloud, media_type: str, cache: str
) -> None:
    bucket = cloud.bucket()
    uri = open_folder(f"s3://{bucket}/r").write("ä b.x", b"x", media_type)
    assert uri == f"s3://{bucket}/r/%C3%A4%20b.x"
    head = cloud.client("s3").head_object(Bucket=bucket, Key="r/ä b.x")
    assert (head["ContentType"], head["CacheControl"]) == (media_type, cache)


def test_a_folder_works_on_though_every_third_request_is_refused(cloud: Cloud) -> None:
    folder = open_folder(f"s3://{cloud.bucket()}")
    names = [f"{number}.txt" for number in range(7)]
    with throttled(cloud, ["s3"]) as throttle:
        for name in names:
            folder.write(name, name.encode(), "text/plain")
            assert folder.read(name) == name.encode()
        assert list(folder.names()) == names
    assert throttle.refused >= 5


@pytest.mark.usefixtures("cloud")
def test_errors_name_the_file_and_what_to_do() -> None:
    folder = open_folder("s3://there-is-no-such-bucket/r")
    with pytest.raises(FolderError, match=r"cannot write s3://.*/r/a\.txt.*Create the bucket"):
        folder.write("a.txt", b"", "text/plain")
    with pytest.raises(FolderError, match="cannot list"):
        list(folder.names())
    with pytest.raises(FolderError, match="cannot read"):
        folder.read("a.txt")


def test_a_url_that_cannot_be_meant_is_refused() -> None:
    for url in ("s3:reports", "s3:///reports", "s3://bucket-1/x?settle_s=1"):
        with pytest.raises(PluginError):
            open_folder(url)
