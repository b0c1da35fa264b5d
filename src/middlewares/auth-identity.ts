// Whom the backend is told that asks. It believes these fields, so that nothing of what a client says in them may get
// there: also not in a spelling that programs behind a CGI-like gateway cannot tell from theirs.

import type { Exchange } from "../http/exchange.ts";
import type { Fields } from "../http/fields.ts";

export class IdentityFields {
  readonly #folded: readonly string[];

  /** @param names of fields, in any case; "" counts as none */
  constructor(names: readonly string[]) {
    this.#folded = names.filter((each) => each !== "").map(folded);
  }

  /** Before anything else: also of those that are let through without a look. */
  dropClaims({ fields }: Exchange["request"]): void {
    if (this.#folded.length > 0) fields.dropWhere((name) => this.#has(name));
  }

  #has(name: string): boolean {
    for (const each of this.#folded) {
      if (each.length === name.length && folded(name) === each) return true;
    }
    return false;
  }
}

/** Gateways make `_` of whatever is no letter or digit. */
function folded(name: string): string {
  return name.toLowerCase().replaceAll(/[^a-z0-9]/g, "-");
}

/** Text as the value of a field, in UTF-8 of a character for each byte; undefined = it would be more than a value. */
export function fieldValue(text: string): string | undefined {
  // oxlint-disable-next-line no-control-regex -- that is what is looked for
  if (/[\u0000-\u001f\u007f]/.test(text)) return undefined;
  return Buffer.from(text.trim()).latin1Slice();
}

/** Tells the log and, in a field that it has none of any more, the backend. What cannot be said in a field is not said. */
export function tellUser(exchange: Exchange, field: string, user: string): void {
  const value = fieldValue(user) ?? "";
  exchange.user = value;
  if (field !== "" && value !== "") exchange.request.fields.add(field, value);
}

/** Lets in somebody who is known. The head of who left meanwhile may be that of the next request by now. */
export function letIn(
  exchange: Exchange,
  { header, removeHeader }: { readonly header: string; readonly removeHeader: boolean },
  user: string,
): undefined {
  if (exchange.isDone) return undefined;
  tellUser(exchange, header, user);
  if (removeHeader) exchange.request.fields.dropNamed("authorization");
  return undefined;
}

/** The one value of a field that is passed on. undefined = there is none; false = there are several. */
export function onlyValue(fields: Fields, name: string): string | undefined | false {
  const values = fields.valuesOf(name);
  return values.length > 1 ? false : values[0];
}
