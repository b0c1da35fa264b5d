// The login. It stands in the place of the page that was asked for, so that one is there afterwards.

import { useEffect, useRef, useState } from "preact/hooks";
import { ApiProblem, sentenceOf } from "../api/client.ts";
import { logIn } from "../api/session.ts";
import { Button } from "../kit/button.tsx";
import { TextField } from "../kit/field.tsx";
import { Notice } from "../kit/notice.tsx";
import { Mark } from "./mark.tsx";

export function Login({ why }: { readonly why: string }) {
  const [user, setUser] = useState("");
  const [password, setPassword] = useState("");
  const [trouble, setTrouble] = useState<string | undefined>(undefined);
  const [isBusy, setBusy] = useState(false);
  const wait = useWait();
  const form = useRef<HTMLFormElement>(null);
  useEffect(() => {
    document.title = "Log in – Tidegate";
    form.current?.querySelector("input")?.focus();
  }, []);
  const submit = async () => {
    setBusy(true);
    setTrouble(undefined);
    try {
      await logIn(user, password);
    } catch (error) {
      if (error instanceof ApiProblem && error.status === 429) wait.begin(error.retryAfter ?? 1);
      else setTrouble(loginSentence(error));
      setPassword("");
      setBusy(false);
    }
  };
  const isWaiting = wait.seconds > 0;
  const waiting = `Too many attempts. Wait ${wait.seconds} s, then try again.`;
  return (
    <main class="login">
      <form
        ref={form}
        class="card"
        onSubmit={(event) => {
          event.preventDefault();
          if (!isBusy && !isWaiting) void submit();
        }}
      >
        <span class="brand">
          <Mark />
          Tidegate
        </span>
        <h1>Log in to the console</h1>
        {why !== "" && trouble === undefined && <Notice>{why}</Notice>}
        {trouble !== undefined && <Notice tone="bad">{trouble}</Notice>}
        {isWaiting && <Notice tone="warn">{waiting}</Notice>}
        <TextField
          label="User"
          value={user}
          onInput={setUser}
          input={{
            name: "username",
            autocomplete: "username",
            required: true,
            autocapitalize: "off",
          }}
        />
        <TextField
          label="Password"
          value={password}
          onInput={setPassword}
          input={{
            ...{ name: "password", type: "password", required: true },
            autocomplete: "current-password",
          }}
        />
        <Button type="submit" kind="primary" disabled={isBusy || isWaiting}>
          {isBusy ? "Logging in …" : "Log in"}
        </Button>
        <p class="muted small">
          The first start prints the password of <code>admin</code>;{" "}
          <code>tidegate user passwd admin</code> sets another one.
        </p>
      </form>
    </main>
  );
}

function loginSentence(error: unknown): string {
  if (error instanceof ApiProblem && error.status === 401) return "User or password is wrong.";
  return `${sentenceOf(error)}.`;
}

/** Counts down. */
function useWait() {
  const [seconds, setSeconds] = useState(0);
  useEffect(() => {
    if (seconds <= 0) return;
    const timer = setTimeout(() => setSeconds(seconds - 1), 1000);
    return () => clearTimeout(timer);
  }, [seconds]);
  return { seconds, begin: (all: number) => setSeconds(Math.max(1, Math.ceil(all))) };
}
