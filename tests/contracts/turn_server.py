"""A real TURN server: coturn, on the server's host of a network of our own."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.benchmarks.network import SERVER, PrivateNetwork

PORT = 3478
USER, PASSWORD = "bob", "se:same"
CREDENTIALS = "bob:se%3Asame"
START_WITHIN_S = 10.0


@asynccontextmanager
async def turn_server(network: PrivateNetwork) -> AsyncIterator[None]:
    """Run it; yields once it takes connections."""
    with TemporaryDirectory() as folder:
        options = f"-n -L {SERVER} -E {SERVER} -p {PORT} -r test -a --no-cli --no-tls --no-dtls --log-file=stdout"
        named = [f"--user={USER}:{PASSWORD}", f"--pidfile={folder}/pid", f"--userdb={folder}/db"]
        log = await asyncio.to_thread((Path(folder) / "log").open, "wb")
        with log:
            process = await asyncio.create_subprocess_exec(
                *network.on_server("turnserver", *options.split(), *named), stdout=log, stderr=log
            )
        try:
            async with asyncio.timeout(START_WITHIN_S):
                while not await _listens():
                    if process.returncode is not None:
                        raise RuntimeError(f"turnserver ended at once: {(Path(folder) / 'log').read_text()[-500:]}")
                    await asyncio.sleep(0.02)
            yield
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()


async def _listens() -> bool:
    try:
        _, writer = await asyncio.open_connection(SERVER, PORT)
    except OSError:
        return False
    writer.close()
    return True
