// Recorded exchanges as an HTTP Archive 1.2 (w3c.github.io/web-performance/specs/HAR/Overview.html), which browsers and
// other tools read.

import type { FieldLine, RecordedBody, RecordedExchange } from "./recorded.ts";

export function harOf(exchanges: readonly RecordedExchange[], version: string) {
  return {
    log: {
      version: "1.2",
      creator: { name: "Tidegate", version },
      entries: exchanges.map(entryOf),
    },
  };
}

function entryOf(recorded: RecordedExchange) {
  const { entry, version, fields, body, answer, left } = recorded;
  const url = urlOf(recorded);
  const sent = textOf(body);
  const got = textOf(answer.body);
  const location = valueOf(answer.fields, "location") ?? "";
  // Whoever asks in HTTP/1.0 is answered in HTTP/1.1, as RFC 9112 section 2.3 has it.
  const answered = version === "HTTP/2.0" ? version : "HTTP/1.1";
  const wait = entry.backendTime ?? entry.duration;
  return {
    startedDateTime: new Date(entry.time - entry.duration).toISOString(),
    time: entry.duration,
    request: {
      ...{ method: entry.method, url, httpVersion: version },
      cookies: cookiesOf(valueOf(fields, "cookie") ?? "", ";"),
      headers: pairs(fields),
      queryString: queryOf(url),
      ...(body.bytes === 0
        ? {}
        : { postData: { mimeType: valueOf(fields, "content-type") ?? "", params: [], ...sent } }),
      ...{ headersSize: -1, bodySize: body.bytes },
    },
    response: {
      ...{ status: entry.status, statusText: "", httpVersion: answered, cookies: [] },
      headers: pairs(answer.fields),
      content: {
        size: answer.body.bytes,
        mimeType: valueOf(answer.fields, "content-type") ?? "",
        ...got,
      },
      ...{ redirectURL: location, headersSize: -1, bodySize: answer.body.bytes },
    },
    cache: {},
    timings: { send: 0, wait, receive: Math.max(0, entry.duration - wait) },
    ...(left.length === 0 ? {} : { comment: `left out: ${left.join(", ")}` }),
    _route: entry.route,
    _backend: entry.backend,
  };
}

function urlOf({ entry, target }: RecordedExchange): string {
  return target.startsWith("/") ? `${entry.scheme}://${entry.host}${target}` : target;
}

function pairs(lines: readonly FieldLine[]) {
  return lines.map(([name, value]) => ({ name, value }));
}

function valueOf(lines: readonly FieldLine[], wanted: string): string | undefined {
  return lines.find(([name]) => name.toLowerCase() === wanted)?.[1];
}

/** As text if it is one. */
function textOf({ base64, bytes }: RecordedBody) {
  const buffer = Buffer.from(base64, "base64");
  const text = buffer.toString();
  const isCut = buffer.length < bytes ? { comment: `the first ${buffer.length} bytes` } : {};
  const isText = Buffer.from(text).equals(buffer);
  return isText ? { text, ...isCut } : { text: base64, encoding: "base64", ...isCut };
}

function queryOf(url: string) {
  const question = url.indexOf("?");
  if (question === -1) return [];
  return [...new URLSearchParams(url.slice(question + 1))].map(([name, value]) => ({
    name,
    value,
  }));
}

function cookiesOf(text: string, separator: string) {
  return text.split(separator).flatMap((each) => {
    const equals = each.indexOf("=");
    if (equals === -1) return [];
    return [{ name: each.slice(0, equals).trim(), value: each.slice(equals + 1).trim() }];
  });
}
