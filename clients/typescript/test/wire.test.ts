import assert from "node:assert/strict";
import { test } from "node:test";
import { RecordWriter, varintSize, writeVarint } from "../src/core/wire.js";
import { TransactRequest } from "../src/generated/sidecommit/v1/transaction.js";
import type { Record as WireRecord } from "../src/generated/sidecommit/v1/types.js";
import type { ProducerRecord } from "../src/records.js";
import { encode } from "../src/transact.js";

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);

/** What the generated code reads of what is written here. */
function reread(...records: ProducerRecord[]): TransactRequest["records"] {
  const { bytes: written, count } = encode(new RecordWriter(), records);
  assert.equal(count, records.length);
  return TransactRequest.decode(written).records;
}

test("the generated code reads what is written", () => {
  const long = "ü".repeat(9000);
  const [full, bare] = reread(
    {
      topic: "orders",
      key: "alice",
      value: long,
      partition: 300,
      timestampMs: 2 ** 52 + 1,
      headers: [
        ["a", "1"],
        ["a", bytes(255, 0)],
        ["null", null],
        ["", ""],
      ],
    },
    { topic: "orders" },
  );
  assert.ok(full !== undefined && bare !== undefined);
  assert.equal(full.topic, "orders");
  assert.equal(Buffer.from(full.key ?? []).toString(), "alice");
  assert.equal(Buffer.from(full.value ?? []).toString(), long);
  assert.equal(full.partition, 300);
  assert.equal(full.timestampMs, 2 ** 52 + 1);
  assert.deepEqual(
    full.headers.map(({ name, value }) => [name, value && [...value]]),
    [
      ["a", [49]],
      ["a", [255, 0]],
      ["null", undefined],
      ["", []],
    ],
  );
  assert.deepEqual(bare, {
    topic: "orders",
    partition: undefined,
    key: undefined,
    value: undefined,
    headers: [],
    timestampMs: undefined,
  });
});

/** What the generated code reads of what it writes itself. */
function generated(...records: WireRecord[]): WireRecord[] {
  return TransactRequest.decode(Buffer.from(TransactRequest.encode(TransactRequest.fromPartial({ records })).finish())).records;
}

test("every combination of fields is what the generated code writes", () => {
  const absentEmptySome = [undefined, bytes(), bytes(0, 255)];
  const header = [
    { name: "größe", value: bytes(1) },
    { name: "", value: undefined },
  ];
  const combinations: WireRecord[] = ["t", "tøpic-主题-🎈"].flatMap((topic) =>
    absentEmptySome.flatMap((key) =>
      absentEmptySome.flatMap((value) =>
        [undefined, 0, 7, 2 ** 31 - 1].flatMap((partition) =>
          [undefined, 0, 1, 2 ** 32, Number.MAX_SAFE_INTEGER].flatMap((timestampMs) =>
            [[], header].map((headers) => ({ topic, key, value, partition, timestampMs, headers })),
          ),
        ),
      ),
    ),
  );
  const given = combinations.map(({ headers, ...record }) => ({
    ...record,
    headers: headers.map(({ name, value }) => [name, value ?? null] as const),
  }));
  assert.equal(given.length, 720);
  assert.deepEqual(reread(...given), generated(...combinations));
});

test("lengths at which a prefix grows are what the generated code writes", () => {
  for (const length of [0, 127, 128, 16_383, 16_384]) {
    const record = { topic: "t".repeat(length), key: Buffer.alloc(length, "k"), value: Buffer.alloc(length, "v") };
    const headers = [{ name: "h".repeat(length), value: Buffer.alloc(length, "w") }];
    const given = { ...record, headers: headers.map(({ name, value }) => [name, value] as const) };
    assert.deepEqual(reread(given), generated({ ...record, headers, partition: undefined, timestampMs: undefined }));
  }
  // With these the length of the whole record is at such a boundary too.
  for (let length = 100; length < 140; length++) {
    assert.equal(reread({ topic: "t", value: Buffer.alloc(length) }, { topic: "u" })[0]?.value?.length, length);
  }
});

test("empty and absent differ", () => {
  const [empty, absent] = reread({ topic: "t", key: "", value: bytes() }, { topic: "t", key: null, value: null });
  assert.deepEqual([empty?.key?.length, empty?.value?.length], [0, 0]);
  assert.deepEqual([absent?.key, absent?.value], [undefined, undefined]);
});

test("headers may be an object or any iterable", () => {
  const [object, map] = reread({ topic: "t", headers: { a: "1", b: null } }, { topic: "t", headers: new Map([["c", "2"]]) });
  assert.deepEqual(
    object?.headers.map(({ name }) => name),
    ["a", "b"],
  );
  assert.deepEqual(
    map?.headers.map(({ name }) => name),
    ["c"],
  );
});

test("a record takes the room that was measured, whatever its lengths", () => {
  const writer = new RecordWriter();
  for (const length of [0, 1, 126, 127, 128, 129, 16_383, 16_384, 70_000]) {
    const measured = writer.measure({
      topic: "t",
      key: "k".repeat(length),
      value: Buffer.alloc(length),
      partition: length,
      timestampMs: length,
    });
    assert.equal(writer.write(measured, Buffer.alloc(measured.size), 0), measured.size);
  }
});

test("numbers of any size are written as Protobuf does", () => {
  const target = Buffer.alloc(10);
  for (const [value, expected] of [
    [0, [0]],
    [127, [127]],
    [128, [128, 1]],
    [300, [0xac, 2]],
  ] as const) {
    assert.equal(writeVarint(target, 0, value), varintSize(value));
    assert.deepEqual([...target.subarray(0, varintSize(value))], expected);
  }
  assert.equal(varintSize(Number.MAX_SAFE_INTEGER), 8);
});

test("what is no record is refused before anything is written", () => {
  const writer = new RecordWriter();
  assert.throws(() => writer.measure({ topic: "t", partition: 2 ** 31 }), RangeError);
  for (const partition of [-1, 0.5, NaN, 2 ** 53]) {
    assert.throws(() => writer.measure({ topic: "t", partition }), RangeError);
    assert.throws(() => writer.measure({ topic: "t", timestampMs: partition }), RangeError);
  }
  assert.throws(() => writer.measure({ topic: "t", value: 5 as never }), TypeError);
  assert.throws(() => writer.measure({ topic: 5 as never }), TypeError);
});
