import { status } from "@grpc/grpc-js";
import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { connect, type Client } from "../src/client.js";
import { AbortedError, BadRequestError, DeadlineExceededError } from "../src/errors.js";
import { NextAction, Reason } from "../src/generated/sidecommit/v1/error.js";
import { Fake, lost, refusal } from "./fake.js";

const aborted = () => refusal(status.ABORTED, Reason.SIDECAR_RESTARTED, NextAction.BEGIN_AGAIN);
const numbers = (count: number): string[] => Array.from({ length: count }, (_, i) => String(i));

describe("a client of a sidecar", { concurrency: false }, () => {
  let fake: Fake;
  let client: Client;

  beforeEach(async () => {
    fake = new Fake();
    await fake.start();
    client = await connect({ address: fake.address, deadlineMs: 60_000 });
  });

  afterEach(() => {
    client.close();
    fake.stop();
  });

  test("a scope commits what it produced, and counts it", async () => {
    const ran = await client.run(async (transaction) => {
      for (const value of numbers(1200)) {
        await transaction.produce({ topic: "t", value });
      }
      await transaction.sendOffsets({ groupId: "g", offsets: [{ topic: "t", partition: 0, offset: 1 }] });
      return "value";
    });
    assert.equal(ran.value, "value");
    assert.equal(ran.attempts, 1);
    assert.equal(ran.recordCount, 1200);
    assert.deepEqual(fake.values.get("tx-1"), numbers(1200));
    assert.deepEqual(
      fake.commits.map(({ recordCount, offsetsCount }) => [recordCount, offsetsCount]),
      [[1200, 1]],
    );
  });

  test("a stream that breaks is opened again, and no record is missing or twice", async () => {
    fake.refuse("produceStream", undefined, lost(), undefined, lost());
    await client.run(async (transaction) => {
      for (const value of numbers(3000)) {
        await transaction.produce({ topic: "t", value });
      }
    });
    assert.equal(fake.streams, 3);
    assert.deepEqual(fake.values.get("tx-1"), numbers(3000));
  });

  test("transactions at the same time and one after the other keep their records apart, also over streams that break", async () => {
    fake.refuse("produceStream", ...Array.from({ length: 30 }, (_, i) => (i % 4 === 3 ? lost() : undefined)));
    const work = (prefix: string) =>
      client.run(async (transaction) => {
        for (const value of numbers(2000)) {
          await transaction.produce({ topic: "t", value: prefix + value });
        }
      });
    const ran = [...(await Promise.all([work("a"), work("b")])), await work("c")];
    ran.forEach(({ transactionId }, i) => {
      const expected = numbers(2000).map((value) => "abc".charAt(i) + value);
      assert.deepEqual(fake.values.get(transactionId), expected);
    });
  });

  test("a commit that misses records gets them, and is asked again", async () => {
    const incomplete = refusal(status.FAILED_PRECONDITION, Reason.INCOMPLETE, NextAction.RETRY_SAME, { nextSequence: 1 });
    fake.refuse("commit", incomplete, lost());
    await client.run((transaction) => transaction.produce({ topic: "t", value: "a" }));
    assert.equal(fake.commits.length, 3);
    assert.deepEqual(fake.values.get("tx-1"), ["a"]);
  });

  test("what the application throws aborts, once, and comes out as itself", async () => {
    const thrown = new Error("mine");
    const ran = client.run(async (transaction) => {
      await transaction.produce({ topic: "t", value: "a" });
      throw thrown;
    });
    await assert.rejects(ran, (error) => error === thrown);
    assert.deepEqual(fake.aborts, ["tx-1"]);
    assert.equal(fake.begun, 1);
  });

  test("an aborted transaction is begun again with the same work, and the hook is told", async () => {
    fake.refuse("commit", aborted());
    const told: [number, string | undefined][] = [];
    const ran = await client.run((transaction) => transaction.produce({ topic: "t", value: "a" }), {
      onRetry: (attempt, { reason }) => {
        told.push([attempt, reason]);
      },
    });
    assert.equal(ran.attempts, 2);
    assert.deepEqual(told, [[1, "SIDECAR_RESTARTED"]]);
    assert.deepEqual(fake.values.get("tx-2"), ["a"]);
    assert.deepEqual(fake.aborts, []);
  });

  test("attempts bound it, and the hook may stop it", async () => {
    fake.refuse("commit", aborted(), aborted(), aborted());
    await assert.rejects(
      client.run(() => undefined, { attempts: 2 }),
      AbortedError,
    );
    assert.equal(fake.begun, 2);
    await assert.rejects(
      client.run(() => undefined, { onRetry: () => false }),
      AbortedError,
    );
    assert.equal(fake.begun, 3);
  });

  test("a refused record comes out of the commit, and the rest is aborted", async () => {
    fake.refuse(
      "produceStream",
      refusal(status.INVALID_ARGUMENT, Reason.UNKNOWN_TOPIC, NextAction.FIX_REQUEST, { recordIndex: 0 }),
    );
    const ran = client.run((transaction) => transaction.produce({ topic: "nowhere", value: "a" }));
    await assert.rejects(
      ran,
      (error) => error instanceof BadRequestError && error.recordIndex === 0 && error.transactionId === "tx-1",
    );
    assert.deepEqual(fake.aborts, ["tx-1"]);
    assert.deepEqual(fake.commits, []);
  });

  test("a commit without an outcome is in doubt, is not aborted, and may be asked again", async () => {
    fake.refuse("commit", ...Array.from({ length: 100 }, lost));
    const transaction = await client.begin();
    await assert.rejects(
      transaction.commit({ deadlineMs: 200 }),
      (error) => error instanceof DeadlineExceededError && error.inDoubt,
    );
    await transaction[Symbol.asyncDispose]();
    assert.deepEqual(fake.aborts, []);
    fake.refuse("commit");
    assert.equal((await transaction.commit()).transactionId, "tx-1");
    await assert.rejects(
      transaction.produce({ topic: "t" }),
      (error) => error instanceof BadRequestError && error.reason === "NOT_OPEN",
    );
  });

  test("a scope of `await using` that ends without a commit aborts", async () => {
    const transaction = await client.begin();
    await transaction[Symbol.asyncDispose]();
    await transaction[Symbol.asyncDispose]();
    assert.deepEqual(fake.aborts, ["tx-1"]);
    await assert.rejects(transaction.commit(), (error) => error instanceof BadRequestError && error.reason === "ABORTED_BY_CALLER");
  });

  test("transact repeats with the time of its first attempt, also after an abort", async () => {
    fake.refuse("transact", lost(), aborted());
    const first = Date.now();
    await client.transact([{ topic: "t", value: "a" }], "key");
    const [one, two, three] = fake.transacts;
    assert.equal(one?.firstAttemptTime, undefined);
    assert.ok(two?.firstAttemptTime !== undefined && Math.abs(two.firstAttemptTime.getTime() - first) < 1000);
    assert.deepEqual(three, two);
    assert.equal(three.idempotencyKey, "key");
    assert.equal(Buffer.from(three.records[0]?.value ?? []).toString(), "a");
  });

  test("a signal ends the waiting with its reason", async () => {
    fake.refuse("transact", ...Array.from({ length: 100 }, lost));
    const reason = new Error("enough");
    const controller = new AbortController();
    const doing = client.transact([{ topic: "t" }], "key", { signal: controller.signal });
    controller.abort(reason);
    await assert.rejects(doing, (error) => error === reason);
  });

  test("a transaction that is open is kept alive, one that is over is not", async () => {
    fake.idleTimeoutMs = 60;
    const transaction = await client.begin();
    while (fake.keptAlive.length === 0) {
      await sleep(5);
    }
    await transaction.abort();
    await sleep(50);
    const calls = fake.keptAlive.length;
    await sleep(100);
    assert.equal(fake.keptAlive.length, calls);
  });
});

describe("a client without a sidecar", () => {
  let fake: Fake;
  before(async () => {
    fake = new Fake();
    await fake.start();
  });
  after(() => {
    fake.stop();
  });

  test("waits no longer than its deadline, and is not in doubt about what it did not ask", async () => {
    const client = await connect({ address: `${fake.address}.absent`, deadlineMs: 100 });
    await assert.rejects(client.begin(), (error) => error instanceof DeadlineExceededError && !error.inDoubt);
    await assert.rejects(client.waitReady(100), DeadlineExceededError);
    client.close();
    await assert.rejects(client.begin(), /closed/);
  });
});
