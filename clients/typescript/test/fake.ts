import { Metadata, Server, ServerCredentials, status, type ServiceError, type sendUnaryData } from "@grpc/grpc-js";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Status } from "../src/generated/google/rpc/status.js";
import { ErrorDetail, type NextAction, type Reason } from "../src/generated/sidecommit/v1/error.js";
import {
  GetServerInfoResponse,
  TransactionServiceService,
  type CommitRequest,
  type TransactionServiceServer,
  type TransactRequest,
} from "../src/generated/sidecommit/v1/transaction.js";
import { ServingState, TransactionState } from "../src/generated/sidecommit/v1/types.js";
import { duration } from "../src/subscription.js";

/** A status as the sidecar makes it. */
export function refusal(code: status, reason: Reason, nextAction: NextAction, detail: Partial<ErrorDetail> = {}): ServiceError {
  const value = ErrorDetail.encode(ErrorDetail.fromPartial({ reason, nextAction, ...detail })).finish();
  const packed = Status.encode({
    code,
    message: "refused",
    details: [{ typeUrl: "type.googleapis.com/sidecommit.v1.ErrorDetail", value }],
  });
  const metadata = new Metadata();
  metadata.set("grpc-status-details-bin", Buffer.from(packed.finish()));
  return Object.assign(new Error("refused"), { code, details: "refused", metadata });
}

/** A status as a gRPC library makes it when a connection breaks. */
export function lost(): ServiceError {
  return Object.assign(new Error("lost"), { code: status.UNAVAILABLE, details: "lost", metadata: new Metadata() });
}

type Call = "begin" | "commit" | "abort" | "transact" | "produceStream" | "sendOffsets";

/** A sidecar that takes everything, but for what a test tells it to refuse, and remembers what it was told. */
export class Fake {
  readonly commits: CommitRequest[] = [];
  readonly transacts: TransactRequest[] = [];
  readonly aborts: string[] = [];
  readonly keptAlive: string[] = [];
  begun = 0;
  streams = 0;
  idleTimeoutMs = 10_000;
  address = "";
  /** The values it has, by transaction. */
  readonly values = new Map<string, string[]>();
  /** The next calls' refusals, in order; undefined: that one is served. */
  readonly #refusals = new Map<Call, (ServiceError | undefined)[]>();
  readonly #server = new Server();

  async start(): Promise<void> {
    this.#server.addService(TransactionServiceService, this.#service());
    const path = join(mkdtempSync(join(tmpdir(), "sidecommit-")), "api.sock");
    await new Promise<void>((resolve, reject) => {
      this.#server.bindAsync(`unix:${path}`, ServerCredentials.createInsecure(), (error) => {
        if (error) {
          reject(error);
        } else {
          resolve();
        }
      });
    });
    this.address = `unix://${path}`;
  }

  stop(): void {
    this.#server.forceShutdown();
  }

  /** Refuses the next calls. */
  refuse(call: Call, ...refusals: (ServiceError | undefined)[]): void {
    this.#refusals.set(call, refusals);
  }

  #serve<R>(call: Call, callback: sendUnaryData<R>, answer: () => R): void {
    const refused = this.#refusals.get(call)?.shift();
    if (refused === undefined) {
      callback(null, answer());
    } else {
      callback(refused);
    }
  }

  #service(): TransactionServiceServer {
    return {
      getServerInfo: (_call, callback) => {
        const limits = { idleTimeout: duration(this.idleTimeoutMs) };
        callback(null, GetServerInfoResponse.fromPartial({ version: "0", limits, state: ServingState.READY }));
      },
      begin: (_call, callback) => {
        this.#serve("begin", callback, () => {
          this.begun += 1;
          this.values.set(`tx-${this.begun}`, []);
          return { transactionId: `tx-${this.begun}`, deadline: undefined };
        });
      },
      produce: (_call, callback) => {
        callback(lost());
      },
      produceStream: (call) => {
        this.streams += 1;
        call.on(
          "data",
          ({
            transactionId,
            sequence,
            records,
          }: {
            transactionId: string;
            sequence: number;
            records: { value?: Uint8Array }[];
          }) => {
            const values = this.values.get(transactionId) ?? [];
            const refused = this.#refusals.get("produceStream")?.shift();
            if (refused !== undefined) {
              call.emit("error", refused);
              return;
            }
            values.splice(sequence, records.length, ...records.map(({ value }) => Buffer.from(value ?? []).toString()));
            call.write({ nextSequence: values.length });
          },
        );
        call.on("end", () => {
          call.end();
        });
      },
      sendOffsets: ({ request }, callback) => {
        this.#serve("sendOffsets", callback, () => ({ offsetsCount: request.groupOffsets?.offsets.length ?? 0 }));
      },
      keepAlive: ({ request }, callback) => {
        this.keptAlive.push(...request.transactionIds);
        callback(null, { deadlines: [] });
      },
      commit: ({ request }, callback) => {
        this.commits.push(request);
        this.#serve("commit", callback, () => ({
          transactionId: request.transactionId,
          state: TransactionState.COMMITTED,
          ranges: [],
        }));
      },
      abort: ({ request }, callback) => {
        this.aborts.push(request.transactionId);
        this.#serve("abort", callback, () => ({ transactionId: request.transactionId, state: TransactionState.ABORTED }));
      },
      transact: ({ request }, callback) => {
        this.transacts.push(request);
        this.#serve("transact", callback, () => ({ transactionId: "tx", state: TransactionState.COMMITTED, ranges: [] }));
      },
      getTransaction: (_call, callback) => {
        callback(lost());
      },
    };
  }
}
