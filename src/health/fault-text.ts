// What went wrong with a check's connection, in words for an operator.

import { quote } from "../lib/quote.ts";
import { isRefusalOfOurs, tlsFaultText } from "../upstream/tls-fault.ts";
import type { ProbeTarget } from "./attempt.ts";

const texts: Readonly<Record<string, string>> = {
  ECONNREFUSED: "refused the connection",
  ECONNRESET: "reset the connection",
  EPIPE: "closed the connection",
  ETIMEDOUT: "did not accept the connection in time",
  EHOSTUNREACH: "cannot be reached: there is no way to this host",
  ENETUNREACH: "cannot be reached: there is no way to this network",
  EACCES: "may not be connected to: permission denied",
  EPERM: "may not be connected to: forbidden by the system, often by a firewall",
  EMFILE: "was not asked: this process has too many open files",
  EADDRNOTAVAIL: "was not asked: this machine has no free port or no fitting address",
  EAI_AGAIN: "its name could not be looked up: the name server does not answer",
};

/** @param isOpen whether the connection stood when it happened */
export function faultText(
  error: NodeJS.ErrnoException,
  { backend, tls }: ProbeTarget,
  isOpen: boolean,
): string {
  const { code = "" } = error;
  const { address, secure } = backend;
  if (code === "ENOENT" && address.kind === "unix") return `there is no socket ${address.path}`;
  if (code === "ENOTFOUND" && address.kind === "tcp") {
    return `the name ${address.host} does not resolve to an address`;
  }
  const known = texts[code];
  if (known !== undefined) return known;
  if (secure && (!isOpen || isRefusalOfOurs(error))) return tlsFaultText(error, backend, tls);
  // OpenSSL's sentences come with its own file names and line numbers; the reason is what says something.
  const reason: unknown = Reflect.get(error, "reason");
  return quote(typeof reason === "string" ? reason : error.message);
}
