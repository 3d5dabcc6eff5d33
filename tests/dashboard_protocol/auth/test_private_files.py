"""Files of the state directory are changed one after the other, by whoever changes them."""

import asyncio
import os
from pathlib import Path

from dashboard_protocol.auth.private_files import in_turn
from dashboard_protocol.auth.revocations import FILE, FileStore
from dashboard_protocol.control_api.api_keys import ApiKeys, Scope


async def test_revocations_and_keys_wait_for_their_turn_by_one_lock_and_leave_no_lock_behind(tmp_path: Path) -> None:
    keys = ApiKeys(tmp_path / "keys.json")
    with in_turn(tmp_path / FILE):
        revoking = asyncio.create_task(FileStore(tmp_path / FILE).next("room", 0))
        making = asyncio.create_task(asyncio.to_thread(keys.add, "me", frozenset({Scope.WATCH})))
        done, _ = await asyncio.wait([revoking, making], timeout=0.3)
        assert not done
        assert os.listdir(tmp_path) == []
    assert await revoking == 1
    await making
    assert set(os.listdir(tmp_path)) == {FILE, "keys.json"}
