// Answers that go on: lines of JSON, and events. Both begin again by themselves when they break off. Nobody reads in a
// tab that is hidden, and browsers have few connections for one host: lines are not followed there.

import { ApiProblem, respond } from "./client.ts";

export interface Following {
  stop(): void;
}

export interface FollowOptions<Line> {
  readonly path: string;
  readonly onLine: (line: Line) => void;
  /** It broke off or was refused. It is tried again, unless there is no such thing here. */
  readonly onEnd: (error: unknown) => void;
  readonly onOpen?: () => void;
  /** It was let go as the tab is hidden; it begins again when somebody looks. */
  readonly onLetGo?: () => void;
}

const againMs = 2000;
/** After a refusal that does not say when: too many may be following. */
const afterRefusalMs = 10_000;
/** Hidden for less, a tab misses nothing. */
const patienceMs = 20_000;

/** `application/x-ndjson`, line by line. */
export function follow<Line>(options: FollowOptions<Line>): Following {
  let open: Following | undefined;
  let patience: ReturnType<typeof setTimeout> | undefined;
  const letGo = () => {
    open?.stop();
    open = undefined;
    options.onLetGo?.();
  };
  const look = () => {
    clearTimeout(patience);
    if (!document.hidden) open ??= followShown(options);
    else if (open !== undefined) patience = setTimeout(letGo, patienceMs);
  };
  document.addEventListener("visibilitychange", look);
  look();
  return {
    stop() {
      document.removeEventListener("visibilitychange", look);
      clearTimeout(patience);
      open?.stop();
    },
  };
}

function followShown<Line>({ path, onLine, onEnd, onOpen }: FollowOptions<Line>): Following {
  const stop = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const run = async () => {
    let waitMs = againMs;
    try {
      const response = await respond("GET", path, undefined, { signal: stop.signal });
      onOpen?.();
      for await (const line of linesOf(response)) onLine(JSON.parse(line));
      if (!stop.signal.aborted) onEnd(undefined);
    } catch (error) {
      if (stop.signal.aborted) return;
      onEnd(error);
      if (error instanceof ApiProblem) {
        if (error.status < 429) return; // asking again changes nothing
        waitMs = error.retryAfter === undefined ? afterRefusalMs : error.retryAfter * 1000;
      }
    }
    if (!stop.signal.aborted) timer = setTimeout(() => void run(), waitMs);
  };
  void run();
  return {
    stop() {
      stop.abort();
      clearTimeout(timer);
    },
  };
}

async function* linesOf(response: Response): AsyncGenerator<string> {
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  if (reader === undefined) return;
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const lines = `${rest}${value}`.split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) if (line.trim() !== "") yield line;
  }
}

/** `text/event-stream`: one kind of event. */
export function followEvents<Body>(
  path: string,
  name: string,
  onEvent: (body: Body) => void,
  onTrouble: (isOver: boolean) => void,
): Following {
  const source = new EventSource(path);
  source.addEventListener(name, (event) => {
    onEvent(JSON.parse(String(event.data)));
  });
  source.addEventListener("error", () => onTrouble(source.readyState === EventSource.CLOSED));
  return { stop: () => source.close() };
}
