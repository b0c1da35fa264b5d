// If-Match and If-None-Match (RFC 9110, 13.1): whoever says which version of an item it means does not overwrite
// what somebody else wrote meanwhile. The tag of an item is the revision of its last change.

export type Precondition =
  | { readonly kind: "expected"; readonly expected: number | "absent" | "present" | undefined }
  /** No version that there ever was. */
  | { readonly kind: "never" }
  | { readonly kind: "bad"; readonly why: string };

export function etagOf(revision: number): string {
  return `"${revision}"`;
}

export function preconditionOf(
  ifMatch: string | undefined,
  ifNoneMatch: string | undefined,
): Precondition {
  if (ifMatch !== undefined && ifNoneMatch !== undefined) {
    return { kind: "bad", why: "write If-Match or If-None-Match, not both" };
  }
  if (ifNoneMatch !== undefined) {
    if (ifNoneMatch.trim() === "*") return { kind: "expected", expected: "absent" };
    return { kind: "bad", why: "for a change write If-None-Match: * (only if there is none)" };
  }
  if (ifMatch === undefined) return { kind: "expected", expected: undefined };
  const tag = ifMatch.trim();
  if (tag === "*") return { kind: "expected", expected: "present" };
  const [, digits] = /^"(\d{1,15})"$/.exec(tag) ?? [];
  if (digits !== undefined) return { kind: "expected", expected: Number(digits) };
  // Strong comparison: a weak tag fits nothing (RFC 9110, 8.8.3.2).
  if (/^(W\/)?"[^"]*"$/.test(tag)) return { kind: "never" };
  return { kind: "bad", why: 'write If-Match: "5", with the ETag of the item' };
}

/** Whether what the client has is what there is (RFC 9110, 13.1.2: weak comparison). */
export function isSame(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false;
  return ifNoneMatch
    .split(",")
    .map((each) => each.trim().replace(/^W\//, ""))
    .some((each) => each === etag || each === "*");
}
