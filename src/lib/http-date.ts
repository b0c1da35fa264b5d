// The date of the Date field (RFC 9110 section 5.6.7), made once a second however often it is asked for.

let second = 0;
let text = "";

/** The current time as an HTTP date. */
export function httpDate(): string {
  const now = Math.floor(Date.now() / 1000);
  if (now !== second) {
    second = now;
    text = new Date(now * 1000).toUTCString();
  }
  return text;
}
