"use strict";
/* The page of all videos. Its state (search, filters, order) is in the address after #, so that going
 * back, or a link, leads to the same rows. */
(async () => {
  const { el, byId, time, number, count } = hedon;
  let site;
  const rows = [];
  try {
    site = await hedon.load("site");
    const shards = await Promise.all(Array.from({ length: site.shards }, (_, k) => hedon.load(`rows-${k}`)));
    for (const shard of shards)
      for (const [id, clips, name, duration, utility, percentile, emotions, error, thumb, cells] of shard)
        rows.push({ id, clips, name, lower: name.toLowerCase(), duration, utility, percentile, error, thumb, cells,
          emotions: emotions && emotions.map((e) => e / 1000) });
  } catch (error) {
    hedon.failed(error);
    return;
  }
  hedon.caveats(site);
  document.title = `${site.title}: hedon report`;
  byId("title").textContent = site.title;

  /* ---- State */

  const initial = { q: "", sort: site.has_utility ? "utility" : "emotion", dir: "desc", emotion: "19", least: "", length: "", state: "results", measure: site.has_utility ? "utility" : "e19", axes: "words" };
  const state = { ...initial, ...Object.fromEntries(new URLSearchParams(location.hash.slice(1))) };
  if (!(Number(state.emotion) in site.emotions)) state.emotion = initial.emotion;
  const remember = () => {
    const changed = Object.entries(state).filter(([key, value]) => key in initial && value !== initial[key]);
    history.replaceState(null, "", `#${new URLSearchParams(changed)}`);
  };

  /* ---- Controls */

  const option = (value, text) => el("option", { value }, text);
  if (site.has_emotions) byId("emotion").append(...site.emotions.map((name, k) => option(String(k), name)));
  const measures = {
    utility: { name: "utility", of: (row) => row.utility },
    percentile: { name: "percentile", of: (row) => row.percentile },
    duration: { name: "length in seconds", of: (row) => row.duration },
    ...Object.fromEntries(site.emotions.map((name, k) => [`e${k}`, { name, of: (row) => row.emotions && row.emotions[k] }])),
  };
  for (const [key, measure] of Object.entries(measures))
    if (key === "duration" || rows.some((row) => measure.of(row) !== null)) byId("measure").append(option(key, measure.name));
  const sorts = { utility: "utility", percentile: "percentile", emotion: "the emotion", duration: "length", name: "name" };
  for (const [key, name] of Object.entries(sorts))
    for (const [dir, way] of [["desc", "highest first"], ["asc", "lowest first"]])
      byId("sort").append(option(`${key}-${dir}`, key === "name" ? `name, ${dir === "asc" ? "A to Z" : "Z to A"}` : `${name}, ${way}`));

  /* ---- The table */

  const emotionOf = (row) => row.emotions && row.emotions[Number(state.emotion)];
  const keys = { name: (row) => row.lower, duration: (row) => row.duration, utility: (row) => row.utility, percentile: (row) => row.percentile, emotion: emotionOf };
  const top = (row) => (row.emotions ? hedon.strongest(row.emotions, 3).map((k) => `${site.emotions[k]} ${row.emotions[k].toFixed(2)}`).join(", ") : "");
  const columns = [
    ...(site.thumbnails ? [{ key: "picture", name: "Picture", hidden: true, className: "c-picture", cell(cell, row) {
      const image = el("span", { class: "thumb" });
      if (row.thumb) hedon.picture(image, row.thumb, 0, row.cells);
      cell.append(image);
    } }] : []),
    { key: "name", name: "Video", className: "c-name", sortable: true, link: true, text: (row) => row.name, cell(cell, row) {
      cell.append(el("span", { class: "second" }, row.error ? row.error : top(row)));
    } },
    { key: "duration", name: "Length", className: "c-length", sortable: true, number: true, text: (row) => (row.duration === null ? "" : time(row.duration)) },
    { key: "utility", name: "Utility", className: "c-utility", sortable: true, number: true, text: (row) => number(row.utility) },
    { key: "percentile", name: "Percentile", className: "c-percentile", sortable: true, number: true, text: (row) => (row.percentile === null ? "" : row.percentile.toFixed(1)) },
    { key: "emotion", name: "", className: "c-emotion", sortable: true, number: true, text: (row) => (row.emotions ? emotionOf(row).toFixed(2) : "") },
  ];
  const link = (i) => `video.html#${rows[i].clips}.${rows[i].id}`;
  function open(i) {
    try {
      sessionStorage.setItem("hedon-order", JSON.stringify(shown.slice(0, 20000).map((k) => `${rows[k].clips}.${rows[k].id}`)));
      sessionStorage.setItem("hedon-back", location.hash);
    } catch { /* then there is no way to the next video from its page */ }
    location.href = link(i);
  }
  let shown = [];
  const table = videoTable.create(columns, rows, { open, link, sort(key) {
    state.dir = state.sort === key ? (state.dir === "desc" ? "asc" : "desc") : key === "name" ? "asc" : "desc";
    state.sort = key;
    update();
  } });
  byId("rows").addEventListener("click", (event) => {
    const line = event.target.closest("a") && event.target.closest("tr[data-at]");
    if (!line || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    event.preventDefault();
    open(shown[Number(line.dataset.at)]);
  });

  /* ---- What is shown */

  function filter() {
    const words = state.q.toLowerCase().split(/\s+/).filter(Boolean);
    const least = state.least === "" ? null : Number(state.least);
    const [shortest, longest] = state.length ? state.length.split("-").map((x) => (x === "" ? Infinity : Number(x))) : [0, Infinity];
    const result = [];
    rows.forEach((row, i) => {
      if (row.error ? state.state === "results" : state.state === "errors") return;
      if (words.some((word) => !row.lower.includes(word))) return;
      if (least !== null && !(row.emotions && emotionOf(row) >= least)) return;
      if (state.length && !(row.duration !== null && row.duration > shortest && row.duration <= longest)) return;
      result.push(i);
    });
    return result;
  }

  function order(indices) {
    const key = keys[state.sort] || keys.name, values = rows.map(key), sign = state.dir === "asc" ? 1 : -1;
    return indices.sort((a, b) => {
      const x = values[a], y = values[b];
      if (x === null || y === null) return x === y ? a - b : x === null ? 1 : -1;
      return x < y ? -sign : x > y ? sign : a - b;
    });
  }

  function drawHistogram() {
    const measure = measures[state.measure] || measures.duration;
    charts.histogram(byId("histogram"), shown.map((i) => measure.of(rows[i])).filter((x) => x !== null), measure.name);
  }

  function drawEmotions() {
    const scored = shown.filter((i) => rows[i].emotions);
    if (!scored.length) {
      byId("emotions").replaceChildren(el("p", { class: "small" }, "No video with emotions is shown."));
      return;
    }
    const lines = site.emotions.map((name, k) => {
      const values = Float64Array.from(scored, (i) => rows[i].emotions[k]).sort();
      return { name, value: values.reduce((sum, x) => sum + x, 0) / values.length, low: charts.quantile(values, 0.05), high: charts.quantile(values, 0.95) };
    }).sort((a, b) => b.value - a.value);
    charts.bars(byId("emotions"), lines, `Mean intensities over ${hedon.plural(scored.length, "video")}, highest: ${lines.slice(0, 3).map((line) => `${line.name} ${line.value.toFixed(2)}`).join(", ")}`);
  }

  function tiles() {
    const seconds = shown.reduce((sum, i) => sum + (rows[i].duration || 0), 0);
    const middle = charts.quantile(shown.map((i) => rows[i].utility).filter((x) => x !== null).sort((a, b) => a - b), 0.5);
    const items = [["Videos shown", count(shown.length)], ["Annotated", count(site.done)], ["Failed", count(site.failed)], ["Length shown", time(seconds)]];
    if (site.has_utility && !Number.isNaN(middle)) items.push(["Median utility", number(middle)]);
    byId("tiles").replaceChildren(...items.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))));
  }

  const map = emotionMap.create(byId("map"), site, rows, {
    open,
    say: (text) => { byId("map-says").textContent = text; },
    caption: (text) => { byId("map-caption").textContent = text; },
  });
  hedon.redraw(byId("histogram"), drawHistogram);
  hedon.redraw(byId("emotions"), drawEmotions);

  function controls() {
    const fields = { search: "q", emotion: "emotion", least: "least", length: "length", state: "state", measure: "measure", axes: "axes" };
    for (const [id, key] of Object.entries(fields)) if (byId(id).value !== state[key]) byId(id).value = state[key];
    byId("sort").value = `${state.sort}-${state.dir}`;
  }

  function update() {
    shown = order(filter());
    controls();
    remember();
    table.rename("emotion", site.emotions[Number(state.emotion)]);
    table.show(shown, state.sort, state.dir === "asc");
    byId("count").textContent = `${count(shown.length)} of ${hedon.plural(rows.length, "video")}${site.left_out ? `; ${count(site.left_out)} more are in the store (hedon report --limit)` : ""}`;
    const ranks = state.sort === "utility" || state.sort === "percentile" || state.sort === "emotion";
    byId("ranking").textContent = ranks ? site.ranking : "";
    tiles();
    drawHistogram();
    drawEmotions();
    map.show(shown);
  }

  const watch = (id, key, kind, then) => byId(id).addEventListener(kind, () => {
    state[key] = byId(id).value;
    then();
  });
  watch("search", "q", "input", update);
  watch("least", "least", "input", update);
  watch("emotion", "emotion", "change", () => {
    if (state.sort !== "name") [state.sort, state.dir] = ["emotion", "desc"];
    state.measure = `e${state.emotion}`;
    update();
  });
  watch("length", "length", "change", update);
  watch("state", "state", "change", update);
  watch("measure", "measure", "change", () => { remember(); drawHistogram(); });
  watch("axes", "axes", "change", () => { remember(); map.axes(state.axes); });
  byId("sort").addEventListener("change", () => {
    [state.sort, state.dir] = byId("sort").value.split("-");
    update();
  });
  byId("filters").addEventListener("submit", (event) => event.preventDefault());
  byId("filters").addEventListener("reset", (event) => {
    event.preventDefault();
    for (const key of ["q", "least", "length", "state"]) state[key] = initial[key];
    update();
  });
  window.addEventListener("hashchange", () => {
    Object.assign(state, initial, Object.fromEntries(new URLSearchParams(location.hash.slice(1))));
    if (location.hash !== "#videos") update();
  });

  if (state.axes === "components") map.axes("components");
  update();
  document.documentElement.dataset.state = "ready";

  /* ---- Live: how far annotating is */

  async function progress() {
    try {
      const now = await hedon.load("progress", true);
      const left = now.todo + now.leased, line = byId("live");
      line.hidden = !left && now.done === site.done && now.failed === site.failed;
      line.replaceChildren(`${count(now.done)} annotated, ${count(now.failed)} failed, ${count(left)} to do${now.rate ? `, ${number(now.rate, 2)} a second` : ""}. `);
      if (now.done !== site.done || now.failed !== site.failed)
        line.append(el("button", { type: "button", onclick: () => location.reload() }, "Show new results"));
    } catch { /* the server is gone: what is shown stays */ }
  }
  if (site.live) {
    progress();
    setInterval(progress, 5000);
  }
})();
