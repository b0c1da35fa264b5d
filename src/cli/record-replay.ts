// `tidegate replay`: sends what was recorded to somebody else, one request after the other, and says where the answers
// differ. It is sent by this command: the program and its backends do not notice.

import { request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import { recording as limits } from "../config/traffic-limits.ts";
import { readRecorded } from "../traffic/read-recorded.ts";
import type { FieldLine, RecordedExchange } from "../traffic/recorded.ts";
import { differencesOf, type Got, pathOf, sentFields, whyNotSent } from "../traffic/replay.ts";
import { paint } from "./paint.ts";
import { plain } from "./plain.ts";
import { ask, type CommandOptions, placeOf, printJson, understood } from "./running.ts";
import { noAnswerTo, problemOf } from "./traffic-answer.ts";

export interface ReplayOptions extends CommandOptions {
  /** URL of a backend, or of another proxy. */
  readonly to: string;
  readonly all: boolean;
  /** Names of fields that may differ. */
  readonly ignore: readonly string[];
  /** Certificates of whom it is sent to are not checked. */
  readonly insecure: boolean;
  /** ms, for each answer */
  readonly timeout: number;
}

interface Result {
  readonly request: string;
  readonly outcome: "same" | "different" | "failed" | "not sent";
  readonly differences: readonly string[];
}

/** Returns the exit code: 1 when anything was different, or failed. */
export async function replay(id: string, options: ReplayOptions): Promise<number> {
  const base = baseOf(options.to);
  const route = `/api/v1/records/${encodeURIComponent(id)}`;
  const answer = await ask(placeOf(options), { route, timeoutMs: 30_000 });
  if (answer.status !== 200) throw noAnswerTo(problemOf(answer));
  const exchanges = understood(answer, readRecorded);
  const results: Result[] = [];
  for (const each of exchanges) {
    const result = await resultOf(each, base, options);
    results.push(result);
    if (!options.json) tell(result);
  }
  const isBad = ({ outcome }: Result) => outcome === "different" || outcome === "failed";
  const code = results.some(isBad) ? 1 : 0;
  if (options.json) printJson({ record: id, to: options.to, results });
  else conclude(results, exchanges);
  return code;
}

function baseOf(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url !== undefined && /^https?:$/.test(url.protocol)) return url;
  throw noAnswerTo(`${JSON.stringify(text)} is no URL to send to: write http://127.0.0.1:3001`);
}

async function resultOf(
  recorded: RecordedExchange,
  base: URL,
  options: ReplayOptions,
): Promise<Result> {
  const request = `${recorded.entry.method} ${recorded.target}`;
  const why = whyNotSent(recorded, options.all);
  if (why !== undefined) return { request, outcome: "not sent", differences: [why] };
  try {
    const got = await sent(recorded, base, options);
    const ignored = new Set(options.ignore.map((name) => name.toLowerCase()));
    const differences = differencesOf(recorded, got, ignored);
    return { request, outcome: differences.length === 0 ? "same" : "different", differences };
  } catch (error) {
    const cause = error instanceof Error ? error.message : String(error);
    return { request, outcome: "failed", differences: [cause] };
  }
}

function sent(recorded: RecordedExchange, base: URL, options: ReplayOptions): Promise<Got> {
  const body = Buffer.from(recorded.body.base64, "base64");
  const fields = [...sentFields(recorded)];
  if (body.length > 0) fields.push(["Content-Length", String(body.length)]);
  const { promise, resolve, reject } = Promise.withResolvers<Got>();
  const send = base.protocol === "https:" ? httpsRequest : httpRequest;
  const outgoing = send(
    {
      hostname: base.hostname.replace(/^\[(.*)\]$/, "$1"),
      port: base.port,
      method: recorded.entry.method,
      path: `${base.pathname.replace(/\/$/, "")}${pathOf(recorded)}`,
      headers: fields.flat(),
      setHost: !fields.some(([name]) => name.toLowerCase() === "host"),
      agent: false,
      signal: AbortSignal.timeout(options.timeout),
      rejectUnauthorized: !options.insecure,
    },
    (response) => void collect(response).then(resolve, reject),
  );
  outgoing.on("error", reject);
  outgoing.end(body);
  return promise;
}

async function collect(response: IncomingMessage): Promise<Got> {
  const pieces: Buffer[] = [];
  let total = 0;
  for await (const bytes of response) {
    if (!Buffer.isBuffer(bytes)) continue;
    total += bytes.length;
    if (total > limits.replayed)
      throw new Error(`it answers with more than ${limits.replayed} bytes`);
    pieces.push(bytes);
  }
  const { rawHeaders: raw } = response;
  const fields = Array.from({ length: raw.length / 2 }, (_, at): FieldLine => {
    return [raw[at * 2] ?? "", raw[at * 2 + 1] ?? ""];
  });
  return { status: response.statusCode ?? 0, fields, body: Buffer.concat(pieces) };
}

const colours = { same: "green", different: "red", failed: "red", "not sent": "grey" } as const;

function tell({ request, outcome, differences }: Result): void {
  const out = process.stdout;
  out.write(`${paint(out, colours[outcome], outcome.padEnd(9))}  ${plain(request)}\n`);
  for (const each of differences) out.write(`           ${plain(each)}\n`);
}

function conclude(results: readonly Result[], exchanges: readonly RecordedExchange[]): void {
  const count = (outcome: Result["outcome"]) =>
    results.filter((each) => each.outcome === outcome).length;
  const all = (["same", "different", "failed", "not sent"] as const)
    .map((outcome) => `${count(outcome)} ${outcome}`)
    .join(", ");
  process.stdout.write(`${all}\n`);
  const left = [...new Set(exchanges.flatMap((each) => each.left))];
  if (left.length === 0) return;
  process.stderr.write(
    `note: recorded and sent without ${left.map(plain).join(", ")}; answers may differ for that\n`,
  );
}
