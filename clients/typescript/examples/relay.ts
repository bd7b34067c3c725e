// Reads, and settles what it read in a transaction of its own, until it is told to stop.
import { AbortedError, connect } from "sidecommit";

const client = await connect();
const stop = new AbortController();
process.once("SIGTERM", () => {
  stop.abort();
});

const options = { groupId: "example-relay", topics: ["payments"], signal: stop.signal };
try {
  for await (const delivery of client.deliveries(options)) {
    const transaction = await client.begin();
    try {
      await transaction.settle(delivery);
      for (const { key, value } of delivery.records) {
        await transaction.produce({ topic: "receipts", key, value });
      }
      const { recordCount } = await transaction.commit();
      console.log(`relayed ${recordCount} records`);
    } catch (error) {
      await transaction[Symbol.asyncDispose]();
      // The records come again; they are not in this delivery any more.
      if (!(error instanceof AbortedError)) {
        throw error;
      }
      delivery.release();
    }
  }
} catch (error) {
  if (!stop.signal.aborted) {
    throw error;
  }
} finally {
  client.close();
}
