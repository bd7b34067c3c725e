import { randomUUID } from "node:crypto";
import { connect } from "sidecommit";
import type { Contender } from "./main.js";

/** This client. */
export async function sidecommit(shape: "bulk" | "small"): Promise<Contender> {
  const client = await connect();
  await client.waitReady();
  const close = (): Promise<void> => {
    client.close();
    return Promise.resolve();
  };
  if (shape === "small") {
    return {
      async transaction(topic, values) {
        await client.transact(
          values.map((value) => ({ topic, value })),
          randomUUID(),
        );
      },
      close,
    };
  }
  return {
    async transaction(topic, values) {
      await client.run(async (transaction) => {
        for (const value of values) {
          await transaction.produce({ topic, value });
        }
      });
    },
    close,
  };
}
