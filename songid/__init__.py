"""songid: which known recordings were heard, where, when and for how long."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("songid-airplay")
except PackageNotFoundError:  # a bare source tree on sys.path
    __version__ = "0+source"
