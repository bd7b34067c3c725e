import type { ClientDuplexStream, ServiceError } from "@grpc/grpc-js";
import { Holdings } from "../core/holdings.js";
import { isRepeat, nextAction, refusal } from "../core/judge.js";
import { backoff } from "../core/backoff.js";
import type { SidecommitError } from "../errors.js";
import {
  ConsumeServiceService as service,
  type ConsumeRequest,
  type ConsumeResponse,
  type Delivery,
  type Subscribe,
} from "../generated/sidecommit/v1/consume.js";
import { failureOfStatus, type Channel } from "./channel.js";

type ConsumeCall = ClientDuplexStream<ConsumeRequest, ConsumeResponse>;
type Saying = NonNullable<ConsumeRequest["kind"]>;

// What was said and is not read by then matters no more than a stream that broke.
const CLOSE_MS_MAX = 5000;

/** What a session tells. */
export interface SessionEvents {
  /** A delivery came, which is held until `finish`. */
  delivery(delivery: Delivery): void;
  /** Deliveries became void. */
  revoked(deliveryIds: readonly string[]): void;
  /** The subscription cannot go on. */
  failed(error: SidecommitError): void;
}

/**
 * A membership in a consumer group: keeps a Consume stream, resumes its session when the stream breaks, begins another when
 * the session is over, and asks for as many deliveries as may be held.
 */
export class Session {
  readonly #channel: Channel;
  readonly #subscribe: (sessionId: string) => Subscribe;
  readonly #holdings: Holdings;
  readonly #events: SessionEvents;
  #call: ConsumeCall | undefined;
  #timer: NodeJS.Timeout | undefined;
  #breaks = 0;
  #closed: (() => void) | undefined;

  constructor(channel: Channel, subscribe: (sessionId: string) => Subscribe, capacity: number, events: SessionEvents) {
    this.#channel = channel;
    this.#subscribe = subscribe;
    this.#holdings = new Holdings(capacity);
    this.#events = events;
  }

  /** Subscribes. */
  open(): void {
    this.#holdings.opened();
    const call = this.#channel.stream(service.consume, {});
    this.#call = call;
    call.on("data", ({ kind }: ConsumeResponse) => {
      if (call === this.#call && kind !== undefined) {
        this.#onTold(kind);
      }
    });
    call.on("end", () => {
      if (call === this.#call) {
        this.#onEnd();
      }
    });
    call.on("error", (error: ServiceError) => {
      if (call === this.#call) {
        this.#onFailure(error);
      }
    });
    this.#say({ $case: "subscribe", subscribe: this.#subscribe(this.#holdings.sessionId) });
  }

  /** Gives a delivery back. On a broken stream nothing is said: the delivery is told again. */
  release(deliveryId: string): void {
    this.#say({ $case: "release", release: { deliveryId } });
  }

  /** Gives a record up. */
  reject(deliveryId: string, index: number, reason: string): void {
    this.#say({ $case: "reject", reject: { deliveryId, index, reason } });
  }

  /** A delivery is no longer held. */
  finish(deliveryId: string): void {
    this.#holdings.finished(deliveryId);
    this.#ask();
  }

  /** No more deliveries are asked for. */
  stop(): void {
    this.#holdings.close();
  }

  /** Ends the stream; resolves when the sidecar has read all that was said, or is not there. */
  async close(): Promise<void> {
    this.stop();
    clearTimeout(this.#timer);
    const call = this.#call;
    if (call === undefined) {
      return;
    }
    const impatience = setTimeout(() => {
      call.cancel();
    }, CLOSE_MS_MAX);
    await new Promise<void>((resolve) => {
      this.#closed = resolve;
      call.end();
    });
    clearTimeout(impatience);
  }

  #onTold(kind: NonNullable<ConsumeResponse["kind"]>): void {
    switch (kind.$case) {
      case "sessionStarted": {
        this.#breaks = 0;
        this.#events.revoked(this.#holdings.started(kind.sessionStarted.sessionId, kind.sessionStarted.resumed));
        this.#ask();
        break;
      }
      case "delivery":
        if (this.#holdings.delivered(kind.delivery.deliveryId)) {
          this.#events.delivery(kind.delivery);
        }
        break;
      case "revoked":
        this.#events.revoked(kind.revoked.deliveryIds);
        break;
      // Where partitions came from and went, that there is nothing to read, and that what was given back was void anyway:
      // nothing to do.
      case "assigned":
      case "idle":
      case "refused":
        break;
    }
  }

  #onFailure(error: ServiceError): void {
    if (this.#closed !== undefined) {
      this.#onEnd();
      return;
    }
    const failure = failureOfStatus(error);
    const action = nextAction(failure, false);
    if (action === "BEGIN_AGAIN") {
      this.#events.revoked(this.#holdings.over());
    } else if (!isRepeat(action)) {
      this.#call = undefined;
      const refused = refusal(failure, action);
      refused.cause = error;
      this.#events.failed(refused);
      return;
    }
    this.#again(failure.retryAfterMs);
  }

  #onEnd(): void {
    if (this.#closed !== undefined) {
      this.#call = undefined;
      this.#closed();
    } else {
      this.#again(undefined);
    }
  }

  #again(waitMs: number | undefined): void {
    this.#call = undefined;
    this.#breaks += 1;
    this.#timer = setTimeout(
      () => {
        this.open();
      },
      waitMs ?? backoff(this.#breaks),
    );
  }

  #ask(): void {
    if (this.#call === undefined) {
      return;
    }
    const deliveries = this.#holdings.ask();
    if (deliveries > 0) {
      this.#say({ $case: "credit", credit: { deliveries } });
    }
  }

  #say(kind: Saying): void {
    this.#call?.write({ kind });
  }
}
