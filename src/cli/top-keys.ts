// What keys do to what `tidegate top` shows.

import { type Tab, sortsOf, type TopChoice } from "./top-view.ts";

export const firstChoice: TopChoice = {
  ...{ tab: "routes", sort: 0, filter: "", isTyping: false, offset: 0 },
};

/** Of a filter. No name is longer that anybody types. */
const mostFilter = 100;
const pageRows = 10;

/** @returns undefined: whoever sits there wants to leave. @param keys as a terminal sends them, one or several at once */
export function pressed(choice: TopChoice, keys: string): TopChoice | undefined {
  let now: TopChoice | undefined = choice;
  for (const key of keysIn(keys)) {
    if (now === undefined) return undefined;
    now = now.isTyping ? typed(now, key) : chosen(now, key);
  }
  return now;
}

/** Characters, and what begins with an escape as a whole: `ESC [ 5 ~`, `ESC O A`, or the escape alone. */
function* keysIn(text: string): Iterable<string> {
  const [plain = "", ...escaped] = text.split("\u001B");
  yield* plain;
  for (const each of escaped) {
    const [sequence] = /^(?:\[[\d;]*[A-Za-z~]|O[A-Z])/.exec(each) ?? [""];
    yield `\u001B${sequence}`;
    yield* each.slice(sequence.length);
  }
}

function typed(choice: TopChoice, key: string): TopChoice | undefined {
  switch (key) {
    case "\u0003":
      return undefined;
    case "\r":
    case "\n":
      return { ...choice, isTyping: false };
    case "\u001B":
      return { ...choice, isTyping: false, filter: "" };
    case "\u007F":
    case "\b":
      return { ...choice, filter: Array.from(choice.filter).slice(0, -1).join("") };
    default: {
      // Arrows and their like write nothing.
      const isText = !key.startsWith("\u001B") && key >= " ";
      const filter = isText ? `${choice.filter}${key}`.slice(0, mostFilter) : choice.filter;
      return { ...choice, filter, offset: 0 };
    }
  }
}

const tabKeys: Readonly<Record<string, Tab>> = { r: "routes", b: "backends", w: "workers" };

function chosen(choice: TopChoice, key: string): TopChoice | undefined {
  const tab = tabKeys[key];
  if (tab !== undefined) return { ...choice, tab, sort: 0, offset: 0 };
  const turn = (by: number) => {
    const { length } = sortsOf(choice.tab);
    return { ...choice, sort: (choice.sort + by + length) % length, offset: 0 };
  };
  const scroll = (by: number) => ({ ...choice, offset: Math.max(0, choice.offset + by) });
  switch (key) {
    case "q":
    case "\u0003":
      return undefined;
    case "/":
      return { ...choice, isTyping: true };
    case "\u001B":
      return { ...choice, filter: "" };
    case "s":
    case "\u001B[C":
    case "\u001BOC":
      return turn(1);
    case "\u001B[D":
    case "\u001BOD":
      return turn(-1);
    case "\u001B[A":
    case "\u001BOA":
      return scroll(-1);
    case "\u001B[B":
    case "\u001BOB":
      return scroll(1);
    case "\u001B[5~":
      return scroll(-pageRows);
    case "\u001B[6~":
      return scroll(pageRows);
    default:
      return choice;
  }
}
