import {
  Client,
  credentials,
  Metadata,
  status,
  type ClientDuplexStream,
  type MethodDefinition,
  type ServiceError,
  type StatusObject,
} from "@grpc/grpc-js";
import { parseAddress } from "../core/address.js";
import { readFailure, type Failure } from "../core/judge.js";
import type { Carrier } from "../tracing.js";

/** What of a generated method is used by a call. */
export type Method<Q, R> = Pick<MethodDefinition<Q, R>, "path" | "requestSerialize" | "responseDeserialize">;

const OPTIONS = {
  // A sidecar is near and comes back soon.
  "grpc.initial_reconnect_backoff_ms": 50,
  "grpc.max_reconnect_backoff_ms": 1000,
  // And it is never behind a proxy.
  "grpc.enable_http_proxy": 0,
  // Calls are repeated by this layer, which knows how; gRPC's own retries would keep a copy of each message.
  "grpc.enable_retries": 0,
  // What a delivery may have is said in Subscribe.
  "grpc.max_receive_message_length": -1,
  "grpc-node.flow_control_window": 4 * 1024 * 1024,
};

/** The connection to a sidecar: it connects when first used, and again by itself. */
export class Channel {
  readonly #client: Client;
  #closed = false;

  /** @throws TypeError if the address is none. */
  constructor(address: string) {
    const { target, authority } = parseAddress(address);
    const named = authority === undefined ? {} : { "grpc.default_authority": authority };
    this.#client = new Client(target, credentials.createInsecure(), { ...OPTIONS, ...named });
  }

  /** One call, which waits for a connection. Rejects with a gRPC error, or with the signal's reason. */
  unary<Q, R>(
    method: Method<Q, R>,
    request: Q,
    call: { deadline: Date; trace: Carrier; signal?: AbortSignal | undefined },
  ): Promise<R> {
    return new Promise((resolve, reject) => {
      this.#check();
      const { signal } = call;
      signal?.throwIfAborted();
      const cancel = (): void => {
        running.cancel();
      };
      const running = this.#client.makeUnaryRequest(
        method.path,
        method.requestSerialize,
        method.responseDeserialize,
        request,
        metadata(call.trace),
        { deadline: call.deadline },
        (error, response) => {
          signal?.removeEventListener("abort", cancel);
          if (signal?.aborted) {
            reject(signal.reason as Error);
          } else if (error === null && response !== undefined) {
            resolve(response);
          } else {
            reject(error ?? new Error(`${method.path}: neither an answer nor an error`));
          }
        },
      );
      signal?.addEventListener("abort", cancel, { once: true });
    });
  }

  /** Opens a stream in both directions, which waits for a connection. */
  stream<Q, R>(method: Method<Q, R>, trace: Carrier): ClientDuplexStream<Q, R> {
    this.#check();
    return this.#client.makeBidiStreamRequest(
      method.path,
      method.requestSerialize,
      method.responseDeserialize,
      metadata(trace),
      {},
    );
  }

  /** Ends the connection; what is running fails. */
  close(): void {
    this.#closed = true;
    this.#client.close();
  }

  #check(): void {
    if (this.#closed) {
      throw new Error("the client is closed");
    }
  }
}

/** Reads a call's error; undefined: it is not one of gRPC. */
export function failureOf(error: unknown): Failure | undefined {
  if (!(error instanceof Error) || !("metadata" in error) || !("code" in error)) {
    return undefined;
  }
  return failureOfStatus(error as ServiceError);
}

/** Reads a status that is not OK. */
export function failureOfStatus({ code, details, metadata }: StatusObject | ServiceError): Failure {
  const [packed] = metadata.get("grpc-status-details-bin");
  return readFailure(status[code], details, packed instanceof Uint8Array ? packed : undefined);
}

function metadata(trace: Carrier): Metadata {
  const made = new Metadata({ waitForReady: true });
  for (const [name, value] of Object.entries(trace)) {
    made.set(name, value);
  }
  return made;
}
