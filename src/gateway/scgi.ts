// The head of an SCGI request: a netstring of names and values, each ended by a NUL; CONTENT_LENGTH comes first and SCGI=1
// follows it (SCGI, "A Simple Common Gateway Interface alternative", section 3). The body comes behind it as it is.

/** A NUL would end a value before its time, and begin a name of the client's choice. */
export function hasNul(params: readonly string[]): boolean {
  for (let at = 0; at < params.length; at++) if (params[at]!.includes("\0")) return true;
  return false;
}

export function encodeNetstring(params: readonly string[]): string {
  let length = "0";
  let text = "";
  for (let at = 0; at < params.length; at += 2) {
    const name = params[at]!;
    const value = params[at + 1]!;
    if (name === "CONTENT_LENGTH") length = value === "" ? "0" : value;
    else if (name !== "SCGI") text += `${name}\0${value}\0`;
  }
  const headers = `CONTENT_LENGTH\0${length}\0SCGI\x001\0${text}`;
  return `${headers.length}:${headers},`;
}
