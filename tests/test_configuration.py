"""The reference of the configuration: complete, current, and its example is one that the service reads (issue 4, 9)."""

import importlib.util
import json
import re
from dataclasses import fields

import pytest
from runner import ROOT
from tokens import jwk

from cds_service import clients
from cds_service.settings import PREFIX, Settings, SettingsError, read


def loaded(path):
    spec = importlib.util.spec_from_file_location("configuration_page", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


TABLE = loaded(ROOT / "scripts/configuration.py")
SOURCE = TABLE.SETTINGS.read_text(encoding="utf-8")


def test_the_page_is_up_to_date():
    assert TABLE.PAGE.read_text(encoding="utf-8") == TABLE.page(), "run: python scripts/configuration.py"


# --- the variables --------------------------------------------------------------------------------------


def test_every_setting_is_a_row_and_its_default_is_the_one_that_counts():
    rows = list(TABLE.variables())
    assert [name for name, *_ in rows] == [f"`{PREFIX}{one.name.upper()}`" for one in fields(Settings)]
    said = {name.strip("`"): default for name, _, default, _ in rows if default != TABLE.NONE}
    assert read(said) == Settings()


def test_what_is_secret_is_said_to_be():
    secret = {name for name, value, *_ in TABLE.variables() if "secret" in value}
    assert secret == {f"`{PREFIX}{one.name.upper()}`" for one in fields(Settings) if not one.repr}
    assert "`FORAMEN_SECRET`" in secret


def test_a_comment_may_stand_above_a_setting_and_have_several_lines():
    source = "class Settings:\n    a: int = 1\n    #: one\n    #: and two\n    b: int = 2\n    c: int = 3  #: three\n"
    assert TABLE.meanings(source.replace("a: int = 1", "a: int = 1  #: alone")) == {
        "a": "alone",
        "b": "one and two",
        "c": "three",
    }


def test_a_setting_that_nobody_explained_is_missed():
    with pytest.raises(KeyError, match="threads"):
        TABLE.meanings(
            SOURCE.replace(
                "  #: calls that one worker works on at a time; those still on their way are not counted", ""
            )
        )


# --- the file of clients --------------------------------------------------------------------------------


def test_every_member_of_a_client_is_a_row():
    members = TABLE.schema()["properties"]["client"]["items"]["properties"]
    assert {name.strip("`") for name, *_ in TABLE.members()} >= members.keys()
    required = {name.strip("`") for name, _, required, *_ in TABLE.members() if required}
    assert required >= {"iss", "audiences"}


def test_tables_inside_a_client_are_told_member_by_member():
    inner = {"properties": {"dark": {"type": "boolean"}}, "required": ["dark"]}
    raw = {"properties": {"show": {"$ref": "#/$defs/show", "properties": {"more": {"type": "string"}}}}}
    assert [(name, required) for name, _, required in TABLE._members(raw, {"show": inner})] == [
        ("show", ""),
        ("show.dark", "yes"),
        ("show.more", ""),
    ]


def registered(directory, text):
    (directory / "clinic.jwks.json").write_text(json.dumps({"keys": [jwk("ES384", "k1")]}))
    (directory / "clients.toml").write_text(text)
    return clients.read(directory / "clients.toml")


def test_the_example_is_read_as_it_stands(tmp_path):
    registry = registered(tmp_path, TABLE.EXAMPLE)
    assert sorted(tenant for iss, tenant in registry if iss == "https://clinic.example") == ["north", "south"]
    assert TABLE.EXAMPLE in TABLE.page()


def test_an_example_with_a_misspelt_member_is_refused(tmp_path):
    with pytest.raises(SettingsError, match="audience"):
        registered(tmp_path, TABLE.EXAMPLE.replace("audiences", "audience"))


def test_the_defaults_of_a_client_are_those_that_count(tmp_path):
    """What the table says of a member that is left out is what a client has that leaves it out."""
    registry = registered(tmp_path, '[[client]]\niss = "x"\njwks = "clinic.jwks.json"\naudiences = ["y"]\n')
    told = {name.strip("`"): default for name, _, _, default, _ in TABLE.members()}
    client = registry["x", ""]
    assert told["algorithms"] == ", ".join(sorted(client.algorithms))
    assert (told["lifetime"], told["untyped"]) == (str(client.lifetime), str(client.untyped).lower())


# --- what the operator is told --------------------------------------------------------------------------


def test_security_speaks_of_settings_and_members_that_exist():
    told = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    settings = {f"{PREFIX}{one.name.upper()}" for one in fields(Settings)}
    assert set(re.findall(rf"{PREFIX}[A-Z_]+", told)) <= settings
    assert {f"{PREFIX}{name}" for name in ("CLIENTS", "DATA", "DATABASE", "SECRET", "OPEN", "DEV", "ORIGINS")} <= set(
        re.findall(rf"{PREFIX}[A-Z_]+", told)
    )
