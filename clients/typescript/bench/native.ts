import { randomUUID } from "node:crypto";
import { createRequire } from "node:module";
import type { Contender } from "./main.js";

// What is used of Confluent's client: the faster one of its two interfaces, that of node-rdkafka. bench/build installs it beside the
// workspace, so that nobody else has to.
type Done = (error: Error | null | undefined) => void;
interface Producer {
  connect(options: object, done: Done): void;
  disconnect(done: Done): void;
  initTransactions(timeoutMs: number, done: Done): void;
  beginTransaction(done: Done): void;
  commitTransaction(timeoutMs: number, done: Done): void;
  produce(topic: string, partition: number | null, value: Buffer): void;
  setPollInterval(ms: number): void;
}
interface Rdkafka {
  Producer: new (config: object) => Producer;
}

const PRODUCERS = { bulk: 1, small: 8 };
const TIMEOUT_MS = 60_000;
const POLL_MS = 5;

function done(call: (done: Done) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    call((error) => {
      if (error) {
        reject(error);
      } else {
        resolve();
      }
    });
  });
}

async function producer({ Producer }: Rdkafka, shape: "bulk" | "small"): Promise<Producer> {
  const made = new Producer({
    "bootstrap.servers": process.env["BOOTSTRAP_SERVERS"],
    "transactional.id": `bench-typescript-${randomUUID()}`,
    // There is nothing to wait for if a transaction has one record.
    "linger.ms": shape === "small" ? 0 : 5,
  });
  await done((call) => {
    made.connect({}, call);
  });
  made.setPollInterval(POLL_MS);
  await done((call) => {
    made.initTransactions(TIMEOUT_MS, call);
  });
  return made;
}

/** Confluent's client, with a producer for each transaction that is open at a time. */
export async function native(shape: "bulk" | "small"): Promise<Contender> {
  const require = createRequire(`${process.env["NATIVE"] ?? ""}/package.json`);
  const rdkafka = require("@confluentinc/kafka-javascript") as Rdkafka;
  const all = await Promise.all(Array.from({ length: PRODUCERS[shape] }, () => producer(rdkafka, shape)));
  const idle = [...all];
  const waiting: ((producer: Producer) => void)[] = [];
  const acquire = (): Promise<Producer> => {
    const free = idle.pop();
    return free === undefined ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve(free);
  };
  const release = (free: Producer): void => {
    const next = waiting.shift();
    if (next === undefined) {
      idle.push(free);
    } else {
      next(free);
    }
  };
  return {
    async transaction(topic, values) {
      const mine = await acquire();
      await done((call) => {
        mine.beginTransaction(call);
      });
      for (const value of values) {
        mine.produce(topic, null, value);
      }
      await done((call) => {
        mine.commitTransaction(TIMEOUT_MS, call);
      });
      release(mine);
    },
    async close() {
      await Promise.all(
        all.map((one) =>
          done((call) => {
            one.disconnect(call);
          }),
        ),
      );
    },
  };
}
