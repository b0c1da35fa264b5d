// What goes wrong with a middleware of somebody's own, in words for the log.

/** Told by a thread, with the place in its own file. */
export class ThreadFault extends Error {
  override readonly name = "ThreadFault";
}

/** Its thread ended, and will be begun again. */
export class ThreadEnd extends Error {
  override readonly name = "ThreadEnd";
}

/** Its thread ended while it waited. That is counted once, and not for each that waited. */
export class ThreadLost extends Error {
  override readonly name = "ThreadLost";
}

/** Its thread is not there, or has too much to do: as if it were switched off. */
export class ThreadAway extends Error {
  override readonly name = "ThreadAway";
}

function isOfThread(error: Error): boolean {
  return [ThreadFault, ThreadEnd, ThreadLost, ThreadAway].some((each) => error instanceof each);
}

/** With the place in its own file. */
export function faultText(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (isOfThread(error)) return error.message;
  const place = error.stack
    ?.split("\n")
    .find((line) => line.trim().startsWith("at "))
    ?.trim();
  return `${error.name}: ${error.message.split("\n")[0]}${place === undefined ? "" : ` (${place})`}`;
}

/** Of a message or a field: more is no line that somebody reads. */
const mostCharacters = 1000;
const mostFields = 20;

/** What it warns of, as text: JavaScript keeps to no types, and the log writes what it is given. */
export function warningOf(
  message: unknown,
  fields: unknown,
): readonly [message: string, fields: Readonly<Record<string, string>>] {
  const said = typeof fields === "object" && fields !== null ? Object.entries(fields) : [];
  const short = (text: unknown) => String(text).slice(0, mostCharacters);
  return [
    short(message),
    Object.fromEntries(said.slice(0, mostFields).map(([name, text]) => [short(name), short(text)])),
  ];
}
