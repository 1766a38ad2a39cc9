"use strict";
/* Plots of many videos' numbers, as SVG. Each says in words what it shows. */
const charts = (() => {
  const { el, svg, step, number, count } = hedon;

  function quantile(ascending, p) {
    if (!ascending.length) return NaN;
    const at = p * (ascending.length - 1), low = Math.floor(at);
    const high = Math.min(low + 1, ascending.length - 1);
    return ascending[low] + (at - low) * (ascending[high] - ascending[low]);
  }

  /** values: numbers, no gaps. */
  function histogram(host, values, name) {
    const width = Math.max(host.clientWidth, 200), height = 190, left = 40, bottom = 34, top = 8;
    const sorted = Float64Array.from(values).sort();
    if (!sorted.length) {
      host.replaceChildren(el("p", { class: "small" }, "No video is shown."));
      return;
    }
    let low = sorted[0], high = sorted[sorted.length - 1];
    if (low === high) [low, high] = [low - 0.5, high + 0.5];
    const size = step(high - low, 40), first = Math.floor(low / size), bins = Math.floor(high / size) - first + 1;
    const heights = new Float64Array(bins);
    for (const value of sorted) heights[Math.min(bins - 1, Math.floor(value / size) - first)]++;
    const most = Math.max(...heights);
    const x = (value) => left + ((value / size - first) / bins) * (width - left - 4);
    const y = (n) => top + (1 - n / most) * (height - top - bottom);
    const drawing = svg("svg", {
      viewBox: `0 0 ${width} ${height}`, height, role: "img",
      "aria-label": `${name} of ${hedon.plural(sorted.length, "video")}: from ${number(sorted[0])} to ${number(sorted[sorted.length - 1])}, median ${number(quantile(sorted, 0.5))}, half between ${number(quantile(sorted, 0.25))} and ${number(quantile(sorted, 0.75))}`,
    });
    const levels = step(most, 3);
    for (let n = 0; n <= most; n += Math.max(1, levels))
      drawing.append(svg("line", { class: "axis", x1: left, x2: width - 4, y1: y(n), y2: y(n) }),
        svg("text", { x: left - 6, y: y(n) + 4, "text-anchor": "end" }, count(n)));
    for (let i = 0; i < bins; i++)
      if (heights[i])
        drawing.append(svg("rect", { class: "bar", x: x((first + i) * size) + 0.5, width: Math.max(1, (width - left - 4) / bins - 1), y: y(heights[i]), height: height - bottom - y(heights[i]) },
          svg("title", {}, `${number((first + i) * size)} to ${number((first + i + 1) * size)}: ${hedon.plural(heights[i], "video")}`)));
    const ticks = step(bins * size, Math.max(2, Math.floor(width / 90)));
    for (let t = Math.ceil((first * size) / ticks) * ticks; t <= (first + bins) * size + 1e-9; t += ticks)
      drawing.append(svg("text", { x: x(t), y: height - bottom + 16, "text-anchor": "middle" }, number(Math.abs(t) < 1e-9 ? 0 : t)));
    drawing.append(svg("text", { x: (left + width) / 2, y: height - 2, "text-anchor": "middle" }, name));
    host.replaceChildren(drawing);
  }

  /** One horizontal bar a name, longest first. rows: {name, value, low, high}; low, high optional. */
  function bars(host, rows, describe) {
    const width = Math.max(host.clientWidth, 200), left = Math.min(160, width * 0.45), pitch = 22;
    const height = rows.length * pitch + 6;
    const most = Math.max(0.01, ...rows.map((row) => row.high ?? row.value));
    const x = (value) => left + (value / most) * (width - left - 46);
    const drawing = svg("svg", { viewBox: `0 0 ${width} ${height}`, height, role: "img", "aria-label": describe });
    rows.forEach((row, i) => {
      const y = i * pitch + 2;
      drawing.append(
        svg("text", { class: "strong", x: left - 8, y: y + 13, "text-anchor": "end" }, row.name),
        svg("rect", { class: "bar", x: left, y: y + 2, width: Math.max(1, x(row.value) - left), height: pitch - 9, rx: 2 }));
      if (row.low !== undefined)
        drawing.append(svg("line", { class: "spread", x1: x(row.low), x2: x(row.high), y1: y + 8.5, y2: y + 8.5 }));
      drawing.append(svg("text", { x: x(row.high ?? row.value) + 6, y: y + 13 }, row.value.toFixed(2)));
    });
    host.replaceChildren(drawing);
  }

  return { histogram, bars, quantile };
})();
