// Replacements for what a regular expression found, as Go writes them: `$1`, `${1}`, `${name}`, `$$`, `$0`.
// JavaScript has the same with other words, and some more words, which mean nothing here.

/** As JavaScript's `replace` understands it; what was made so stays as it is. */
export function javaScriptReplacement(text: string): string {
  return text.replace(
    /\$(?:[$&]|\{(\d{1,2})\}|\{([A-Za-z_]\w*)\}|(\d{1,2})|<([A-Za-z_]\w*)>)?/g,
    (whole, braced?: string, name?: string, digits?: string, angled?: string) => {
      const number = braced ?? digits;
      if (number !== undefined && Number(number) === 0) return "$&";
      // Two digits always: another one may follow.
      if (number !== undefined) return `$${number.padStart(2, "0")}`;
      if (name !== undefined || angled !== undefined) return `$<${name ?? angled ?? ""}>`;
      return whole.length > 1 ? whole : "$$";
    },
  );
}
