import type { Delivery } from "./delivery.js";
import type { SidecommitError } from "./errors.js";
import { openIntake } from "./intake.js";
import type { Link } from "./link.js";
import type { SubscriptionOptions } from "./subscription.js";

/** What {@link Client.deliveries} takes. */
export interface DeliveriesOptions extends SubscriptionOptions {
  /** How many deliveries may be held at a time. Default 2: one that is worked on and one that is on its way. */
  readonly outstanding?: number | undefined;
  /** Ends the iteration, which throws the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** Deliveries one after the other. When the iteration is left, those that were not given out are given back. */
export async function* deliveries(link: Link, options: DeliveriesOptions): AsyncGenerator<Delivery, never, void> {
  const { outstanding = 2, signal } = options;
  signal?.throwIfAborted();
  const ready: Delivery[] = [];
  let failure: SidecommitError | undefined;
  let wake = (): void => undefined;
  const session = openIntake(link, options, outstanding, {
    take(delivery) {
      ready.push(delivery);
      wake();
    },
    failed(error) {
      failure = error;
      wake();
    },
  });
  const onAbort = (): void => {
    wake();
  };
  signal?.addEventListener("abort", onAbort);
  try {
    for (;;) {
      signal?.throwIfAborted();
      const delivery = ready.shift();
      if (delivery === undefined) {
        if (failure !== undefined) {
          throw failure;
        }
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      } else if (delivery.signal.aborted) {
        delivery.release();
      } else {
        yield delivery;
      }
    }
  } finally {
    signal?.removeEventListener("abort", onAbort);
    session.stop();
    for (const delivery of ready) {
      delivery.release();
    }
    await session.close();
  }
}
