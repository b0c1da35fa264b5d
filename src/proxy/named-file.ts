// A program that does not send a file itself, but names it: X-Sendfile with its path, or X-Accel-Redirect with a path below
// `sendFiles`. Its own head goes with the file, its body nowhere. Clients never see either field.
//
// A program may have been talked into naming any file, so that only what is in that folder is sent, in truth and not only by
// its name, and nothing that is a program itself.

import type { GatewaySettings } from "../config/gateway.ts";
import { readsOf } from "../files/reading.ts";
import { looksLikeScript } from "../gateway/script-path.ts";
import type { NotFound, OpenFile, Premises } from "../guest/finding.ts";
import { factsOf, type FailureCode } from "../http/errors.ts";
import type { Exchange } from "../http/exchange.ts";
import type { Fields } from "../http/fields.ts";
import { isUnder, normalisePath } from "../lib/path.ts";
import { bytesOf } from "./gateway-head.ts";
import { fail } from "./fail.ts";
import { sendFile } from "./file-answer.ts";
import type { Plan } from "./plan.ts";
import { Search } from "./search.ts";

/** Orders to a proxy, as nginx and lighttpd take them. */
const orders = [
  "x-accel-redirect",
  "x-sendfile",
  "x-accel-buffering",
  "x-accel-charset",
  "x-accel-expires",
  "x-accel-limit-rate",
];

/** What the file has itself. */
const own = [
  "content-length",
  "content-type",
  "etag",
  "last-modified",
  "accept-ranges",
  "date",
  "content-range",
];

export interface NamedFile {
  readonly path: string;
  readonly status: number;
  readonly type: string;
  /** Field lines of the answer that go with it, each with its CR LF. */
  readonly lines: string;
}

interface Named {
  readonly status: number;
  readonly fields: Fields;
}

/** Takes orders out of the answer of a program. undefined = it names no file, or is not to. */
export function takeNamedFile(
  { status, fields }: Named,
  { sendFiles }: GatewaySettings,
): NamedFile | undefined {
  const url = fields.get("x-accel-redirect");
  const path = fields.get("x-sendfile");
  for (const each of orders) fields.dropNamed(each);
  if (sendFiles === undefined || status < 200 || status > 299) return undefined;
  const named = url === undefined ? path : pathOf(url, bytesOf(sendFiles));
  if (named === undefined) return undefined;
  const type = fields.get("content-type") ?? "";
  for (const each of own) fields.dropNamed(each);
  return { path: named, status, type, lines: fields.serialise() };
}

/** One below the folder, or one that begins with it. "" = what nobody can mean. */
function pathOf(url: string, folder: string): string {
  const path = normalisePath(url.split(/[?#]/, 1)[0] ?? "")?.path ?? "";
  if (!path.startsWith("/")) return "";
  const decoded = path.replaceAll(/%([0-9A-F]{2})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 16)),
  );
  return isUnder(decoded, folder) ? decoded : (folder === "/" ? "" : folder) + decoded;
}

interface Sender {
  readonly exchange: Exchange<Plan>;
  readonly plan: Plan;
  readonly premises: Premises;
  readonly gateway: GatewaySettings;
  /** It is there and cannot be sent, or is not to be. */
  onTrouble(cause: string): void;
}

type Outcome =
  | { readonly kind: "file"; readonly file: OpenFile }
  | { readonly kind: "failed"; readonly code: FailureCode; readonly why: string };

export function sendNamedFile(named: NamedFile, sender: Sender): void {
  const { exchange, plan, premises } = sender;
  Search.begin(
    exchange,
    outcomeOf(named, sender),
    (outcome) => {
      if (outcome.kind === "file") {
        sendFile(exchange, plan, outcome.file, named, readsOf(premises));
        return;
      }
      if (outcome.why !== "") sender.onTrouble(outcome.why);
      fail(exchange, outcome.code, plan.errorPages);
    },
    (outcome) => {
      if (outcome.kind === "file") outcome.file.close();
    },
  );
}

async function outcomeOf({ path }: NamedFile, { premises, gateway }: Sender): Promise<Outcome> {
  const folder = bytesOf(gateway.sendFiles ?? "");
  const what = `the program named the file ${JSON.stringify(path)}, which`;
  const refused = (why: string): Outcome => ({
    kind: "failed",
    code: "FILE_REFUSED",
    why: `${what} ${why}`,
  });
  if (!isUnder(path, folder) || /(?:^|\/)\.\.?(?:\/|$)/.test(path)) {
    return refused(`is not in ${folder}, where \`sendFiles\` allows it`);
  }
  const base = await premises.find(folder);
  if (base.kind === "file") base.file.close();
  if (base.kind !== "folder") return failedBy(base, folder);
  const found = await premises.find(path);
  if (found.kind === "folder")
    return { kind: "failed", code: "NO_FILE", why: `${what} is a folder` };
  if (found.kind !== "file") return failedBy(found, path);
  const { file } = found;
  const { realPath } = file;
  const isOutside = !isUnder(realPath, base.realPath);
  if (!isOutside && !looksLikeScript(realPath, gateway.extensions)) return { kind: "file", file };
  file.close();
  return refused(isOutside ? `leads out of ${folder}` : "is a program itself");
}

export function failedBy(
  found: NotFound | { readonly kind: "file" },
  path: string,
): Outcome & { kind: "failed" } {
  switch (found.kind) {
    case "nothing":
    case "file":
      return { kind: "failed", code: "NO_FILE", why: `there is no ${path}` };
    case "refused":
      return { kind: "failed", code: "FILE_REFUSED", why: found.why };
    case "away":
      return { kind: "failed", code: "GUEST_AWAY", why: found.why };
    case "late":
      return { kind: "failed", code: "FILE_TIMEOUT", why: factsOf("FILE_TIMEOUT").text };
    case "failed":
      return { kind: "failed", code: "FILE_FAILED", why: found.why };
  }
}
