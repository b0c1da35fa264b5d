// All pages of the console, in the order of the menu. Each is code of its own that is fetched when it is first asked for.

import type { ComponentType } from "preact";
import type { Role } from "./api/session.ts";
import type { IconName } from "./kit/icon.tsx";

export interface PageEntry {
  /** In the address: `#/traffic`; "" = the first one. */
  readonly name: string;
  readonly title: string;
  readonly icon: IconName;
  readonly group: "Live" | "Routing" | "System";
  /** Who may not do anything there is not led there. */
  readonly role?: Role;
  readonly load: () => Promise<ComponentType>;
}

export const pages: readonly PageEntry[] = [
  {
    ...{ name: "", title: "Overview", icon: "overview", group: "Live" },
    load: async () => (await import("./pages/overview.tsx")).OverviewPage,
  },
  {
    ...{ name: "traffic", title: "Traffic", icon: "traffic", group: "Live" },
    load: async () => (await import("./pages/traffic.tsx")).TrafficPage,
  },
  {
    ...{ name: "records", title: "Records", icon: "copy", group: "Live", role: "admin" },
    load: async () => (await import("./pages/records.tsx")).RecordsPage,
  },
  {
    ...{ name: "logs", title: "Logs", icon: "logs", group: "Live" },
    load: async () => (await import("./pages/logs.tsx")).LogsPage,
  },
  {
    ...{ name: "routes", title: "Routes", icon: "routes", group: "Routing" },
    load: async () => (await import("./pages/routes.tsx")).RoutesPage,
  },
  {
    ...{ name: "services", title: "Services", icon: "services", group: "Routing" },
    load: async () => (await import("./pages/services.tsx")).ServicesPage,
  },
  {
    ...{ name: "middlewares", title: "Middlewares", icon: "middlewares", group: "Routing" },
    load: async () => (await import("./pages/middlewares.tsx")).MiddlewaresPage,
  },
  {
    ...{ name: "discovery", title: "Discovery", icon: "discovery", group: "Routing" },
    load: async () => (await import("./pages/discovery.tsx")).DiscoveryPage,
  },
  {
    ...{ name: "certificates", title: "Certificates", icon: "certificates", group: "Routing" },
    load: async () => (await import("./pages/certificates.tsx")).CertificatesPage,
  },
  {
    ...{ name: "explain", title: "Explain", icon: "explain", group: "Routing" },
    load: async () => (await import("./pages/explain.tsx")).ExplainPage,
  },
  {
    ...{ name: "history", title: "History", icon: "history", group: "Routing" },
    load: async () => (await import("./pages/history.tsx")).HistoryPage,
  },
  {
    ...{ name: "alerts", title: "Alerts", icon: "alerts", group: "System" },
    load: async () => (await import("./pages/alerts.tsx")).AlertsPage,
  },
  {
    ...{ name: "workers", title: "Workers", icon: "workers", group: "System" },
    load: async () => (await import("./pages/workers.tsx")).WorkersPage,
  },
  {
    ...{ name: "access", title: "Access", icon: "user", group: "System" },
    load: async () => (await import("./pages/access.tsx")).AccessPage,
  },
  {
    ...{ name: "settings", title: "Settings", icon: "settings", group: "System" },
    load: async () => (await import("./pages/settings.tsx")).SettingsPage,
  },
];

export const groups = ["Live", "Routing", "System"] as const;

/** Those of phones, at the lower edge; the others are in the menu. */
export const firstPages = ["", "routes", "traffic", "services"];
