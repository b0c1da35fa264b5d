// An origin with a name that answers with JSON: its name, and the request as it arrived.

import type { ListenOptions } from "node:net";
import type { Response } from "./client.ts";
import { type HttpOrigin, httpOrigin } from "./origin.ts";

export interface Echo {
  readonly origin: string;
  readonly method: string;
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface EchoOrigin extends HttpOrigin {
  /** What it was asked so far, without bodies. */
  readonly requests: readonly Omit<Echo, "body">[];
}

export async function echoOrigin(name: string, where?: ListenOptions): Promise<EchoOrigin> {
  const requests: Omit<Echo, "body">[] = [];
  const origin = await httpOrigin((request, response) => {
    const chunks: Buffer[] = [];
    const { method = "", url: target = "", headers } = request;
    const seen = { origin: name, method, target, headers: headers as Record<string, string> };
    requests.push(seen);
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const body = Buffer.concat(chunks).toString("latin1");
      response.setHeader("Content-Type", "application/json");
      response.end(JSON.stringify({ ...seen, body }));
    });
  }, where);
  return Object.assign(origin, { requests });
}

/** What an echo origin saw, out of its answer. */
export function echoOf(response: Response): Echo {
  if (response.status !== 200) throw new Error(`no echo: ${response.startLine} ${response.body}`);
  return JSON.parse(response.body) as Echo;
}
