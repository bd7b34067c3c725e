// Measures a client: transactions of many records one after the other, or of one record by many callers.
import { parseArgs } from "node:util";
import { randomBytes } from "node:crypto";
import { native } from "./native.js";
import { sidecommit } from "./sidecommit.js";

/** A client as it is measured. */
export interface Contender {
  /** One transaction of these values. */
  transaction(topic: string, values: readonly Buffer[]): Promise<void>;
  close(): Promise<void>;
}

/** What is measured: how many callers there are, and what each of their transactions has. */
const SHAPES = {
  bulk: { callers: 1, records: 10_000, bytes: 1024 },
  small: { callers: 32, records: 1, bytes: 100 },
};
const CONTENDERS = { sidecommit, native };

function isKey<T extends object>(key: string | undefined, of: T): key is keyof T & string {
  return key !== undefined && Object.hasOwn(of, key);
}

async function main(): Promise<void> {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: { topic: { type: "string" }, seconds: { type: "string" } },
  });
  const [name, shape] = positionals;
  const { topic } = values;
  const windowMs = Number(values.seconds) * 1000;
  if (!isKey(name, CONTENDERS) || !isKey(shape, SHAPES) || topic === undefined || !(windowMs > 0)) {
    throw new TypeError("usage: bench/run sidecommit|native bulk|small --topic T --seconds S");
  }
  const { callers, records, bytes } = SHAPES[shape];
  const payload = Array.from({ length: records }, () => randomBytes(bytes));
  const contender = await CONTENDERS[name](shape);

  const everyone = async (work: () => Promise<void>): Promise<void> => {
    await Promise.all(Array.from({ length: callers }, work));
  };
  await everyone(() => contender.transaction(topic, payload));
  const start = performance.now();
  let transactions = 0;
  await everyone(async () => {
    do {
      await contender.transaction(topic, payload);
      transactions += 1;
    } while (performance.now() - start < windowMs);
  });
  const seconds = (performance.now() - start) / 1000;
  await contender.close();
  console.log(JSON.stringify({ records: transactions * records, transactions, seconds }));
}

await main();
