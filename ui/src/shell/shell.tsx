// What is around every page. The page itself is fetched when it is asked for; one that throws is shown as failed, and
// the menu still works.

import { Component, type ComponentChildren, type ComponentType } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { Button } from "../kit/button.tsx";
import { Confirmation, dropQuestion } from "../kit/dialog.tsx";
import { Empty } from "../kit/notice.tsx";
import { toasts } from "../kit/toast.ts";
import { Toasts } from "../kit/toasts.tsx";
import type { PageEntry } from "../pages.ts";
import { pageName } from "../router.ts";
import { SideNav, TabBar, visiblePages } from "./navigation.tsx";
import { forgetNames, isPaletteOpen, listenForPalette, Palette } from "./palette.tsx";
import { watchStatus } from "./status.ts";
import { Banners, TopBar } from "./top-bar.tsx";

export function Shell() {
  const [isMenuOpen, setMenuOpen] = useState(false);
  const main = useRef<HTMLElement>(null);
  useEffect(watchStatus, []);
  useEffect(listenForPalette, []);
  useEffect(() => forgetAsked, []);
  const page = visiblePages().find(({ name }) => name === pageName.value);
  return (
    <div class="shell">
      <a
        class="skip"
        href="#main"
        onClick={(event) => {
          event.preventDefault();
          main.current?.focus();
        }}
      >
        Skip to the page
      </a>
      <SideNav />
      <div class="main">
        <TopBar />
        <Banners />
        <main class="page" id="main" ref={main} tabIndex={-1}>
          <Guarded key={page?.name}>
            {page === undefined ? <NoPage /> : <LazyPage key={page.name} page={page} />}
          </Guarded>
        </main>
      </div>
      <TabBar onMenu={() => setMenuOpen(true)} />
      {isMenuOpen && <Drawer onClose={() => setMenuOpen(false)} />}
      <Palette />
      <Confirmation />
      <Toasts />
    </div>
  );
}

/** What one user was asked or told is nothing for the next. */
function forgetAsked(): void {
  dropQuestion();
  toasts.value = [];
  isPaletteOpen.value = false;
  forgetNames();
}

function Drawer({ onClose }: { readonly onClose: () => void }) {
  const ref = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const dialog = ref.current;
    dialog?.showModal();
    return () => dialog?.close();
  }, []);
  return (
    <dialog
      ref={ref}
      class="nav-drawer"
      aria-label="Menu"
      onCancel={onClose}
      onMouseDown={({ target }) => {
        if (target === ref.current) onClose();
      }}
    >
      <SideNav onGo={onClose} />
    </dialog>
  );
}

/** Those that were fetched once. */
const loaded = new Map<string, ComponentType>();

function LazyPage({ page }: { readonly page: PageEntry }) {
  const [Content, setContent] = useState<ComponentType | undefined>(() => loaded.get(page.name));
  const [isFailed, setFailed] = useState(false);
  const load = () => {
    setFailed(false);
    page.load().then(
      (found) => {
        loaded.set(page.name, found);
        setContent(() => found);
      },
      () => setFailed(true),
    );
  };
  useEffect(() => {
    document.title = `${page.title} – Tidegate`;
    if (Content === undefined) load();
  }, []);
  if (Content !== undefined) return <Content />;
  if (!isFailed) return <div class="waiting">Loading …</div>;
  return (
    <Empty icon="warning" title="This page could not be loaded">
      <p>Tidegate may just be starting again, or be a newer one.</p>
      <Button onClick={() => location.reload()}>Load the console again</Button>
    </Empty>
  );
}

function NoPage() {
  return (
    <Empty title="There is no such page">
      <a href="#/">To the overview</a>
    </Empty>
  );
}

class Guarded extends Component<{ readonly children: ComponentChildren }, { fault?: string }> {
  static override getDerivedStateFromError(error: unknown): { fault: string } {
    return { fault: error instanceof Error ? error.message : String(error) };
  }

  override render({ children }: { readonly children: ComponentChildren }) {
    const { fault } = this.state;
    if (fault === undefined) return children;
    return (
      <Empty icon="warning" title="This page failed">
        <p>{fault}</p>
        <Button onClick={() => this.setState({})}>Show it again</Button>
      </Empty>
    );
  }
}
