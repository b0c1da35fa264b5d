// `fastcgi`, `scgi` and `uwsgi` of a service as the file says them → as the Snapshot holds them.

import { posix } from "node:path";
import { report } from "./context.ts";
import type { Context } from "./context.ts";
import type { GatewayProtocol, GatewaySettings } from "./gateway.ts";
import type { GatewayInput } from "./gateway-schema.ts";
import type { Path } from "./problem.ts";
import type { ServiceInput } from "./service-schema.ts";

const usualExtension = ".php";
const usualIndex = "index.php";

/** What of a program can be said, worked out from as little as possible. @param filesRoot "" = it stands beside no files */
export function resolveGateway(
  context: Context,
  { input, speaks, filesRoot }: GatewayWish,
  path: Path,
): GatewaySettings {
  const { script, params = {}, streamsUnknownLength = false, multiplex = false } = input;
  const hasScripts = script !== undefined || input.extensions?.length !== 0;
  const mayHave = speaks === "fastcgi" || script !== undefined || input.extensions !== undefined;
  const root =
    rootOf(context, input.root, [...path, "root"]) ?? (hasScripts && mayHave ? filesRoot : "");
  const isPhp = speaks === "fastcgi" && root !== "" && script === undefined;
  const extensions = [...new Set(input.extensions ?? (isPhp ? [usualExtension] : []))];
  if (root === "" && (extensions.length > 0 || script !== undefined)) {
    const message = "nothing says where the scripts are";
    const remedy = "add root, the folder of the scripts as the program itself calls it";
    const key = script === undefined ? "extensions" : "script";
    report(context, [...path, key], { message, remedy, at: "key" });
  }
  if (multiplex && speaks !== "fastcgi") {
    const message = `${speaks} has one request on a connection`;
    report(context, [...path, "multiplex"], { message, remedy: "leave it out", at: "key" });
  }
  return {
    root,
    index: input.index ?? (extensions.includes(usualExtension) ? usualIndex : ""),
    extensions,
    script,
    params,
    streamsUnknownLength,
    multiplex,
    sendFiles: rootOf(context, input.sendFiles, [...path, "sendFiles"]),
  };
}

export interface GatewayWish {
  readonly input: GatewayInput;
  readonly speaks: GatewayProtocol;
  readonly filesRoot: string;
}

/** As the program has it: nothing here is relative to. Without a slash at its end. */
export function rootOf(context: Context, written: string | undefined, path: Path) {
  if (written === undefined) return undefined;
  if (!written.startsWith("/")) {
    const message = `${JSON.stringify(written)} is not absolute`;
    report(context, path, { message, remedy: `write /${written.replace(/^(\.?\/)+/, "")}` });
    return undefined;
  }
  if (/\p{Cc}/u.test(written) || written.split("/").includes("..")) {
    const message = `${JSON.stringify(written)} has ".." or a control character in it`;
    report(context, path, { message, remedy: "write where it leads" });
    return undefined;
  }
  return posix.normalize(written).replace(/(?<=.)\/+$/, "");
}

const ofHttp = ["host", "tls", "proxyProtocol"] as const;
const whyNot = {
  host: "programs are told the client's Host as HTTP_HOST",
  tls: "there is no TLS in between",
  proxyProtocol: "programs are told the client's address as REMOTE_ADDR",
} as const;

/** Keys of a service that say nothing where no HTTP is spoken. */
export function checkGatewayKeys(
  context: Context,
  speaks: GatewayProtocol,
  input: ServiceInput,
  path: Path,
): void {
  for (const key of ofHttp) {
    if (input[key] === undefined) continue;
    const message = `says nothing for ${speaks}: ${whyNot[key]}`;
    report(context, [...path, key], { message, remedy: "leave it out", at: "key" });
  }
  if (input.check?.grpc === undefined || input.check.port !== undefined) return;
  const message = `no gRPC is spoken to ${speaks} backends`;
  report(context, [...path, "check"], { message, remedy: "write a path, or { tcp: true }" });
}
