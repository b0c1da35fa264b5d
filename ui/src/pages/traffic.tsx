// Requests as they come by, those that stood out, and what is open now.

import { Page } from "../kit/page.tsx";
import { Tabs } from "../kit/tabs.tsx";
import { place, setQuery } from "../router.ts";
import { LiveTraffic } from "./traffic-live.tsx";
import { OpenExchanges } from "./traffic-open.tsx";
import { RouteRates } from "./traffic-rates.tsx";
import { Standouts } from "./traffic-standouts.tsx";

export function TrafficPage() {
  const open = place.value.query.get("tab") ?? "live";
  return (
    <Page title="Traffic">
      <Tabs
        label="Kinds of traffic"
        open={open}
        onOpen={(id) => setQuery("tab", id === "live" ? "" : id)}
        tabs={[
          { id: "live", title: "Live", content: () => <LiveTraffic /> },
          {
            id: "failed",
            title: "Failing",
            content: () => <Standouts key="failed" kind="failed" />,
          },
          { id: "slow", title: "Slowest", content: () => <Standouts key="slow" kind="slow" /> },
          { id: "open", title: "Open now", content: () => <OpenExchanges /> },
          { id: "rates", title: "By route", content: () => <RouteRates /> },
        ]}
      />
    </Page>
  );
}
