"""API keys: only their hash is kept, and only a known one opens anything."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from dashboard_protocol.auth.secrets_store import secret_setting
from dashboard_protocol.control_api.api_keys import OPERATOR, ApiKeys, Scope
from dashboard_protocol.errors import AccessDenied, SecretRefused

INVITE = frozenset({Scope.INVITE})


def test_added_key_is_known_to_every_reader_of_the_file_and_written_nowhere(tmp_path: Path) -> None:
    path = tmp_path / "new" / "keys.json"
    keys, others = ApiKeys(path), ApiKeys(path)
    assert others.known() == ()
    key = keys.add("lms", INVITE)
    assert others.check(key).name == "lms"
    assert key not in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600
    assert [file.name for file in path.parent.iterdir()] == ["keys.json"]


def test_key_of_the_same_name_is_replaced(tmp_path: Path) -> None:
    keys = ApiKeys(tmp_path / "keys.json")
    old, other, new = keys.add("lms", INVITE), keys.add("other", INVITE), keys.add("lms", INVITE)
    with pytest.raises(AccessDenied):
        keys.check(old)
    assert {keys.check(key).name for key in (other, new)} == {"other", "lms"}


@pytest.mark.parametrize("key", ["", "cpk_", "nonsense"])
def test_unknown_key_opens_nothing(tmp_path: Path, key: str) -> None:
    keys = ApiKeys(tmp_path / "keys.json")
    keys.add("lms", INVITE)
    with pytest.raises(AccessDenied, match="classpulse key add"):
        keys.check(key)


def test_scopes_open_themselves_and_admin_opens_all(tmp_path: Path) -> None:
    keys = ApiKeys(tmp_path / "keys.json")
    inviter, admin = (keys.check(keys.add(scope, frozenset({scope}))) for scope in (Scope.INVITE, Scope.ADMIN))
    assert [scope for scope in Scope if inviter.opens(scope)] == [Scope.INVITE]
    assert all(admin.opens(scope) for scope in Scope)


def test_file_is_named_by_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLASSPULSE_KEYS", str(tmp_path / "elsewhere.json"))
    assert ApiKeys().path == tmp_path / "elsewhere.json"
    monkeypatch.delenv("CLASSPULSE_KEYS")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert ApiKeys().path == tmp_path / "classpulse" / "keys.json"


def test_foreign_file_is_one_clear_line(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    path.write_text("[]")
    with pytest.raises(SecretRefused, match="is no file of API keys"):
        ApiKeys(path).known()


def test_unusable_place_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SecretRefused, match="set CLASSPULSE_KEYS"):
        ApiKeys(tmp_path / "file" / "keys.json").add("lms", INVITE)


def test_secret_setting_comes_from_the_variable_or_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CLASSPULSE_X", raising=False)
    assert secret_setting("CLASSPULSE_X") is None
    monkeypatch.setenv("CLASSPULSE_X_FILE", str(tmp_path / "x"))
    with pytest.raises(SecretRefused, match="CLASSPULSE_X_FILE"):
        secret_setting("CLASSPULSE_X")
    (tmp_path / "x").write_text("from the file\n")
    assert secret_setting("CLASSPULSE_X") == "from the file"
    monkeypatch.setenv("CLASSPULSE_X", "itself")
    assert secret_setting("CLASSPULSE_X") == "itself"


def test_keys_that_are_added_at_the_same_time_are_all_kept(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda number: ApiKeys(path).add(f"k{number}", INVITE), range(40)))
    assert {ApiKeys(path).check(key).name for key in made} == {f"k{number}" for number in range(40)}
    assert [file.name for file in tmp_path.iterdir()] == ["keys.json"]


def test_key_that_was_removed_or_has_expired_opens_nothing(tmp_path: Path) -> None:
    keys = ApiKeys(tmp_path / "keys.json")
    over, removed, kept = keys.add("a", INVITE, valid_s=-1), keys.add("b", INVITE), keys.add("c", INVITE, valid_s=60)
    assert keys.remove("b")
    assert not keys.remove("b")
    with pytest.raises(AccessDenied, match="expired"):
        keys.check(over)
    with pytest.raises(AccessDenied, match="not known"):
        keys.check(removed)
    assert keys.check(kept).expires_at is not None


@pytest.mark.parametrize("name", ["", " ", "a\nb", "x" * 65, "\x1b[31m"])
def test_key_has_a_name_that_can_be_shown(tmp_path: Path, name: str) -> None:
    with pytest.raises(SecretRefused, match="printable"):
        ApiKeys(tmp_path / "keys.json").add(name, INVITE)


def test_nothing_belongs_to_a_key_because_nobody_owns_it(tmp_path: Path) -> None:
    keys = ApiKeys(tmp_path / "keys.json")
    assert not OPERATOR.owns("")
    assert keys.check(keys.add("a", INVITE)).owns("a")
