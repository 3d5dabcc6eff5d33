"""Every code by which a gateway closes is documented for integrators."""

import re
from pathlib import Path

from dashboard_protocol.messages import CloseCode

README = Path(__file__).resolve().parents[3] / "dashboard_protocol" / "README.md"


def test_table_of_the_readme_has_every_close_code_and_no_other() -> None:
    reported = {int(code) for code in re.findall(r"^\| (\d{4}) \|", README.read_text(encoding="utf-8"), re.MULTILINE)}
    by_the_server = {1001, 1009}
    assert reported == {code.value for code in CloseCode} | by_the_server
