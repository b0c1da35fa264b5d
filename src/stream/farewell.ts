// What a client is told, in the language it spoke, when its stream cannot be carried; most are told nothing,
// since nobody knows what they speak.

import { factsOf, type FailureCode } from "../http/errors.ts";
import { errorResponse } from "./postgres.ts";

export interface Spoken {
  /** It sent a TLS hello that nobody has answered. */
  readonly isTlsAwaited: boolean;
  /** What TLS has to say of it; undefined = what the code means there. */
  readonly alert: number | undefined;
  /** It speaks PostgreSQL, in the clear or within TLS that ends here. */
  readonly isPostgres: boolean;
}

const unrecognizedName = 112;
const decodeError = 50;
const internalError = 80;

export function farewell(
  code: FailureCode,
  { isTlsAwaited, isPostgres, alert: wanted }: Spoken,
): Buffer | undefined {
  // PostgreSQL's own message would be no TLS: its client would report a wrong version number.
  if (isTlsAwaited) return alert(wanted ?? alertFor(code));
  if (!isPostgres) return undefined;
  return errorResponse(code === "NO_ROUTE" ? "08004" : "08006", factsOf(code).text);
}

function alertFor(code: FailureCode): number {
  if (code === "NO_ROUTE") return unrecognizedName;
  return code === "CLIENT_HELLO_INVALID" ? decodeError : internalError;
}

/** RFC 8446 section 6: a record that says that the connection is over. */
function alert(description: number): Buffer {
  const fatal = 2;
  return Buffer.from([21, 3, 3, 0, 2, fatal, description]);
}
