"""Copies a topic, in capitals, until SIGTERM or SIGINT. Usage: copy_asyncio.py GROUP INPUT OUTPUT"""

import asyncio
import sys

from sidecommit import aio

group, source, target = sys.argv[1:]


async def capitals(record: aio.ConsumedRecord) -> aio.Record:
    """The record with its value in capitals; a tombstone stays one."""
    return aio.Record(target, record.decode(bytes.upper), record.key, record.headers)


async def main() -> None:
    async with aio.connect() as client:
        await client.wait_ready()
        print(f"settled {await client.process(group, source, capitals)} records")


asyncio.run(main())
