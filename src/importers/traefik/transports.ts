// `serversTransports` of Traefik as `tls` of the services that use them.

import type { Path } from "../../config/problem.ts";
import type { Settings } from "../outline.ts";
import { shown } from "../outline.ts";
import { entriesOf, listOf, textOf, valueOf } from "./flat.ts";
import { isFile } from "./tls-options.ts";

type Note = (path: Path, text: string) => void;

const known = new Set([
  "servername",
  "insecureskipverify",
  "rootcas",
  "certificates",
  "disablehttp2",
]);

/** Of a service with `https` or `tls` backends. `value` is the whole file; without a name it is what the file says of all. */
export function transportOf(
  value: unknown,
  { kind, name }: { readonly kind: "http" | "tcp"; readonly name: string | undefined },
  note: Note,
): Settings {
  const found =
    name === undefined
      ? { path: ["serversTransport"], transport: valueOf(value, "serversTransport") }
      : {
          path: [kind, "serversTransports", name],
          transport: valueOf(valueOf(valueOf(value, kind), "serversTransports"), name),
        };
  const { path, transport } = found;
  if (transport === undefined) {
    const text = "is not in this file: say tls of the services that use it";
    if (name !== undefined) note([kind], `serversTransport ${shown(name)}: ${text}`);
    return {};
  }
  // That of TCP has them below `tls`.
  const options = kind === "tcp" ? valueOf(transport, "tls") : transport;
  for (const [key] of entriesOf(options)) {
    if (!known.has(key.toLowerCase()))
      note(path, `${key}: is not carried over; see tls of a service`);
  }
  return settingsOf(options, (text) => note(path, text));
}

function settingsOf(options: unknown, note: (text: string) => void): Settings {
  const serverName = textOf(valueOf(options, "serverName")) ?? "";
  const roots = listOf(valueOf(options, "rootCAs")).map((each) => textOf(each) ?? "");
  const [root, ...others] = roots;
  if (others.length > 0) note("rootCAs: put them into one file, which tls of a service can name");
  const hasRoot = root !== undefined && others.length === 0 && isFile(root);
  const [pair] = listOf(valueOf(options, "certificates"));
  const cert = textOf(valueOf(pair, "certFile")) ?? "";
  const key = textOf(valueOf(pair, "keyFile")) ?? "";
  const hasPair = isFile(cert) && isFile(key);
  if (pair !== undefined && !hasPair) note("certificates: write the certificate into two files");
  const tls = {
    ...(valueOf(options, "insecureSkipVerify") === true ? { verify: false } : {}),
    ...(hasRoot ? { ca: root } : {}),
    ...(/^[\w-]+(\.[\w-]+)*$/.test(serverName) ? { serverName } : {}),
    ...(hasPair ? { cert, key } : {}),
    ...(valueOf(options, "disableHTTP2") === true ? { http2: false } : {}),
  };
  return Object.keys(tls).length === 0 ? {} : { tls };
}
