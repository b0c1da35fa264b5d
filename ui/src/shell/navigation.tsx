// The menu: at the side where there is room, at the lower edge of a phone with all of it behind one button.

import { session } from "../api/session.ts";
import { span } from "../format.ts";
import { Icon } from "../kit/icon.tsx";
import { firstPages, groups, type PageEntry, pages } from "../pages.ts";
import { href, pageName } from "../router.ts";
import { Mark } from "./mark.tsx";
import { status } from "./status.ts";

const ranks = { read: 0, edit: 1, admin: 2 } as const;

export function visiblePages(): readonly PageEntry[] {
  const own = ranks[session.value?.role ?? "read"];
  return pages.filter(({ role = "read" }) => ranks[role] <= own);
}

export function SideNav({ onGo }: { readonly onGo?: () => void }) {
  const all = visiblePages();
  return (
    <nav class="side-nav" aria-label="Pages">
      <a class="brand" href="#/" onClick={onGo}>
        <Mark />
        Tidegate
      </a>
      {groups.map((group) => (
        <div key={group} class="nav-group">
          <h2>{group}</h2>
          <ul>
            {all
              .filter((each) => each.group === group)
              .map((each) => (
                <li key={each.name}>
                  <PageLink page={each} onGo={onGo} />
                </li>
              ))}
          </ul>
        </div>
      ))}
      <NavFoot />
    </nav>
  );
}

function PageLink({
  page,
  onGo,
}: {
  readonly page: PageEntry;
  readonly onGo?: (() => void) | undefined;
}) {
  const { name, title, icon } = page;
  return (
    <a href={href(name)} aria-current={pageName.value === name ? "page" : undefined} onClick={onGo}>
      <Icon name={icon} />
      <span>{title}</span>
    </a>
  );
}

function NavFoot() {
  const now = status.value;
  return (
    <div class="nav-foot">
      {now !== undefined && (
        <>
          <span>Tidegate {now.version}</span>
          <span>Configuration {now.snapshot.version}</span>
          <span>Up for {span(now.uptime)}</span>
        </>
      )}
      <a href="/docs">Documentation</a>
      <a href="/docs/api">API reference</a>
    </div>
  );
}

export function TabBar({ onMenu }: { readonly onMenu: () => void }) {
  const shown = firstPages.flatMap((name) => visiblePages().filter((each) => each.name === name));
  return (
    <nav class="tab-bar" aria-label="Main pages">
      {shown.map((each) => (
        <PageLink key={each.name} page={each} />
      ))}
      <button type="button" onClick={onMenu} aria-haspopup="dialog">
        <Icon name="menu" />
        <span>Menu</span>
      </button>
    </nav>
  );
}
