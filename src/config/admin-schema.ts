// The key `admin`: where the API listens, and for whom.

import * as z from "zod";
import { parseBind } from "./bind.ts";
import { filePath, flag, key, list, mapping, mustBe, parsed } from "./scalar.ts";

const bindRemedy = "write 127.0.0.1:8081";

const bind = parsed({ what: "an address", remedy: bindRemedy }, (text, refuse) => {
  const address = parseBind(text, refuse);
  if (address?.kind !== "unix") return address;
  return refuse("the API needs an address; the control socket is there in any case", bindRemedy);
}).meta({ title: "address" });

const originRemedy = "write https://ops.example.com, or https://ops.example.com:8443";

const origin = parsed({ what: "an origin", remedy: originRemedy }, (text, refuse) => {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url !== undefined && /^https?:$/.test(url.protocol) && url.origin === text) return text;
  return refuse(`${JSON.stringify(text)} is not an origin`, originRemedy);
}).meta({ title: "origin" });

const hostRemedy = "write a name without port, such as tidegate.example.com";

const host = parsed({ what: "a host name", remedy: hostRemedy }, (text, refuse) =>
  /^[a-z\d]([a-z\d-]*[a-z\d])?(\.[a-z\d]([a-z\d-]*[a-z\d])?)*$/i.test(text) && text.length <= 253
    ? text.toLowerCase()
    : refuse(`${JSON.stringify(text)} is not a host name`, hostRemedy),
).meta({ title: "host name" });

const tls = mapping({
  cert: filePath().meta({ description: "Certificate with those above it, PEM." }),
  key: filePath().meta({ description: "Its private key, PEM." }),
});

const adminMapping = mapping({
  bind: key(
    bind,
    "Where it listens. Beyond loopback it needs `tls`, or `allowPlain`. Port 0 = any that is free.",
    "127.0.0.1:8081",
  ),
  tls: key(tls, "Serve it by https. Read again with every reload."),
  allowPlain: key(
    flag(),
    "Listen beyond loopback without TLS: passwords and tokens can be read on the way.",
    false,
  ),
  hosts: key(
    list(host, { what: "a list of host names", remedy: hostRemedy }),
    "Names by which clients may ask for it, besides localhost and addresses.",
  ),
  cors: key(
    list(origin, { what: "a list of origins", remedy: originRemedy }),
    "Origins whose pages may use it, with a token.",
  ),
});

export type AdminInput = z.output<typeof adminMapping>;

export const admin = z.union(
  [flag().transform((isOn): AdminInput | undefined => (isOn ? {} : undefined)), adminMapping],
  {
    error: mustBe({
      what: "a mapping, true or false",
      remedy: "write false, or bind: 127.0.0.1:8081 below it",
    }),
  },
);
