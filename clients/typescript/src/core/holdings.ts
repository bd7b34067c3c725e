/**
 * What an application holds of a subscription: keeps its session, its deliveries, and how many more were asked for, over
 * streams that break and sessions that end.
 */
export class Holdings {
  readonly #capacity: number;
  readonly #held = new Set<string>();
  #sessionId = "";
  #credit = 0;
  #closing = false;

  /** @param capacity how many deliveries may be held at a time. */
  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** What to subscribe with; empty: a new session. */
  get sessionId(): string {
    return this.#sessionId;
  }

  /** A stream begins: without credit, whatever the one before had. */
  opened(): void {
    this.#credit = 0;
  }

  /** The session stands. Returns those that are held and void, for another session had them; they are held until finished(). */
  started(sessionId: string, resumed: boolean): string[] {
    this.#sessionId = sessionId;
    return resumed ? [] : [...this.#held];
  }

  /** The session is over. Returns those that are held and void; they are held until finished(). */
  over(): string[] {
    this.#sessionId = "";
    return [...this.#held];
  }

  /** A delivery came. False: it is held already, for a resumed session tells it again. */
  delivered(deliveryId: string): boolean {
    if (this.#held.has(deliveryId)) {
      return false;
    }
    this.#held.add(deliveryId);
    this.#credit = Math.max(0, this.#credit - 1);
    return true;
  }

  /** A delivery is no longer held. */
  finished(deliveryId: string): void {
    this.#held.delete(deliveryId);
  }

  /** Nothing more is wanted. */
  close(): void {
    this.#closing = true;
  }

  /** How many deliveries more to ask for now. */
  ask(): number {
    const more = this.#closing ? 0 : Math.max(0, this.#capacity - this.#held.size - this.#credit);
    this.#credit += more;
    return more;
  }
}
