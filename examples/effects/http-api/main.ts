// Charges each payment that it reads at an HTTP API, once, and writes the receipt, whatever of it, its sidecar and the API fails.
import { connect, RejectError, type ConsumedRecord, type ProducerRecord } from "sidecommit";

/** "Not now", where 4xx else means "never". */
const LATER = [408, 409, 425, 429];

function setting(name: string): string {
  const value = process.env[name];
  if (value === undefined) {
    throw new Error(`${name} is not set`);
  }
  return value;
}

const api = setting("API_URL");
const receipts = setting("RECEIPTS_TOPIC");

/** Calls the API. What it throws has the record come again, with the same key; a RejectError has it given up. */
async function charge(record: ConsumedRecord): Promise<ProducerRecord> {
  const response = await fetch(api, {
    method: "POST",
    // The request is made of the record alone: a repeat is the same request.
    headers: { "Content-Type": "application/json", "Idempotency-Key": record.idempotencyKey },
    body: record.text(),
    signal: AbortSignal.timeout(10_000),
  });
  const answer = Buffer.from(await response.arrayBuffer());
  if (response.ok) {
    return { topic: receipts, key: record.key, value: answer };
  }
  const message = `${response.status} of ${record.idempotencyKey}: ${answer.toString()}`;
  throw response.status < 500 && !LATER.includes(response.status) ? new RejectError(message) : new Error(message);
}

const client = await connect();
try {
  await client.process({
    groupId: setting("GROUP_ID"),
    topics: [setting("TOPIC")],
    groupInstanceId: process.env["POD_NAME"],
    // A failed call has those before it in its delivery repeated.
    maxRecords: 10,
    deadLetterTopic: process.env["DEAD_LETTER_TOPIC"],
    handler: charge,
  });
} finally {
  client.close();
}
