import assert from "node:assert/strict";
import { test } from "node:test";
import { DEFAULT_ADDRESS, parseAddress } from "../src/core/address.js";

test("a socket's calls are for localhost", () => {
  const target = { target: "unix:/run/sidecommit/api.sock", authority: "localhost" };
  assert.deepEqual(parseAddress(DEFAULT_ADDRESS), target);
  assert.deepEqual(parseAddress("unix:/run/sidecommit/api.sock"), target);
});

test("a host and a port may be written as URLs are", () => {
  for (const address of ["sidecar:7000", "tcp://sidecar:7000", "http://sidecar:7000", "http://sidecar:7000/"]) {
    assert.deepEqual(parseAddress(address), { target: "dns:sidecar:7000", authority: undefined });
  }
  assert.deepEqual(parseAddress("[::1]:7000"), { target: "dns:[::1]:7000", authority: undefined });
});

test("what is no address is refused", () => {
  for (const address of [
    "",
    "sidecar",
    "unix:",
    "unix://",
    "unix:relative",
    "https://sidecar:7000",
    "sidecar:port",
    "http://sidecar:7000/path",
  ]) {
    assert.throws(() => parseAddress(address), TypeError, address);
  }
});
