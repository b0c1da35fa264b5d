// The schema of where clients connect: `listeners`, and of `tcpRoutes`, which say where connections of TCP
// listeners go. What needs more than one key is checked in `resolve-listener.ts` and `resolve-stream.ts`.

import * as z from "zod";
import { parseBind } from "./bind.ts";
import { defaultDatagrams } from "./limits.ts";
import { duration, durationKey, filePath, flag, integer, key, mapping, mustBe } from "./scalar.ts";
import { network, oneOrMore, parsed, text } from "./scalar.ts";
import { middlewareList } from "./middlewares/list-schema.ts";
import { whyNotChanged } from "./middlewares/header-names.ts";
import { networkSources } from "./network-sources.ts";
import { serviceUse } from "./service-schema.ts";
import { routeTlsKinds } from "./acme-settings.ts";
import { listenerTls } from "./tls-schema.ts";

const bindForms = 'write ":8080", "127.0.0.1:8080", "[::1]:8080" or "unix:/run/x.sock"';

const bind = oneOrMore(parsed({ what: "an address", remedy: bindForms }, parseBind), {
  what: "an address or a list of addresses",
  remedy: bindForms,
});

const datagrams = mapping({
  sessions: key(
    integer(1, 1_000_000),
    "Client addresses (with port) served at once; datagrams of one more are dropped.",
    defaultDatagrams.sessions,
  ),
  sessionsPerAddress: key(
    integer(1, 1_000_000),
    "As `sessions`, of one IP address.",
    defaultDatagrams.sessionsPerAddress,
  ),
  idle: durationKey(
    "How long a session is kept without a datagram in either direction.",
    defaultDatagrams.idle,
    1000,
  ),
});

const clientHeader = parsed(
  { what: "a header name", remedy: "write CF-Connecting-IP" },
  (name, refuse) => {
    const wrong = whyNotChanged(name);
    if (wrong !== undefined) return refuse(wrong.message);
    if (name.toLowerCase() !== "x-forwarded-for") return name.toLowerCase();
    return refuse("that one is a list, and is looked at without being named", "leave it out");
  },
);

const listenerMapping = mapping({
  bind: bind.meta({ description: "Where to listen; `:8080` is all addresses, IPv4 and IPv6." }),
  protocol: key(
    z.enum(["http", "tcp", "udp"]),
    "What comes there: requests, which go by `routes`; connections, which go by `tcpRoutes` and `service`; or datagrams.",
    "http",
  ),
  service: key(
    serviceUse,
    "Where connections go that no route of `tcpRoutes` claims, or all datagrams.",
  ),
  datagrams: key(datagrams, "Limits of a udp listener."),
  proxyProtocol: key(
    flag(),
    "Expect a PROXY protocol header (v1 or v2), and connections from trusted proxies only.",
    false,
  ),
  tls: key(
    listenerTls,
    "TLS ends here, with the certificates of `tls`: `true`, or what differs from there.",
    false,
  ),
  http2: key(
    flag(),
    "Clients may agree on HTTP/2 under TLS (ALPN), and it is preferred to HTTP/1.1. `false`: HTTP/1.1 only.",
    true,
  ),
  h2c: key(
    flag(),
    "Without TLS: clients may begin with HTTP/2 (prior knowledge), beside those that speak HTTP/1.1.",
    false,
  ),
  trustedProxies: key(networkSources(), "Instead of the global `trustedProxies`."),
  clientAddress: key(
    mapping({
      header: clientHeader.meta({
        description: "Field with one address, such as `CF-Connecting-IP` or `X-Real-IP`.",
      }),
    }),
    "Where trusted proxies say who the client is, instead of X-Forwarded-For.",
  ),
  middlewares: key(
    middlewareList,
    "What requests that come here go through before their route's own: as `middlewares` of a route.",
  ),
  timeouts: key(
    mapping({
      head: key(duration(), "As `timeouts.head`, for this listener."),
      idle: key(duration(), "As `timeouts.idle`, for this listener."),
    }),
    "What this listener grants, where it differs.",
  ),
});

export type ListenerInput = z.output<typeof listenerMapping>;

export const listener = z.union(
  [bind.transform((addresses): ListenerInput => ({ bind: addresses })), listenerMapping],
  { error: mustBe({ what: "an address, a list of addresses or a mapping", remedy: bindForms }) },
);

const pem = mapping({
  cert: filePath().meta({ description: "PEM file with the certificate and those above it." }),
  key: filePath().meta({ description: "PEM file with its key, not encrypted." }),
});

export const tcpRoute = mapping({
  listener: key(
    oneOrMore(text({ what: "the name of a listener" }), {
      what: "the name of a listener or a list of names",
    }),
    "The tcp listeners it is for. Without it: all of them.",
  ),
  sni: key(
    oneOrMore(text({ what: "a host name" }), { what: "a host name or a list of host names" }),
    'Names a TLS client asks for; `"*.example.com"` is every name below, `"*"` everything, TLS or not.',
  ),
  alpn: key(
    oneOrMore(
      parsed({ what: "a protocol" }, (value, refuse) =>
        /^[\x21-\x7e]{1,255}$/.test(value)
          ? value
          : refuse(`${JSON.stringify(value)} is not the name of a protocol`, "write h2"),
      ),
      { what: "a protocol or a list of protocols", remedy: "write h2" },
    ),
    "Protocols, one of which a TLS client offers (ALPN): `h2`, `http/1.1`, `postgresql`.",
  ),
  clientIp: key(
    oneOrMore(network(), { what: "a network or a list of networks" }),
    "Networks, one of which the client must be in.",
  ),
  rule: key(
    text({ what: "a rule", remedy: "write HostSNI(`example.com`)" }),
    "A rule of `HostSNI`, `HostSNIRegexp`, `ALPN` and `ClientIP`, instead of the three keys above.",
  ),
  priority: key(
    integer(-1_000_000_000, 1_000_000_000),
    "Rank among the routes that match; the higher goes first. Without it the more special does.",
  ),
  service: serviceUse.meta({
    description: "Where connections go: a service's name, URLs, or a service, with tcp backends.",
  }),
  tls: key(
    z.union([flag(), z.enum(routeTlsKinds), pem], {
      error: mustBe({
        what: "true, false, auto, internal, or a mapping of cert and key",
        remedy: "write tls: true",
      }),
    }),
    "TLS ends here: `true` with the certificates of `tls`, by the name that is asked for; `auto` or `internal`, and its names get one, as those of a route do; or with this one. What `tls` says of clients holds either way. Without it the client's TLS is passed on.",
    false,
  ),
  timeouts: key(
    mapping({
      connect: key(duration(), "As `timeouts.connect`, for this one."),
      tunnel: key(duration(), "As `timeouts.tunnel`, the longest silence, for this one."),
    }),
    "What this route grants, where it differs.",
  ),
});

export type TcpRouteInput = z.output<typeof tcpRoute>;
