// Who is logged in. The secret is in a cookie that no script sees; here is only who it is and what that one may do.

import { computed, effect, signal } from "@preact/signals";
import { ApiProblem, expiries, get, send, setCsrf } from "./client.ts";

export type Role = "read" | "edit" | "admin";

export interface Session {
  readonly user: string;
  readonly role: Role;
  readonly csrf: string | null;
}

export type SessionState =
  | { readonly kind: "asking" }
  | { readonly kind: "in"; readonly session: Session }
  /** With why one is out, where there is something to say. */
  | { readonly kind: "out"; readonly why: string };

export const sessionState = signal<SessionState>({ kind: "asking" });

export const session = computed(() =>
  sessionState.value.kind === "in" ? sessionState.value.session : undefined,
);
/** Whether to show what changes something; the server decides in any case. */
export const mayEdit = computed(() => (session.value?.role ?? "read") !== "read");
export const isAdmin = computed(() => session.value?.role === "admin");

function enter(found: Session): void {
  setCsrf(found.csrf);
  sessionState.value = { kind: "in", session: found };
}

/** Asks until somebody answers: the program may just be starting again. */
export async function beginSession(): Promise<void> {
  // Meanwhile another tab may have logged out, or logged in somebody else.
  document.addEventListener("visibilitychange", lookAgain);
  addEventListener("pageshow", lookAgain);
  effect(() => {
    if (expiries.value > 0 && sessionState.peek().kind === "in") {
      sessionState.value = { kind: "out", why: "Your session is over. Log in to go on." };
    }
  });
  for (;;) {
    try {
      enter(await get<Session>("/v1/session"));
      return;
    } catch (error) {
      if (error instanceof ApiProblem) {
        sessionState.value = { kind: "out", why: error.status === 401 ? "" : error.message };
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, 1000));
    }
  }
}

export async function logIn(user: string, password: string): Promise<void> {
  enter(await send<Session>("POST", "/v1/login", { user, password }));
}

function lookAgain(): void {
  if (document.hidden || sessionState.peek().kind !== "in") return;
  void get<Session>("/v1/session").then(
    (found) => {
      const { user, role, csrf } = session.peek() ?? {};
      if (sessionState.peek().kind !== "in") return;
      if (found.user !== user || found.role !== role || found.csrf !== csrf) enter(found);
    },
    () => {}, // a 401 leads to the login by itself
  );
}

/** Throws when the cookie may still be good. */
export async function logOut(): Promise<void> {
  try {
    await send("POST", "/v1/logout");
  } catch (error) {
    if (!(error instanceof ApiProblem) || error.status !== 401) throw error;
  }
  setCsrf(null);
  sessionState.value = { kind: "out", why: "" };
}
