// Spans in the words of a collector: OTLP 1.x over HTTP, as JSON (opentelemetry-proto, "OTLP/HTTP").

import { hostname } from "node:os";
import type { Attribute, Span } from "./span.ts";

/** Span.SpanKind of the protocol. */
const kinds = { internal: 1, server: 2, client: 3 } as const;
/** Status.StatusCode of the protocol. */
const failed = 2;

/** @param service what the collector calls this program @returns the body of one request */
export function otlpBody(spans: readonly Span[], service: string, version: string): string {
  const resource = attributesOf([
    ["service.name", service],
    ["service.version", version],
    ["host.name", hostname()],
    ["process.pid", process.pid],
  ]);
  const scope = { name: "tidegate", version };
  return JSON.stringify({
    resourceSpans: [
      { resource: { attributes: resource }, scopeSpans: [{ scope, spans: spans.map(spanOf) }] },
    ],
  });
}

function spanOf(span: Span) {
  return {
    traceId: span.trace,
    spanId: span.id,
    ...(span.parent === "" ? {} : { parentSpanId: span.parent }),
    ...(span.state === "" ? {} : { traceState: span.state }),
    name: span.name,
    kind: kinds[span.kind],
    startTimeUnixNano: nanoseconds(span.begin),
    endTimeUnixNano: nanoseconds(span.end),
    attributes: attributesOf(span.attributes),
    status: span.failure === undefined ? {} : { code: failed, message: span.failure },
  };
}

/** 64-bit numbers are texts in the protocol's JSON. */
function nanoseconds(ms: number): string {
  // Nanoseconds since 1970 are more than a number holds exactly: in two parts.
  const at = performance.timeOrigin + ms;
  const whole = Math.floor(at);
  const rest = Math.floor((at - whole) * 1e6);
  return `${whole}${String(rest).padStart(6, "0")}`;
}

function attributesOf(attributes: readonly Attribute[]) {
  return attributes.map(([key, value]) => ({ key, value: valueOf(value) }));
}

function valueOf(value: Attribute[1]) {
  if (typeof value === "string") return { stringValue: value };
  if (typeof value === "boolean") return { boolValue: value };
  return Number.isInteger(value) ? { intValue: String(value) } : { doubleValue: value };
}
