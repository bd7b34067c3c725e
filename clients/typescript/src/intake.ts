import { Delivery } from "./delivery.js";
import type { SidecommitError } from "./errors.js";
import type { Link } from "./link.js";
import { Session } from "./rpc/session.js";
import { subscribe, type SubscriptionOptions } from "./subscription.js";

/** Who takes deliveries. */
export interface Taker {
  /** A delivery came. */
  take(delivery: Delivery): void;
  /** None will come any more. */
  failed(error: SidecommitError): void;
}

/** Opens a subscription, of which at most `capacity` deliveries are held at a time. */
export function openIntake(link: Link, options: SubscriptionOptions, capacity: number, taker: Taker): Session {
  const controllers = new Map<string, AbortController>();
  const session = new Session(link.channel, (sessionId) => subscribe(options, sessionId), capacity, {
    delivery(wire) {
      const controller = new AbortController();
      controllers.set(wire.deliveryId, controller);
      taker.take(new Delivery(options.groupId, wire, owner, controller.signal));
    },
    revoked(deliveryIds) {
      for (const id of deliveryIds) {
        controllers.get(id)?.abort(new Error("the delivery is void: its partition went, or its session is over"));
      }
    },
    failed(error) {
      taker.failed(error);
    },
  });
  const owner = {
    release: (id: string) => {
      session.release(id);
    },
    reject: (id: string, index: number, reason: string) => {
      session.reject(id, index, reason);
    },
    finish: (id: string) => {
      controllers.delete(id);
      session.finish(id);
    },
  };
  session.open();
  return session;
}
