// Asks the running program over its control socket. Says in its outcome what a caller must tell apart:
// nobody there, not allowed, an answer of whatever status, or a connection that ended without one.

import { request } from "node:http";
import { StringDecoder } from "node:string_decoder";

/** An answer longer than this is not one of ours. Ten thousand routes have some MiB. */
const maxAnswerBytes = 64 * 1024 * 1024;

export interface Question {
  readonly route: string;
  /** GET unless said otherwise. */
  readonly method?: "GET" | "POST" | "PUT" | "DELETE";
  readonly body?: unknown;
  /** For the whole answer; without it as long as it takes, since a restart may take minutes. */
  readonly timeoutMs?: number;
  /** Gives up. */
  readonly signal?: AbortSignal;
  /** Gets the lines of a stream as they come, instead of one body at the end. */
  readonly onLine?: (line: string) => void;
}

export type Answer =
  | { readonly kind: "answer"; readonly status: number; readonly body: unknown }
  /** Nobody listens at the path. */
  | { readonly kind: "absent" }
  /** Somebody may, but we may not connect. */
  | { readonly kind: "denied" }
  /** Connected, but no whole answer came. */
  | { readonly kind: "lost"; readonly why: string };

export function askControl(path: string, question: Question): Promise<Answer> {
  const { route, method = "GET", body, timeoutMs } = question;
  const text = body === undefined ? "" : JSON.stringify(body);
  const signals = [
    question.signal ?? [],
    timeoutMs === undefined ? [] : AbortSignal.timeout(timeoutMs),
  ];
  const { promise, resolve } = Promise.withResolvers<Answer>();
  const outgoing = request(
    {
      socketPath: path,
      path: route,
      method,
      // One connection for one question: nothing is left behind that keeps a command from ending.
      agent: false,
      headers: { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(text) },
      signal: AbortSignal.any(signals.flat()),
    },
    (response) => {
      const reader = readerFor(response.statusCode === 200 ? question.onLine : undefined);
      response.on("data", (bytes: Buffer) => {
        if (!reader.take(bytes)) outgoing.destroy(new Error("the answer is too long"));
      });
      response.on("end", () => {
        resolve({ kind: "answer", status: response.statusCode ?? 0, body: reader.end() });
      });
      response.on("error", (error) => resolve({ kind: "lost", why: error.message }));
    },
  );
  outgoing.on("error", (error) => resolve(failed(error)));
  outgoing.end(text);
  return promise;
}

function failed(error: Error): Answer {
  const code = "code" in error ? error.code : undefined;
  switch (code) {
    case "ENOENT":
    case "ECONNREFUSED":
    case "ENOTDIR":
    case "ENOTSOCK":
      return { kind: "absent" };
    case "EACCES":
    case "EPERM":
      return { kind: "denied" };
    default:
      return { kind: "lost", why: error.message };
  }
}

interface Reader {
  /** Returns false when it is too much. */
  take(bytes: Buffer): boolean;
  end(): unknown;
}

function readerFor(onLine: ((line: string) => void) | undefined): Reader {
  return onLine === undefined ? bodyReader() : lineReader(onLine);
}

function bodyReader(): Reader {
  const chunks: Buffer[] = [];
  let total = 0;
  return {
    take(bytes) {
      total += bytes.length;
      chunks.push(bytes);
      return total <= maxAnswerBytes;
    },
    end() {
      const text = Buffer.concat(chunks).toString();
      try {
        return JSON.parse(text);
      } catch {
        return text; // not one of ours; whoever reads it will say so
      }
    },
  };
}

function lineReader(onLine: (line: string) => void): Reader {
  const decoder = new StringDecoder();
  let rest = "";
  return {
    take(bytes) {
      const lines = (rest + decoder.write(bytes)).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) onLine(line);
      return rest.length <= maxAnswerBytes;
    },
    end: () => undefined,
  };
}
