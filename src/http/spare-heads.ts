// Request heads on loan to connections that are in an exchange, so that idle connections hold none and
// busy ones make none. Hot: bench/head.ts

import { RequestHead } from "./request-head.ts";

const spare: RequestHead[] = [];
/** More than are in use at once on a busy machine would only be memory. */
const maxSpare = 256;

export function takeHead(): RequestHead {
  return spare.pop() ?? new RequestHead();
}

/** Nobody may look at the head any more. */
export function giveBackHead(head: RequestHead): void {
  if (spare.length < maxSpare) spare.push(head);
}
