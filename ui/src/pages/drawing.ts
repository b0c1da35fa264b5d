// When what comes by is drawn: at once while a person can still follow it, and once a second when it is a flood. Drawing
// is what a live list costs.

const lookEveryMs = 250;
/** More than this are not read one by one. */
const flood = 2;
const floodEveryMs = 1000;

/** @param waiting how many there are to draw. Returns the function that ends it. */
export function drawInTurns(waiting: () => number, draw: () => void): () => void {
  let last = 0;
  const timer = setInterval(() => {
    const count = waiting();
    const now = performance.now();
    if (count === 0 || document.hidden) return;
    if (count > flood && now - last < floodEveryMs) return;
    last = now;
    draw();
  }, lookEveryMs);
  return () => clearInterval(timer);
}
