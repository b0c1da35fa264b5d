// Who is asking: the X-Forwarded-* family towards backends, and the client's address for us. What a
// client says about itself is believed only when the connection comes from a trusted proxy.

import { hostname } from "node:os";

import type { Exchange, ExchangeOrigin } from "../http/exchange.ts";
import { Field, type Fields } from "../http/fields.ts";
import { forwardedFields } from "../http/forwarded-fields.ts";
import { isAddress, plainAddress, type NetworkSet } from "../lib/ip.ts";
import { ownText } from "../lib/own-text.ts";

const serverName = hostname();

/** The lines that are the same for every request of a connection whose peer is not trusted. */
export function forwardedLinesOf(origin: ExchangeOrigin): string {
  const scheme = origin.isSecure ? "https" : "http";
  return (
    certificateLine(origin) +
    `X-Forwarded-For: ${origin.peerIp}\r\nX-Real-IP: ${origin.peerIp}\r\n` +
    `X-Forwarded-Proto: ${scheme}\r\nX-Forwarded-Protocol: ${scheme}\r\n` +
    `X-Forwarded-Port: ${origin.localPort}\r\nX-Forwarded-Server: ${serverName}\r\n`
  );
}

/** RFC 9440 section 2.2. */
function certificateLine({ tls }: ExchangeOrigin): string {
  const shown = tls?.clientCertificate ?? "";
  return shown === "" ? "" : `Client-Cert: :${shown}:\r\n`;
}

/**
 * Takes the client's own claims out of the request's fields, and returns the lines that replace them.
 * Must run before the fields are written for a backend, once for an exchange.
 * @param mount path that the route took off and puts back into answers; "" = none
 */
export function replaceForwarded(
  exchange: Exchange,
  withForwarded: boolean,
  mount: string = "",
): string {
  const { request, origin } = exchange;
  const lines = origin.isPeerTrusted
    ? trustedLines(exchange)
    : request.host === ""
      ? origin.forwardedLines
      : `${origin.forwardedLines}X-Forwarded-Host: ${request.host}\r\n`;
  const forwarded = withForwarded ? forwardedLine(exchange) : "";
  // What is in front of us took its part off before us.
  const outer = origin.isPeerTrusted ? request.fields.first(Field.X_FORWARDED_PREFIX) : "";
  const prefix = outer + mount === "" ? "" : `X-Forwarded-Prefix: ${outer}${mount}\r\n`;
  // RFC 9440 section 4: from a trusted proxy that ended TLS itself they may be true.
  const isRelayed = origin.isPeerTrusted && (origin.tls?.clientCertificate ?? "") === "";
  if (!isRelayed) {
    request.fields.drop(Field.CLIENT_CERT);
    request.fields.drop(Field.CLIENT_CERT_CHAIN);
  }
  for (const each of forwardedFields) request.fields.drop(each);
  const said = lines + forwarded + prefix;
  const { added } = request.fields;
  return ours.test(added) ? withoutThose(said, added) : said;
}

const ours = /^(?:x-forwarded-|x-real-ip:|forwarded:)/im;

/** What an operator has a middleware say stands in the place of what we would. */
function withoutThose(lines: string, added: string): string {
  const nameOf = (line: string) => line.slice(0, line.indexOf(":")).toLowerCase();
  const names = new Set(added.split("\r\n").map(nameOf));
  return lines
    .split(/(?<=\r\n)/)
    .filter((line) => !names.has(nameOf(line)))
    .join("");
}

/** A trusted proxy's claims are kept, and its own address is added to the chain. */
function trustedLines(exchange: Exchange): string {
  const { request, origin } = exchange;
  const { fields } = request;
  const scheme = origin.isSecure ? "https" : "http";
  const chain = fields.joined(Field.X_FORWARDED_FOR);
  const proto = fields.first(Field.X_FORWARDED_PROTO) || scheme;
  const lines = [
    `X-Forwarded-For: ${chain === "" ? "" : `${chain}, `}${origin.peerIp}`,
    `X-Real-IP: ${exchange.clientIp}`,
    `X-Forwarded-Proto: ${proto}`,
    `X-Forwarded-Protocol: ${fields.first(Field.X_FORWARDED_PROTOCOL) || proto}`,
    `X-Forwarded-Port: ${fields.first(Field.X_FORWARDED_PORT) || origin.localPort}`,
    `X-Forwarded-Server: ${fields.first(Field.X_FORWARDED_SERVER) || serverName}`,
    `X-Forwarded-Host: ${fields.first(Field.X_FORWARDED_HOST) || request.host}`,
    "",
  ];
  return certificateLine(origin) + lines.join("\r\n");
}

/** RFC 7239. The host is quoted, since it may hold a colon. */
function forwardedLine(exchange: Exchange): string {
  const { request, origin } = exchange;
  const node = origin.peerIp.includes(":") ? `"[${origin.peerIp}]"` : origin.peerIp;
  const host = request.host === "" ? "" : `;host="${request.host.replaceAll(/["\\]/g, "")}"`;
  const own = `for=${node}${host};proto=${origin.isSecure ? "https" : "http"}`;
  const chain = origin.isPeerTrusted ? request.fields.joined(Field.FORWARDED) : "";
  return `Forwarded: ${chain === "" ? "" : `${chain}, `}${own}\r\n`;
}

/** As a trusted proxy names it in a field of its own; what is said twice, or is no address, is not believed. */
export function namedClient(fields: Fields, header: string, peerIp: string): string {
  const [value = "", ...more] = fields.valuesOf(header);
  const address = plainAddress(value.trim());
  return more.length === 0 && isAddress(address) ? ownText(address) : peerIp;
}

/**
 * The client's address as trusted proxies report it: the last one in X-Forwarded-For that is not a
 * trusted proxy itself. Entries further left can be made up by anyone.
 */
export function clientAddress(fields: Fields, peerIp: string, trusted: NetworkSet): string {
  const chain = fields.joined(Field.X_FORWARDED_FOR).split(",");
  let address = peerIp;
  for (let index = chain.length - 1; index >= 0; index--) {
    const named = plainAddress(withoutPort(chain[index]!.trim()));
    if (!isAddress(named)) break;
    address = named;
    if (!trusted.has(named)) break;
  }
  // It is remembered by many who count.
  return ownText(address);
}

/** Some proxies name the port too: `192.0.2.1:4711`, `[2001:db8::1]:4711`. */
function withoutPort(entry: string): string {
  if (entry.startsWith("[")) return /^\[([^\]]+)\](?::\d{1,5})?$/.exec(entry)?.[1] ?? entry;
  const colon = entry.indexOf(":");
  const isPort = colon !== -1 && /^\d{1,5}$/.test(entry.slice(colon + 1));
  return isPort ? entry.slice(0, colon) : entry;
}
