// Fields that are about one connection only (RFC 9110 section 7.6.1), and those that Connection names.

import { Field, type FieldId, type Fields } from "../http/fields.ts";

const always: readonly FieldId[] = [
  Field.KEEP_ALIVE,
  Field.PROXY_CONNECTION,
  Field.TE,
  Field.TRANSFER_ENCODING,
  Field.UPGRADE,
  Field.PROXY_AUTHENTICATE,
  Field.PROXY_AUTHORIZATION,
  Field.HTTP2_SETTINGS,
];

/**
 * Never removed because Connection names them: without them the message would be read, or routed,
 * otherwise than we did.
 */
const kept: ReadonlySet<string> = new Set(["host", "content-length", "transfer-encoding", "close"]);

export function dropHopByHop(fields: Fields): void {
  if (fields.times(Field.CONNECTION) > 0) {
    const options = fields.joined(Field.CONNECTION);
    fields.drop(Field.CONNECTION);
    if (options !== "keep-alive" && options !== "close") dropNamed(fields, options);
  }
  for (let index = 0; index < always.length; index++) fields.drop(always[index]!);
}

function dropNamed(fields: Fields, options: string): void {
  for (const each of options.toLowerCase().split(",")) {
    const name = each.trim();
    // Whoever asks has no say in what we add ourselves.
    if (name !== "" && !kept.has(name)) fields.dropReceived(name);
  }
}
