"""The house rules, as tests."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MAY_IMPORT = {
    "knowledge": {"jsonschema"},
    "cards": {"jsonschema", "knowledge"},
    "cds_service": {
        *("knowledge", "cards", "jsonschema", "flask", "werkzeug", "requests", "urllib3", "click", "orjson", "granian"),
        *(
            "jwt",
            "cryptography",
            "sqlalchemy",
            "alembic",
            "prometheus_client",
            "pypdf",
            "tqdm",
            "markdown_it",
            "jinja2",
        ),
        "markupsafe",
    },
}
#: Imported for types only; never there when the program runs.
TYPES_ONLY = {"_typeshed"}
MODULES = [path for package in MAY_IMPORT for path in sorted((ROOT / package).rglob("*.py"))]
CODE = re.compile(r"\b[A-TV-Z]\d\d(\.[0-9A-Z]{1,4}|\b)")
#: Words of an axis that are also plain English, or that programs use in another sense.
PLAIN = {"other", "head"}
#: Our own name is a word of anatomy too: as a whole string it is ours, as in a domain name.
OURS = {"foramen"}


def name(path):
    return str(path.relative_to(ROOT))


def imported(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.level == 0}
    return {one.split(".")[0] for one in names}


def strings(source):
    """Every string in a module that is no docstring, the fixed parts of f-strings included."""
    tree = ast.parse(source)
    holders = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    docs = {ast.get_docstring(node, clean=False) for node in ast.walk(tree) if isinstance(node, holders)}
    found = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    return found - docs


def axis_values():
    axes = tomllib.loads((ROOT / "knowledge/axes.toml").read_text(encoding="utf-8"))["axis"]
    return {value for axis in axes for value in axis["values"]} - PLAIN


def clinical(source, values):
    """The strings of a module that hold an axis value or an ICD-10-CM code."""
    words = re.compile(r"(?<![\w.-])(" + "|".join(map(re.escape, sorted(values))) + r")(?!\.?[\w-])")
    return [text for text in sorted(strings(source) - OURS) if words.search(text) or CODE.search(text)]


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_imports_point_down(path):
    package = path.relative_to(ROOT).parts[0]
    assert imported(path) - sys.stdlib_module_names - TYPES_ONLY - {package} <= MAY_IMPORT[package]


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_no_clinical_word_in_python(path):
    assert not clinical(path.read_text(encoding="utf-8"), axis_values())


@pytest.mark.parametrize("line", ['where = "canal"', 'if code == "M99.63": pass', 'text = f"{a} of connective-tissue"'])
def test_a_clinical_word_would_be_found(line):
    assert clinical(line, axis_values())


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_a_module_says_what_it_is(path):
    source = path.read_text(encoding="utf-8")
    assert ast.get_docstring(ast.parse(source))


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_nothing_is_caught_broadly(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    caught = [node.type for node in ast.walk(tree) if isinstance(node, ast.ExceptHandler)]
    assert not [kind for kind in caught if kind is None or ast.unparse(kind) in {"Exception", "BaseException"}]


@pytest.mark.parametrize("package", ["knowledge", "cards", "cds_service.consult", "cds_service.audit.command"])
def test_judging_needs_no_web_server(package):
    probe = f"import {package}, sys; sys.exit(not {{'flask', 'granian'}}.isdisjoint(sys.modules))"
    assert subprocess.run([sys.executable, "-c", probe], cwd=ROOT, check=False).returncode == 0
