import assert from "node:assert/strict";
import { test } from "node:test";
import { Batches, batchBuffers } from "../src/core/batches.js";
import { RecordWriter } from "../src/core/wire.js";
import { ProduceStreamRequest } from "../src/generated/sidecommit/v1/transaction.js";

const limits = { batchRecords: 3, batchBytes: 200, windowRecords: 7, windowBytes: 1000 };
const record = (i: number, size = 1): { topic: string; value: string } => ({ topic: "t", value: String(i).padEnd(size, ".") });

function filled(count: number, size = 1): Batches {
  const batches = new Batches("tx", new RecordWriter(), batchBuffers(limits), limits);
  for (let i = 0; i < count; i++) {
    batches.add(record(i, size));
  }
  return batches;
}

/** Sends what there is: first sequence, and values, of each message. */
function sent(batches: Batches, partial = true): [number, string[]][] {
  const messages: [number, string[]][] = [];
  for (let batch = batches.next(partial); batch !== undefined; batch = batches.next(partial)) {
    const { transactionId, sequence, records } = ProduceStreamRequest.decode(batch.message);
    assert.equal(transactionId, "tx");
    messages.push([sequence, records.map(({ value }) => Buffer.from(value ?? []).toString())]);
  }
  return messages;
}

test("records are numbered and grouped", () => {
  const batches = filled(7);
  assert.deepEqual(sent(batches, false), [
    [0, ["0", "1", "2"]],
    [3, ["3", "4", "5"]],
  ]);
  assert.deepEqual(sent(batches), [[6, ["6"]]]);
  assert.deepEqual(sent(batches), []);
  assert.equal(batches.count, 7);
});

test("a batch has as many bytes as fit, a large record its own", () => {
  const batches = filled(2, 100);
  batches.add(record(2, 5000));
  batches.add(record(3));
  assert.deepEqual(
    sent(batches).map(([sequence, values]) => [sequence, values.length]),
    [
      [0, 1],
      [1, 1],
      [2, 1],
      [3, 1],
    ],
  );
});

test("records and bytes that are not acknowledged fill the window", () => {
  assert.equal(filled(6).full, false);
  const batches = filled(7);
  assert.equal(batches.full, true);
  sent(batches);
  batches.acknowledge(1);
  assert.equal(batches.full, false);
  assert.equal(filled(1, 1000).full, true);
});

test("after a break everything from the last acknowledged record on is sent again, byte for byte", () => {
  const batches = filled(7);
  sent(batches);
  batches.acknowledge(3);
  assert.ok(batches.sendAgain());
  assert.equal(batches.inFlight, false);
  assert.deepEqual(sent(batches), [
    [3, ["3", "4", "5"]],
    [6, ["6"]],
  ]);
  batches.acknowledge(7);
  assert.equal(batches.acknowledged, 7);
  assert.equal(batches.inFlight, false);
  assert.deepEqual(sent(batches), []);
});

test("of a batch that is acknowledged in part all is sent again", () => {
  const batches = filled(6);
  sent(batches);
  batches.acknowledge(4);
  assert.ok(batches.sendAgain());
  assert.deepEqual(sent(batches), [[3, ["3", "4", "5"]]]);
});

test("a next sequence that the sidecar names is an acknowledgement too, unless it goes back", () => {
  const batches = filled(6);
  sent(batches);
  assert.ok(batches.sendAgain(3));
  assert.equal(batches.acknowledged, 3);
  assert.equal(batches.sendAgain(2), false);
  batches.acknowledge(1);
  assert.equal(batches.acknowledged, 3);
});

test("a record that is refused leaves no trace", () => {
  const batches = filled(1);
  assert.throws(() => {
    batches.add({ topic: "t", partition: -1 });
  }, RangeError);
  batches.add(record(1));
  assert.deepEqual(sent(batches), [[0, ["0", "1"]]]);
});

test("a record is copied: what becomes of the caller's buffer does not matter", () => {
  const batches = filled(0);
  const value = Buffer.from("before");
  batches.add({ topic: "t", value });
  value.fill("x");
  assert.deepEqual(sent(batches), [[0, ["before"]]]);
});

/** Adds a batch and sends it. */
function sendBatch(batches: Batches): Buffer {
  for (let i = 0; i < limits.batchRecords; i++) {
    batches.add(record(i));
  }
  const batch = batches.next(false);
  assert.ok(batch !== undefined);
  return batch.message;
}

test("what a batch that arrived was written into is used again", () => {
  const batches = filled(0);
  // The first one has a small buffer of its own.
  sendBatch(batches);
  const second = sendBatch(batches);
  batches.acknowledge(5);
  assert.notEqual(sendBatch(batches).buffer, second.buffer);
  batches.acknowledge(6);
  assert.equal(sendBatch(batches).buffer, second.buffer);
});

test("what was given to a stream that broke is never written over", () => {
  const batches = filled(0);
  sendBatch(batches);
  const second = sendBatch(batches);
  assert.ok(batches.sendAgain());
  assert.equal(batches.next(false)?.end, 3);
  assert.equal(batches.next(false)?.message, second);
  batches.acknowledge(6);
  assert.notEqual(sendBatch(batches).buffer, second.buffer);
  // But what was sent once before the break, and arrived, is.
  const fourth = sendBatch(batches);
  assert.ok(batches.sendAgain(12));
  assert.equal(sendBatch(batches).buffer, fourth.buffer);
});
