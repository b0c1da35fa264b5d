// The end of a turn of the event loop: whoever gathered something to write in it is told once, all of them by one
// immediate. What they hand on meanwhile waits for the end of the next turn.

export interface Turned {
  onTurnEnd(): void;
}

let waiting: Turned[] = [];
let spare: Turned[] = [];

/** Tells `one` at the end of this turn. It must not ask again before it was told. */
export function atTurnEnd(one: Turned): void {
  if (waiting.push(one) === 1) setImmediate(endTurn);
}

function endTurn(): void {
  const ended = waiting;
  waiting = spare;
  let at = 0;
  try {
    while (at < ended.length) ended[at++]!.onTurnEnd();
  } finally {
    // Somebody threw: nobody else is forgotten for that.
    for (; at < ended.length; at++) atTurnEnd(ended[at]!);
    ended.length = 0;
    spare = ended;
  }
}
