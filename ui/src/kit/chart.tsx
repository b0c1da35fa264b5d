// A chart over time. Drawn on a canvas, which nobody hears: its name and latest values are said in words beside it.

import { useEffect, useRef, useState } from "preact/hooks";
import UPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import "../styles/chart.css";
import { clock } from "../format.ts";
import { colorOf, paintings } from "../theme.ts";

export interface Series {
  readonly name: string;
  /** A token of tokens.css: `--series-1`. */
  readonly color: string;
  readonly values: readonly number[];
  /** The area below it is tinted. */
  readonly filled?: boolean;
}

export interface ChartProps {
  readonly label: string;
  /** Milliseconds since 1970, growing. */
  readonly times: readonly number[];
  readonly series: readonly Series[];
  readonly format: (value: number) => string;
  /** What is shown of the time, ms. */
  readonly span: number;
  readonly height?: number;
}

export function Chart(props: ChartProps) {
  const { label, times, series, format, span, height = 170 } = props;
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<UPlot | undefined>(undefined);
  const [hovered, setHovered] = useState<number | undefined>(undefined);
  const now = times.at(-1) ?? Date.now();
  const data: UPlot.AlignedData = [
    times.map((each) => each / 1000),
    ...series.map(({ values }) => [...values]),
  ];
  useEffect(() => {
    const holder = box.current;
    if (holder === null) return;
    const made = new UPlot(optionsOf(props, holder.clientWidth, height, setHovered), data, holder);
    plot.current = made;
    const sizes = new ResizeObserver(() => made.setSize({ width: holder.clientWidth, height }));
    sizes.observe(holder);
    return () => {
      sizes.disconnect();
      made.destroy();
      plot.current = undefined;
    };
  }, [paintings.value, height]);
  useEffect(() => {
    plot.current?.setData(data, false);
    plot.current?.setScale("x", { min: (now - span) / 1000, max: now / 1000 });
  }, [times, span]);
  const index = hovered ?? times.length - 1;
  const at = times[index];
  return (
    <figure class="chart">
      <figcaption>
        {series.map(({ name, color, values }) => (
          <span key={name} class="chart-key">
            <i style={{ background: `var(${color})` }} />
            {name} <b>{values[index] === undefined ? "–" : format(values[index])}</b>
          </span>
        ))}
        <span class="push muted small">
          {hovered !== undefined && at !== undefined ? clock(at) : "now"}
        </span>
      </figcaption>
      <div
        ref={box}
        class="chart-box"
        role="img"
        aria-label={label}
        style={{ height: `${height}px` }}
      />
    </figure>
  );
}

function optionsOf(
  { series, format }: ChartProps,
  width: number,
  height: number,
  onHover: (index: number | undefined) => void,
): UPlot.Options {
  const muted = colorOf("--muted");
  const line = colorOf("--line");
  const font = "11px system-ui, sans-serif";
  const axis = { stroke: muted, font, ticks: { show: false }, gap: 6 };
  const grid = { stroke: line, width: 1 };
  return {
    width,
    height,
    legend: { show: false },
    cursor: { y: false, points: { size: 6 }, drag: { x: false, y: false } },
    scales: { y: { range: (_plot, _least, most) => [0, Math.max(most * 1.1, 1)] } },
    axes: [
      {
        ...axis,
        grid: { show: false },
        size: 30,
        space: 90,
        values: (_plot, at) => at.map(timeOf),
      },
      { ...axis, grid, size: 58, space: 34, values: (_plot, all) => all.map(format) },
    ],
    series: [
      {},
      ...series.map(({ color, filled = false }): UPlot.Series => {
        const stroke = colorOf(color);
        const fill = filled ? stroke.replace("rgb(", "rgba(").replace(")", ", 0.14)") : undefined;
        return {
          stroke,
          width: 1.75,
          points: { show: false },
          ...(fill === undefined ? {} : { fill }),
        };
      }),
    ],
    hooks: {
      setCursor: [({ cursor }) => onHover(cursor.idx ?? undefined)],
    },
  };
}

function timeOf(seconds: number): string {
  return clock(seconds * 1000);
}
