"""The driver with the asyncio client."""

from __future__ import annotations

import asyncio
import logging
import threading
from typing import Any

import protocol
from protocol import Command
from sidecommit import aio


class Running:
    """A `process` on its way, and who asked for its end."""

    def __init__(self, command: Command, processor: aio.Processor) -> None:
        self.id = command["id"]
        self.processor = processor
        self.stop_id: int | None = None


class Driver:
    def __init__(self) -> None:
        self._client = aio.connect()
        self._commands: asyncio.Queue[Command] = asyncio.Queue()
        self._continued = asyncio.Semaphore(0)
        self._running: Running | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._ended = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    async def main(self) -> None:
        threading.Thread(target=self._read, daemon=True).start()
        executing = asyncio.create_task(self._execute())
        await self._ended.wait()
        executing.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        await self._client.close()

    def _read(self) -> None:
        """In a thread of its own."""
        for command in protocol.commands():
            self._loop.call_soon_threadsafe(self._told, command)
        self._loop.call_soon_threadsafe(self._hung_up)

    def _told(self, command: Command) -> None:
        if command["op"] == "continue":
            self._continued.release()
        elif command["op"] == "stop" and self._running is not None:
            self._running.stop_id = command["id"]
            self._running.processor.stop()
        else:
            self._commands.put_nowait(command)

    def _hung_up(self) -> None:
        if self._running is not None:
            self._running.processor.stop()
        self._ended.set()

    async def _execute(self) -> None:
        while True:
            command = await self._commands.get()
            attempts: list[int] = []
            try:
                answer = await getattr(self, command["op"])(command, attempts)
                protocol.say({"id": command["id"], "ok": answer})
            except Exception as failed:
                more = {"attempts": len(attempts)} if attempts else {}
                protocol.say({"id": command["id"], "error": protocol.error(failed, **more)})

    async def connect(self, command: Command, _: list[int]) -> dict[str, Any]:
        await self._client.close()
        self._client = aio.connect(deadline=protocol.seconds(command, "deadline_ms") or 60)
        info = await self._client.wait_ready()
        return {"version": info.version, "identity": info.identity}

    async def transaction(self, command: Command, attempts: list[int]) -> dict[str, Any]:
        async def work(transaction: aio.Transaction) -> None:
            attempts.append(len(attempts) + 1)
            for record in protocol.records(command):
                await transaction.produce(**vars(record))
            for topic, value, key in protocol.generated(command):
                await transaction.produce(topic, value, key)
            if offsets := protocol.offsets(command):
                await transaction.send_offsets(*offsets)
            await asyncio.sleep(protocol.seconds(command, "hold_ms") or 0)
            if command.get("pause") and len(attempts) == 1:
                await transaction.flush()
                protocol.say({"id": command["id"], "event": "paused", "transaction_id": transaction.transaction_id})
                await self._continued.acquire()
            if command.get("end") == "throw":
                raise protocol.ApplicationError("thrown in the scope")

        options: dict[str, Any] = {name: protocol.seconds(command, f"{name}_ms") for name in ("timeout", "deadline")}
        if command.get("attempts", 1) > 1:
            done = await self._client.run(work, command["attempts"], **options)
            return {**protocol.committed(done), "attempts": done.attempts}
        async with self._client.transaction(command.get("request_id"), **options) as transaction:
            await work(transaction)
        assert transaction.committed is not None
        return {**protocol.committed(transaction.committed), "attempts": 1}

    async def transact(self, command: Command, _: list[int]) -> dict[str, Any]:
        done = await self._client.transact(
            protocol.records(command),
            command["key"],
            protocol.first_attempt(command),
            attempts=command.get("attempts", 1),
            deadline=protocol.seconds(command, "deadline_ms"),
        )
        return protocol.committed(done)

    async def outcome(self, command: Command, _: list[int]) -> dict[str, Any]:
        return protocol.outcome(await self._client.get_outcome(**protocol.outcome_names(command)))

    async def process(self, command: Command, _: list[int]) -> dict[str, Any]:
        copy = protocol.handler(command)

        async def one(record: aio.ConsumedRecord) -> aio.Record:
            return copy(record)

        async def many(records: list[aio.ConsumedRecord]) -> list[aio.Record]:
            return [copy(record) for record in records]

        handler: Any = many if command.get("batch") else one
        options = protocol.subscription(command)
        processor = self._client.processor(command["group_id"], command["topics"], handler, **options)
        self._running = Running(command, processor)
        task = asyncio.create_task(self._process(self._running))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return {}

    async def _process(self, running: Running) -> None:
        try:
            settled = await running.processor.run()
        except aio.SidecommitError as failed:
            protocol.say({"id": running.id, "event": "stopped", "error": protocol.error(failed)})
            return
        finally:
            self._running = None
        if running.stop_id is not None:
            protocol.say({"id": running.stop_id, "ok": {"settled": settled}})
            return
        protocol.say({"id": running.id, "event": "stopped", "settled": settled})
        self._ended.set()

    async def context(self, command: Command, _: list[int]) -> dict[str, Any]:
        protocol.follow(command)
        return {}


async def main() -> None:
    await Driver().main()


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    asyncio.run(main())
