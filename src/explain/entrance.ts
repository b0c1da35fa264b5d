// Where a request comes in: which listener takes it, and which certificate it shows.

import type { Address, Listener, Snapshot } from "../config/snapshot.ts";
import { HostOptions } from "../config/host-options.ts";
import { CertificateIndex } from "../tls/certificate-index.ts";
import type { AskedUrl } from "./asked-request.ts";
import type { CertificateStep, ListenerStep, Question } from "./explanation.ts";

export interface Entrance {
  /** undefined = nobody takes it. */
  readonly listener: Listener | undefined;
  readonly step: ListenerStep;
}

export function entranceOf(snapshot: Snapshot, url: AskedUrl, { listener }: Question): Entrance {
  const all = snapshot.listeners.filter(({ protocol }) => protocol === "http");
  if (listener !== null) {
    const named = all.find(({ name }) => name === listener);
    const known = all.map(({ name }) => name).join(", ");
    const why = `there is no listener ${listener} that takes requests; there is ${known}`;
    return entrance(named, named === undefined ? why : "as asked for");
  }
  const scheme = url.isSecure ? "https" : "http";
  const speaking = all.filter(({ tls }) => (tls !== undefined) === url.isSecure);
  const exact = speaking.find(({ bind }) => bind.some((each) => isPort(each, url.port)));
  if (exact !== undefined) return entrance(exact, `it speaks ${scheme} on port ${url.port}`);
  const [only] = speaking;
  if (only !== undefined) {
    const port = `nobody listens on port ${url.port} itself`;
    return entrance(only, `assumed: it speaks ${scheme}, and ${port}`);
  }
  const [front] = all;
  if (!url.isSecure || front === undefined)
    return entrance(undefined, `no listener speaks ${scheme}`);
  const why =
    "assumed: no listener speaks https, so something in front of it would have to end TLS";
  return entrance(front, why);
}

function isPort(address: Address, port: number): boolean {
  return address.kind === "tcp" && address.port === port;
}

function entrance(listener: Listener | undefined, why: string): Entrance {
  const name = listener?.name ?? null;
  return { listener, step: { name, bind: listener?.bind.map(addressText) ?? [], why } };
}

function addressText(address: Address): string {
  if (address.kind === "unix") return `unix:${address.path}`;
  const host = address.host.includes(":") ? `[${address.host}]` : address.host;
  return `${host}:${address.port}`;
}

/** Looking a name up costs nothing once this is made. */
const indexes = new WeakMap<Snapshot["credentials"]["certificates"], CertificateIndex>();

/** @param host that TLS is spoken for; null = TLS does not end here */
export function certificateOf(
  { credentials, tls }: Snapshot,
  listener: Listener | undefined,
  host: string,
): CertificateStep | null {
  if (listener?.tls === undefined) return null;
  const { certificates, fallback } = credentials;
  if (fallback === undefined && certificates.length === 0) {
    return { names: [], until: null, why: "only the running program knows its certificates" };
  }
  let index = indexes.get(certificates);
  if (index === undefined)
    indexes.set(certificates, (index = new CertificateIndex(certificates, Date.now)));
  const { strict, clientAuth } = new HostOptions(tls.hosts, listener.tls).of(host);
  const asks = clientAuth === undefined ? "" : "; the client has to show a certificate too";
  const chosen = index.find(host);
  const [shown] = chosen?.certificates ?? [];
  const found = certificates.find(({ chain }) => chain === shown?.chain);
  if (found !== undefined) return stepOf(found, `it is for ${host}${asks}`);
  if (strict) {
    const why = `no certificate is for ${host}, and the handshake is refused (tls.strict)`;
    return { names: [], until: null, why };
  }
  const { defaultName } = tls;
  const [named] =
    (defaultName === undefined ? undefined : index.find(defaultName))?.certificates ?? [];
  const usual = certificates.find(({ chain }) => chain === named?.chain) ?? fallback;
  const why = `no certificate is for ${host}: browsers warn of the one that is shown${asks}`;
  return usual === undefined ? { names: [], until: null, why } : stepOf(usual, why);
}

function stepOf(
  { names, notAfter }: { readonly names: readonly string[]; readonly notAfter: number },
  why: string,
): CertificateStep {
  return { names: names.slice(0, 20), until: new Date(notAfter).toISOString(), why };
}
