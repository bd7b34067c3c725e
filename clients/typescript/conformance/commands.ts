import { setTimeout as sleep } from "node:timers/promises";
import type { Client, TransactionName } from "sidecommit";
import { ApplicationError, noteAttempts } from "./describe.js";
import { generated, ranges, record, type OutcomeCommand, type TransactCommand, type TransactionCommand } from "./protocol.js";

/** A scope. `pause` is called in the first attempt, if that is asked for. */
export async function transaction(
  client: Client,
  command: TransactionCommand,
  pause: (transactionId: string) => Promise<void>,
): Promise<object> {
  const deadlineMs = limit(command.deadline_ms);
  let attempts = 0;
  try {
    const committed = await client.run(
      async (transaction) => {
        attempts += 1;
        for (const one of command.records ?? []) {
          await transaction.produce(record(one), { deadlineMs });
        }
        for (const one of command.generate === undefined ? [] : generated(command.generate)) {
          await transaction.produce(one, { deadlineMs });
        }
        if (command.offsets !== undefined) {
          const { group_id: groupId, offsets } = command.offsets;
          await transaction.sendOffsets({ groupId, offsets }, { deadlineMs });
        }
        await sleep(command.hold_ms ?? 0);
        if (command.pause === true && attempts === 1) {
          await transaction.flush({ deadlineMs });
          await pause(transaction.transactionId);
        }
        if (command.end === "throw") {
          throw new ApplicationError("the application has thrown");
        }
      },
      { attempts: command.attempts ?? 1, timeoutMs: limit(command.timeout_ms), requestId: command.request_id, deadlineMs },
    );
    return { transaction_id: committed.transactionId, ranges: ranges(committed.ranges), attempts: committed.attempts };
  } catch (error) {
    noteAttempts(error, attempts);
    throw error;
  }
}

/** A transaction in one call. */
export async function transact(client: Client, command: TransactCommand): Promise<object> {
  const first = limit(command.first_attempt_ms);
  const committed = await client.transact((command.records ?? []).map(record), command.key, {
    attempts: command.attempts ?? 1,
    deadlineMs: limit(command.deadline_ms),
    firstAttemptTime: first === undefined ? undefined : new Date(first),
  });
  return { transaction_id: committed.transactionId, ranges: ranges(committed.ranges) };
}

/** What became of a transaction. */
export async function outcome(client: Client, command: OutcomeCommand): Promise<object> {
  const found = await client.getOutcome(name(command), { wait: command.wait, deadlineMs: limit(command.deadline_ms) });
  return { state: found.state, reason: found.reason, record_count: found.recordCount, ranges: ranges(found.ranges) };
}

function name(command: OutcomeCommand): TransactionName {
  if ("transaction_id" in command) {
    return { transactionId: command.transaction_id };
  }
  return "request_id" in command ? { requestId: command.request_id } : { idempotencyKey: command.key };
}

/** 0 is as good as absent. */
function limit(ms: number | undefined): number | undefined {
  return ms === 0 ? undefined : ms;
}
