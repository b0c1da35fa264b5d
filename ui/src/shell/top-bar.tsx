// Above every page: how the program does, the search, colours and who is logged in.

import { useEffect, useRef, useState } from "preact/hooks";
import { isConnected } from "../api/client.ts";
import { logOut, session } from "../api/session.ts";
import { Button } from "../kit/button.tsx";
import { Choice } from "../kit/field.tsx";
import { Icon } from "../kit/icon.tsx";
import { Badge, type Tone } from "../kit/notice.tsx";
import { plural } from "../format.ts";
import { theme } from "../theme.ts";
import { isPaletteOpen } from "./palette.tsx";
import { status } from "./status.ts";

export function TopBar() {
  return (
    <header class="top-bar">
      <button
        type="button"
        class="button find-button"
        onClick={() => {
          isPaletteOpen.value = true;
        }}
      >
        <Icon name="search" />
        Find <span class="push" />
        <kbd>/</kbd>
      </button>
      <span class="push" />
      <State />
      <UserMenu />
    </header>
  );
}

const tones: Readonly<Record<string, Tone>> = { serving: "good", draining: "warn" };

function State() {
  const now = status.value;
  if (!isConnected.value) {
    return (
      <Badge tone="bad" dotted>
        not reached
      </Badge>
    );
  }
  if (now === undefined) return null;
  return (
    <Badge tone={tones[now.state] ?? "bad"} dotted>
      {now.state}
    </Badge>
  );
}

function UserMenu() {
  const [isOpen, setOpen] = useState(false);
  const ref = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!isOpen) return;
    const close = (event: Event) => {
      const isInside = event.target instanceof Node && ref.current?.contains(event.target) === true;
      if (!isInside) setOpen(false);
    };
    addEventListener("mousedown", close);
    addEventListener("focusin", close);
    return () => {
      removeEventListener("mousedown", close);
      removeEventListener("focusin", close);
    };
  }, [isOpen]);
  const { user = "", role = "read" } = session.value ?? {};
  return (
    <div
      class="menu"
      ref={ref}
      onKeyDown={({ key }) => {
        if (key === "Escape") setOpen(false);
      }}
    >
      <button
        type="button"
        class="button quiet"
        aria-expanded={isOpen}
        aria-label={`${user}: colours and logging out`}
        onClick={() => setOpen(!isOpen)}
      >
        <Icon name="user" />
        <span class="ellipsis">{user}</span>
      </button>
      {isOpen && (
        <div class="menu-list">
          <span class="row">
            <strong>{user}</strong>
            <span class="push" />
            <Badge>{role}</Badge>
          </span>
          <Choice
            label="Colours"
            value={theme.value}
            options={[
              ["auto", "Auto"],
              ["light", "Light"],
              ["dark", "Dark"],
            ]}
            onInput={(value) => {
              theme.value = value;
            }}
          />
          <Button onClick={logOut}>Log out</Button>
        </div>
      )}
    </div>
  );
}

/** What is wrong with the whole of it. */
export function Banners() {
  if (!isConnected.value) {
    return (
      <div class="banner" role="alert">
        <Icon name="warning" />
        Tidegate cannot be reached. What you see is what was there before; this page tries again.
      </div>
    );
  }
  const { problems = [], store } = status.value ?? {};
  return (
    <>
      {problems.length > 0 && (
        <div class="banner" role="alert">
          <Icon name="warning" />
          <span>
            The latest configuration is not live: {plural(problems.length, "problem")}.{" "}
            <a href="#/">Show</a>
          </span>
        </div>
      )}
      {store !== undefined && (
        <div class="banner warn" role="alert">
          <Icon name="warning" />
          Nothing can be changed here: {store}
        </div>
      )}
    </>
  );
}
