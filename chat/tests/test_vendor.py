"""The browser's libraries are the ones vendor.json says, to the byte."""

import json

import pytest

from lairchat.management.commands.vendor import PACKAGES, VENDOR, sha384

MANIFEST = json.loads((VENDOR / "vendor.json").read_text(encoding="utf-8"))


def text_of(name: str) -> str:
    return (VENDOR / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("file", MANIFEST["files"], ids=lambda file: file["name"])
def test_a_vendored_file_has_the_sum_written_down(file):
    assert sha384(text_of(file["name"])) == file["sha384"]


@pytest.mark.parametrize("package", MANIFEST["packages"], ids=lambda package: package["name"])
def test_a_package_comes_with_its_licence(package):
    assert sha384(text_of(package["licence_file"])) == package["licence_sha384"]


def test_the_versions_are_those_the_command_would_fetch():
    assert {package["name"]: package["version"] for package in MANIFEST["packages"]} == PACKAGES


def test_nothing_lies_in_the_folder_that_is_not_written_down():
    known = {"vendor.json", *(file["name"] for file in MANIFEST["files"])}
    known |= {package["licence_file"] for package in MANIFEST["packages"]}
    assert {path.name for path in VENDOR.iterdir()} == known
