// JSON that somebody else wrote: rubbish, and what is longer than anything of ours, is nothing.

/** undefined = it cannot be used. */
export function parsedJson(text: string, maxLength: number): unknown {
  if (text.length > maxLength) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // as anything else that is none of ours
  }
}
