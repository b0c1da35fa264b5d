// Reason phrases for the answers we make ourselves (RFC 9110 section 15; 499 is the log's only).

import { STATUS_CODES } from "node:http";

export function reasonOf(status: number): string {
  return STATUS_CODES[status] ?? "Unknown";
}
