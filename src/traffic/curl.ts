// A recorded request as a command for a shell. Everything in it was chosen by somebody else: all is quoted.

import type { RecordedExchange } from "./recorded.ts";
import { hidden } from "./secrets.ts";

/** Made by curl itself, or about a connection that is gone. */
const own = new Set(["host", "connection", "content-length", "transfer-encoding", "keep-alive"]);

export function curlOf({ entry, target, fields, body }: RecordedExchange): string {
  const url = target.startsWith("/") ? `${entry.scheme}://${entry.host}${target}` : target;
  const words = ["curl", "--proto", "=http,https", "--globoff", "--path-as-is"];
  words.push(...(entry.method === "HEAD" ? ["--head"] : ["--request", quoted(entry.method)]));
  for (const [name, value] of fields) {
    if (own.has(name.toLowerCase()) || value === hidden) continue;
    // Without a value curl would leave it out.
    words.push("--header", quoted(value === "" ? `${name};` : `${name}: ${value}`));
  }
  // What begins with a dash would be an option.
  const to = ["--url", quoted(url)];
  if (body.base64 === "") return [...words, ...to].join(" ");
  const send = [...words, "--data-binary", "@-", ...to].join(" ");
  return `printf %s ${quoted(body.base64)} | base64 -d | ${send}`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
