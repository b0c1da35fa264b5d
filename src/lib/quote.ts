// What somebody else said, fit for a line of ours: it ends up in logs, tables and mails, and a few words of it will do.

const maxLength = 200;

/** No controls, nothing that turns text around, not long. */
export function quote(text: string): string {
  const line = text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\s]+/gu, " ").trim();
  return line.length > maxLength ? `${line.slice(0, maxLength)}…` : line;
}
