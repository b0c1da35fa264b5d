// The blocks of a PEM text (RFC 7468), as people paste them together: text between them, Windows line ends, a
// block that stops in the middle because somebody was still writing.

export interface PemBlock {
  readonly label: string;
  /** With its BEGIN and END. */
  readonly text: string;
  /** Where it begins, from 1. */
  readonly line: number;
}

export interface PemBlocks {
  readonly blocks: readonly PemBlock[];
  /** What is wrong with the text, for people. */
  readonly problems: readonly string[];
}

const begin = "-----BEGIN ";
const dashes = "-----";
// Labels are a few words.
const maxLabel = 64;
// Whoever has more of them has no text of this kind.
const maxProblems = 20;

/** @param maxBlocks of a text that has more, the first ones are read */
export function pemBlocks(text: string, maxBlocks: number): PemBlocks {
  const blocks: PemBlock[] = [];
  const problems: string[] = [];
  const lines = lineCounter(text);
  for (let at = text.indexOf(begin); at !== -1; at = text.indexOf(begin, at + 1)) {
    if (problems.length === maxProblems) break;
    const labelEnd = text.indexOf(dashes, at + begin.length);
    const label = text.slice(at + begin.length, labelEnd);
    if (labelEnd === -1 || label.length > maxLabel || /[^A-Z0-9 ]/.test(label)) {
      problems.push(
        `line ${lines(at)} is half-written: it begins with ${begin.trim()}, and names nothing`,
      );
      continue;
    }
    const closing = `-----END ${label}-----`;
    const found = text.indexOf(closing, labelEnd);
    const next = text.indexOf(begin, labelEnd);
    if (found === -1 || (next !== -1 && next < found)) {
      problems.push(
        `the ${label} of line ${lines(at)} is half-written: ${closing} is missing; is somebody still writing the file?`,
      );
      continue;
    }
    if (blocks.length === maxBlocks) {
      problems.push(`there is more than ${maxBlocks} in it; is it a list of authorities?`);
      break;
    }
    const end = found + closing.length;
    blocks.push({ label, text: text.slice(at, end), line: lines(at) });
    at = end - 1;
  }
  return { blocks, problems };
}

/** Counts on from where it was asked last, so that a long text is gone through once. */
function lineCounter(text: string): (at: number) => number {
  let line = 1;
  let counted = 0;
  return (at) => {
    for (let i = text.indexOf("\n", counted); i !== -1 && i < at; i = text.indexOf("\n", i + 1)) {
      line += 1;
      counted = i + 1;
    }
    return line;
  };
}
