"""The hook specifications: each is an offer or an event, documented and simple."""

from __future__ import annotations

import inspect
from types import FunctionType

import pytest

from songid import hookspecs
from songid.plugin_manager import EVENTS, OFFERS

HOOKS: dict[str, FunctionType] = {
    name: value for name, value in vars(hookspecs).items() if name.startswith("songid_")
}


@pytest.mark.parametrize("name", HOOKS)
def test_every_hook_is_a_specification_with_a_docstring(name: str) -> None:
    assert hasattr(HOOKS[name], "songid_spec")
    assert (inspect.getdoc(HOOKS[name]) or "").endswith(".")


@pytest.mark.parametrize("name", HOOKS)
def test_every_hook_is_an_offer_or_an_event(name: str) -> None:
    assert (name in OFFERS.values()) != (name in EVENTS)


@pytest.mark.parametrize("name", HOOKS)
def test_hooks_return_nothing_take_few_typed_arguments_and_none_is_first_come(name: str) -> None:
    signature = inspect.signature(HOOKS[name])
    assert signature.return_annotation in (None, "None")
    assert len(signature.parameters) <= 3
    assert all(each.annotation is not each.empty for each in signature.parameters.values())
    options = HOOKS[name].__dict__["songid_spec"]
    assert not options["firstresult"]
    assert not options["historic"]
