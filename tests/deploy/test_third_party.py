"""What is installed is named with its licence, and nothing else is."""

from importlib.metadata import PackageNotFoundError, metadata

import pytest

from tests.deploy.third_party import LIST, licence_of, pinned


def rows() -> list[list[str]]:
    lines = [line for line in LIST.read_text().splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[1:]]


def test_list_of_third_parties_is_that_of_the_lock() -> None:
    assert [(name, version) for name, version, *_ in rows()] == pinned(), "run: make third-party"


@pytest.mark.parametrize("row", rows(), ids=lambda row: row[0])
def test_licence_and_home_page_are_stated_as_the_package_states_them(row: list[str]) -> None:
    name, version, licence, page = row
    assert licence
    assert page.startswith("https://")
    try:
        reported = metadata(name)
    except PackageNotFoundError:
        return  # of another version of Python
    if reported["Version"] == version:
        assert licence == licence_of(reported), "run: make third-party"
