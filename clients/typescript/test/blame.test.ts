import assert from "node:assert/strict";
import { test } from "node:test";
import { refused, thrown } from "../src/core/blame.js";
import { OffsetsCount } from "../src/core/offsets.js";
import { ConsumedRecord } from "../src/delivery.js";
import { BadRequestError, RejectError } from "../src/errors.js";
import { ConsumedRecord as Wire } from "../src/generated/sidecommit/v1/consume.js";

const record = (offset: number): ConsumedRecord => new ConsumedRecord("t", 0, Wire.fromPartial({ offset }));
const bad = (recordIndex?: number): BadRequestError =>
  new BadRequestError("UNKNOWN_TOPIC: no", {
    nextAction: "FIX_REQUEST",
    code: "INVALID_ARGUMENT",
    reason: "UNKNOWN_TOPIC",
    recordIndex,
  });

test("a handler that throws blames the record it was called with", () => {
  assert.deepEqual(thrown(new RangeError("too much"), record(5)), {
    offset: 5,
    retryable: true,
    errorClass: "RangeError",
    message: "too much",
  });
  assert.deepEqual(thrown("text", record(5)), { offset: 5, retryable: true, errorClass: "string", message: "text" });
});

test("in a batch nobody is blamed unless the error names the offset", () => {
  assert.equal(thrown(new Error("x"), undefined).offset, undefined);
  assert.equal(thrown(Object.assign(new Error("x"), { offset: 7 }), undefined).offset, 7);
  assert.equal(thrown(new RejectError("x", { offset: 8 }), undefined).offset, 8);
});

test("a rejected record is not attempted again", () => {
  assert.equal(thrown(new RejectError("x"), record(5)).retryable, false);
});

test("a refused output blames the input that it was made of", () => {
  const blame = { offset: 2, retryable: false, errorClass: "UNKNOWN_TOPIC", message: "UNKNOWN_TOPIC: no" };
  assert.deepEqual(refused(bad(1), [record(1), record(2)]), blame);
  assert.deepEqual(refused(bad(0), [undefined]), { ...blame, offset: undefined });
  assert.equal(refused(bad(), [record(1)]), undefined);
  assert.equal(refused(bad(1), [record(1)]), undefined);
});

test("offsets are counted once per group, topic and partition", () => {
  const offsets = new OffsetsCount();
  offsets.addAll({
    groupId: "g",
    offsets: [
      { topic: "t", partition: 0, offset: 1 },
      { topic: "t", partition: 1, offset: 1 },
    ],
  });
  offsets.add("g", "t", 0);
  offsets.add("h", "t", 0);
  assert.equal(offsets.count, 3);
});

test("a consumed record reads its value, and keeps absent apart from empty", () => {
  const full = new ConsumedRecord(
    "t",
    1,
    Wire.fromPartial({ value: Buffer.from('{"a":1}'), headers: [{ name: "h" }, { name: "h", value: Buffer.from("2") }] }),
  );
  assert.deepEqual(full.json(), { a: 1 });
  assert.equal(full.text(), '{"a":1}');
  assert.equal(
    full.decode((bytes) => bytes.length),
    7,
  );
  assert.equal(full.header("h")?.toString(), "2");
  assert.equal(full.header("other"), undefined);
  assert.equal(full.key, null);
  const tombstone = record(0);
  assert.deepEqual([tombstone.text(), tombstone.json(), tombstone.decode(() => 1)], [null, null, null]);
  const empty = new ConsumedRecord("t", 1, Wire.fromPartial({ value: new Uint8Array() }));
  assert.equal(empty.text(), "");
});
