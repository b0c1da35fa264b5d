// How many workers somebody asks for: in a body, on the command line, in a query.

/** More than any machine has cores: a slip of the keyboard, not a wish. */
const mostWorkers = 1024;

export type WorkerSize =
  | { readonly kind: "size"; readonly size: number | "auto" }
  | { readonly kind: "bad"; readonly why: string };

/** Of `{"size": 4}` or `{"size": "auto"}`. */
export function readSize(body: unknown): WorkerSize {
  const size = typeof body === "object" && body !== null && "size" in body ? body.size : undefined;
  if (typeof size === "number" || typeof size === "string") return parseSize(String(size));
  return { kind: "bad", why: 'write a body of {"size": 4} or {"size": "auto"}' };
}

export function parseSize(text: string): WorkerSize {
  if (text === "auto") return { kind: "size", size: "auto" };
  const size = Number(text);
  if (/^\d{1,4}$/.test(text) && size >= 1 && size <= mostWorkers) return { kind: "size", size };
  const shown = JSON.stringify(text);
  return {
    kind: "bad",
    why: `${shown} is no number of workers; write 1 to ${mostWorkers}, or auto`,
  };
}
