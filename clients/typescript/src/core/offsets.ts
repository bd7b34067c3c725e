import type { GroupOffsets } from "../records.js";

/** The (group, topic, partition) offsets of a transaction, which Commit has to count. */
export class OffsetsCount {
  readonly #keys = new Set<string>();

  /** How many different ones there are. */
  get count(): number {
    return this.#keys.size;
  }

  /** Adds one; a delivery has one, its partition's. */
  add(groupId: string, topic: string, partition: number): void {
    this.#keys.add(JSON.stringify([groupId, topic, partition]));
  }

  /** Adds those of a group. */
  addAll({ groupId, offsets }: GroupOffsets): void {
    for (const { topic, partition } of offsets) {
      this.add(groupId, topic, partition);
    }
  }
}
