/** Where a sidecar listens unless it is told otherwise. */
export const DEFAULT_ADDRESS = "unix:///run/sidecommit/api.sock";

/** What a gRPC channel needs to know of an address. */
export interface Target {
  /** In gRPC's naming syntax. */
  readonly target: string;
  /** The `:authority` of calls; undefined: that of the target. */
  readonly authority: string | undefined;
}

/**
 * Reads an address: `unix:///path`, `unix:/path` or `host:port`, the latter also after `tcp://` or `http://`.
 *
 * @throws TypeError if it is none of these.
 */
export function parseAddress(address: string): Target {
  const unix = /^unix:(?:\/\/)?(\/[^/].*)$/.exec(address);
  if (unix?.[1] !== undefined) {
    // Without it some servers and proxies are shown the socket's path as :authority and refuse it.
    return { target: `unix:${unix[1]}`, authority: "localhost" };
  }
  const tcp = /^(?:(?:tcp|http):\/\/)?((?:\[[0-9a-fA-F:.]+\]|[^\s/:[\]]+):\d{1,5})\/?$/.exec(address);
  if (tcp?.[1] !== undefined) {
    return { target: `dns:${tcp[1]}`, authority: undefined };
  }
  throw new TypeError(`not an address: ${JSON.stringify(address)}; give unix:///path or host:port`);
}
