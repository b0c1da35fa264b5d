// Dates as clients send them (RFC 9110 section 5.6.7): today's form and the two old ones that have to be understood.

const months = "JanFebMarAprMayJunJulAugSepOctNovDec";

const today = /^[A-Z][a-z]{2}, (\d\d) ([A-Z][a-z]{2}) (\d{4}) (\d\d):(\d\d):(\d\d) GMT$/;
const rfc850 = /^[A-Z][a-z]{5,8}, (\d\d)-([A-Z][a-z]{2})-(\d\d) (\d\d):(\d\d):(\d\d) GMT$/;
const asctime = /^[A-Z][a-z]{2} ([A-Z][a-z]{2}) ([ \d]\d) (\d\d):(\d\d):(\d\d) (\d{4})$/;

/** Milliseconds since 1970; undefined when it is none of these. */
export function readHttpDate(text: string): number | undefined {
  const now = today.exec(text);
  if (now !== null) return timeOf(now[3], now[2], now[1], now.slice(4));
  const old = rfc850.exec(text);
  if (old !== null) return timeOf(fullYear(Number(old[3])), old[2], old[1], old.slice(4));
  const c = asctime.exec(text);
  return c === null ? undefined : timeOf(c[6], c[1], c[2], c.slice(3, 6));
}

/** More than 50 years ahead means the century before (RFC 9110 section 5.6.7). */
function fullYear(short: number): number {
  const thisYear = new Date().getUTCFullYear();
  const year = thisYear - (thisYear % 100) + short;
  return year > thisYear + 50 ? year - 100 : year;
}

function timeOf(
  year: string | number | undefined,
  month = "",
  day = "",
  clock: readonly string[] = [],
): number | undefined {
  const place = months.indexOf(month);
  const [hours = 0, minutes = 0, seconds = 0] = clock.map(Number);
  if (place < 0 || place % 3 !== 0 || hours > 23 || minutes > 59 || seconds > 60) return undefined;
  const date = Number(day);
  if (date < 1 || date > 31) return undefined;
  return Date.UTC(Number(year), place / 3, date, hours, minutes, seconds);
}
