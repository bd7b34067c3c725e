// The driver of tests/conformance: reads commands from stdin and answers on stdout. See tests/conformance/README.md.
import { context, propagation, ROOT_CONTEXT } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { W3CTraceContextPropagator } from "@opentelemetry/core";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { connect, type Client, type Processing } from "sidecommit";
import { outcome, transact, transaction } from "./commands.js";
import { describe } from "./describe.js";
import { startProcessing } from "./processing.js";
import type { Command } from "./protocol.js";

context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
propagation.setGlobalPropagator(new W3CTraceContextPropagator());

const say = (line: object): void => {
  process.stdout.write(`${JSON.stringify(line)}\n`);
};

const queue: Command[] = [];
let wake = (): void => undefined;
let goOn = (): void => undefined;
let caller = ROOT_CONTEXT;
let client: Client | undefined;
let processing: Processing | undefined;
let stopping = false;

function connected(): Client {
  if (client === undefined) {
    throw new Error("connect comes first");
  }
  return client;
}

async function execute(command: Command): Promise<object> {
  switch (command.op) {
    case "connect": {
      client?.close();
      client = await connect({ deadlineMs: command.deadline_ms });
      await client.waitReady();
      const { version, identity } = await client.serverInfo();
      return { version, identity };
    }
    case "transaction":
      return transaction(connected(), command, async (transactionId) => {
        const continued = new Promise<void>((resolve) => {
          goOn = resolve;
        });
        say({ id: command.id, event: "paused", transaction_id: transactionId });
        await continued;
      });
    case "transact":
      return transact(connected(), command);
    case "outcome":
      return outcome(connected(), command);
    case "process":
      processing = startProcessing(connected(), command);
      void report(command.id, processing);
      return {};
    case "context":
      caller = propagation.extract(ROOT_CONTEXT, { traceparent: command.traceparent });
      return {};
    case "continue":
    case "stop":
      throw new Error(`${command.op} is not executed in turn`);
  }
}

async function answer(id: number, doing: () => Promise<object>): Promise<void> {
  try {
    say({ id, ok: await doing() });
  } catch (error) {
    say({ id, error: describe(error) });
  }
}

/** Says how processing ended, unless that was the answer of `stop`. */
async function report(id: number, running: Processing): Promise<void> {
  let line: object;
  try {
    line = { settled: await running };
  } catch (error) {
    line = { error: describe(error) };
  }
  if (!stopping) {
    say({ id, event: "stopped", ...line });
  }
}

async function stop(): Promise<object> {
  if (processing === undefined) {
    throw new Error("nothing is being processed");
  }
  stopping = true;
  try {
    return { settled: await processing.stop() };
  } finally {
    processing = undefined;
    stopping = false;
  }
}

/** Ends with what was said; processing goes to its end after SIGTERM. */
async function end(): Promise<void> {
  await processing?.catch(() => undefined);
  if (process.stdout.writableLength > 0) {
    await once(process.stdout, "drain");
  }
  process.exit(0);
}

process.on("SIGTERM", () => void end());

const lines = createInterface({ input: process.stdin });
lines.on("line", (line) => {
  const command = JSON.parse(line) as Command;
  if (command.op === "continue") {
    goOn();
  } else if (command.op === "stop") {
    void answer(command.id, stop);
  } else {
    queue.push(command);
    wake();
  }
});
lines.on("close", () => {
  process.exit(0);
});

for (;;) {
  const command = queue.shift();
  if (command === undefined) {
    await new Promise<void>((resolve) => {
      wake = resolve;
    });
  } else {
    await answer(command.id, () => context.with(caller, () => execute(command)));
  }
}
