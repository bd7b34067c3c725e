"""The driver with the synchronous client. `process` has the main thread, because of signals; commands have one of their own."""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
import time
from typing import Any

import protocol
import sidecommit
from protocol import Command


class Running:
    """A `process` on its way, and who asked for its end."""

    def __init__(self, command: Command, processor: sidecommit.Processor) -> None:
        self.id = command["id"]
        self.processor = processor
        self.stop_id: int | None = None


class Driver:
    def __init__(self) -> None:
        self._client = sidecommit.connect()
        self._commands: queue.SimpleQueue[Command] = queue.SimpleQueue()
        self._continued = threading.Semaphore(0)
        # For the main thread; None is the end.
        self._processes: queue.SimpleQueue[Running | None] = queue.SimpleQueue()
        self._running: Running | None = None

    def main(self) -> None:
        threading.Thread(target=self._read, daemon=True).start()
        threading.Thread(target=self._execute, daemon=True).start()
        while (running := self._processes.get()) is not None:
            if not self._process(running):
                return

    def _process(self, running: Running) -> bool:
        """Until it ends. Returns whether that was not by a signal."""
        try:
            settled = running.processor.run()
        except sidecommit.SidecommitError as failed:
            protocol.say({"id": running.id, "event": "stopped", "error": protocol.error(failed)})
            return True
        finally:
            self._running = None
        if running.stop_id is not None:
            protocol.say({"id": running.stop_id, "ok": {"settled": settled}})
            return True
        protocol.say({"id": running.id, "event": "stopped", "settled": settled})
        return False

    def _read(self) -> None:
        for command in protocol.commands():
            if command["op"] == "continue":
                self._continued.release()
            elif command["op"] == "stop" and self._running is not None:
                self._running.stop_id = command["id"]
                self._running.processor.stop()
            else:
                self._commands.put(command)
        if self._running is not None:
            self._running.processor.stop()
        self._processes.put(None)

    def _execute(self) -> None:
        while True:
            command = self._commands.get()
            attempts: list[int] = []
            try:
                answer = getattr(self, command["op"])(command, attempts)
                protocol.say({"id": command["id"], "ok": answer})
            except Exception as failed:
                more = {"attempts": len(attempts)} if attempts else {}
                protocol.say({"id": command["id"], "error": protocol.error(failed, **more)})

    def connect(self, command: Command, _: list[int]) -> dict[str, Any]:
        self._client.close()
        self._client = sidecommit.connect(deadline=protocol.seconds(command, "deadline_ms") or 60)
        info = self._client.wait_ready()
        return {"version": info.version, "identity": info.identity}

    def transaction(self, command: Command, attempts: list[int]) -> dict[str, Any]:
        def work(transaction: sidecommit.Transaction) -> None:
            attempts.append(len(attempts) + 1)
            for record in protocol.records(command):
                transaction.produce(**vars(record))
            for topic, value, key in protocol.generated(command):
                transaction.produce(topic, value, key)
            if offsets := protocol.offsets(command):
                transaction.send_offsets(*offsets)
            time.sleep(protocol.seconds(command, "hold_ms") or 0)
            if command.get("pause") and len(attempts) == 1:
                transaction.flush()
                protocol.say({"id": command["id"], "event": "paused", "transaction_id": transaction.transaction_id})
                self._continued.acquire()
            if command.get("end") == "throw":
                raise protocol.ApplicationError("thrown in the scope")

        options: dict[str, Any] = {name: protocol.seconds(command, f"{name}_ms") for name in ("timeout", "deadline")}
        if command.get("attempts", 1) > 1:
            done = self._client.run(work, command["attempts"], **options)
            return {**protocol.committed(done), "attempts": done.attempts}
        with self._client.transaction(command.get("request_id"), **options) as transaction:
            work(transaction)
        assert transaction.committed is not None
        return {**protocol.committed(transaction.committed), "attempts": 1}

    def transact(self, command: Command, _: list[int]) -> dict[str, Any]:
        done = self._client.transact(
            protocol.records(command),
            command["key"],
            protocol.first_attempt(command),
            attempts=command.get("attempts", 1),
            deadline=protocol.seconds(command, "deadline_ms"),
        )
        return protocol.committed(done)

    def outcome(self, command: Command, _: list[int]) -> dict[str, Any]:
        return protocol.outcome(self._client.get_outcome(**protocol.outcome_names(command)))

    def process(self, command: Command, _: list[int]) -> dict[str, Any]:
        copy = protocol.handler(command)
        handler: Any = (lambda records: map(copy, records)) if command.get("batch") else copy
        options = protocol.subscription(command)
        processor = self._client.processor(command["group_id"], command["topics"], handler, **options)
        self._running = Running(command, processor)
        self._processes.put(self._running)
        return {}

    def context(self, command: Command, _: list[int]) -> dict[str, Any]:
        protocol.follow(command)
        return {}


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    with contextlib.suppress(KeyboardInterrupt):
        Driver().main()
