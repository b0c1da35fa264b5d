// One POST with a small body, for webhooks and ntfy: a connection of its own, no redirects (what is signed or
// carries a token goes where the operator wrote, and nowhere else), and an end in time.

import { request as requestPlain } from "node:http";
import type { ClientRequest, IncomingMessage, RequestOptions } from "node:http";
import { request as requestTls } from "node:https";
import type { Delivery } from "./delivery.ts";
import { oneLine } from "./alert.ts";
import { plainPart } from "./redact.ts";

/** Receivers only write a note of it. */
const timeout = 10_000;
/** What is read of an answer: more than any error message. */
const mostBytes = 64 * 1024;

export interface Post {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly signal: AbortSignal;
}

export async function post({ url, headers, body, signal: stop }: Post): Promise<Delivery> {
  const target = new URL(url);
  const limit = AbortSignal.timeout(timeout);
  const signal = AbortSignal.any([stop, limit]);
  const payload = Buffer.from(body);
  const options: RequestOptions = {
    method: "POST",
    agent: false,
    signal,
    headers: {
      "User-Agent": "Tidegate",
      ...authorization(target),
      ...headers,
      "Content-Length": payload.length,
    },
  };
  target.username = "";
  target.password = "";
  const open = target.protocol === "https:" ? requestTls : requestPlain;
  try {
    const { status, text } = await answerTo(open(target, options), payload);
    return deliveryOf(target.host, status, text);
  } catch (error) {
    if (limit.aborted) return { kind: "failed", text: `${target.host}: no answer in 10 s` };
    const why = error instanceof Error ? error.message : String(error);
    return { kind: "failed", text: `${target.host}: ${why}` };
  }
}

function authorization({ username, password }: URL): Record<string, string> {
  if (username === "" && password === "") return {};
  const pair = `${plainPart(username)}:${plainPart(password)}`;
  return { Authorization: `Basic ${Buffer.from(pair).toString("base64")}` };
}

interface Answer {
  readonly status: number;
  readonly text: string;
}

function answerTo(request: ClientRequest, payload: Buffer): Promise<Answer> {
  return new Promise((resolve, reject) => {
    request.on("error", reject);
    request.on("response", (response) => {
      beginningOf(response).then((text) => {
        resolve({ status: response.statusCode ?? 0, text });
        // What else it has to say is not wanted, nor is the connection.
        request.destroy();
      }, reject);
    });
    request.end(payload);
  });
}

async function beginningOf(response: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of response) {
      const part = Buffer.from(chunk);
      parts.push(part);
      size += part.length;
      if (size >= mostBytes) break;
    }
  } catch {
    // It said what it thinks of the message, and then not all of its reasons: the status counts.
  }
  return Buffer.concat(parts).toString("utf8", 0, mostBytes);
}

function deliveryOf(host: string, status: number, text: string): Delivery {
  if (status >= 200 && status < 300) return { kind: "taken", text: `${host} took it (${status})` };
  if (status >= 300 && status < 400) {
    const why = `answered ${status}: redirects are not followed, write the address it leads to`;
    return { kind: "refused", text: `${host} ${why}` };
  }
  const said = oneLine(text, 120);
  const answer = `${host} answered ${status}${said === "" ? "" : `: ${said}`}`;
  // Too many, too early, or its own fault: the same message may do later.
  const isLater = status >= 500 || status === 408 || status === 425 || status === 429;
  return { kind: isLater ? "failed" : "refused", text: answer };
}
