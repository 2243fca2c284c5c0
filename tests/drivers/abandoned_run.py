"""A harness of its own that starts local servers, says where they are, and waits to be killed.

python -m tests.drivers.abandoned_run RUN_ID RUN_DIRECTORY
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from chaos.drivers.driver import CAPABILITIES, RunLabel
from chaos.drivers.local import Local
from tests.drivers.servers import start_servers


async def main(run_id: str, run_directory: str) -> None:
    driver = Local(RunLabel(run_id, "test-host", run_directory))
    driver.prepare_for(CAPABILITIES)
    servers = await start_servers(driver, count=3)
    await driver.pause(servers.nodes[0])
    await driver.disconnect(servers.nodes[1])
    print(json.dumps([node.pid for node in servers.nodes]), flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    Path(sys.argv[2]).mkdir()
    asyncio.run(main(*sys.argv[1:]))
