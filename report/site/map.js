"use strict";
/* Where videos lie in the space of emotions: two projections of their 27 intensities, as dots on a
 * canvas. The dots are a look at the table, not a replacement: the table has everything. */
const emotionMap = (() => {
  const { el, number } = hedon;

  /* The mean of the emotions' words' published ratings, weighted by the intensities. */
  function byWords(rows, site) {
    const xy = new Float64Array(2 * rows.length);
    rows.forEach((row, i) => {
      let total = 0, v = 0, a = 0;
      row.emotions.forEach((e, k) => {
        total += e;
        v += e * site.words[k][0];
        a += e * site.words[k][1];
      });
      xy[2 * i] = total ? v / total : NaN;
      xy[2 * i + 1] = total ? a / total : NaN;
    });
    return {
      xy,
      names: ["unpleasant words \u2192 pleasant words", "calm words \u2192 excited words"],
      caption: "Each dot is a video: the mean valence (across) and arousal (up) that people gave to the 27 emotions' words, weighted with the predicted intensities. Norms from 1 to 9: Warriner, Kuperman and Brysbaert 2013. A projection of predictions, not a measurement.",
    };
  }

  /* Eigenvectors of the intensities' covariance, by power iteration. */
  function byComponents(rows, site) {
    const n = rows.length, d = site.emotions.length, mean = new Float64Array(d);
    for (const row of rows) for (let k = 0; k < d; k++) mean[k] += row.emotions[k] / n;
    const covariance = Array.from({ length: d }, () => new Float64Array(d));
    for (const row of rows)
      for (let i = 0; i < d; i++) {
        const x = row.emotions[i] - mean[i];
        for (let j = i; j < d; j++) covariance[i][j] += (x * (row.emotions[j] - mean[j])) / n;
      }
    let total = 0;
    for (let i = 0; i < d; i++) {
      total += covariance[i][i];
      for (let j = 0; j < i; j++) covariance[i][j] = covariance[j][i];
    }
    const axes = [];
    for (let c = 0; c < 2; c++) {
      let vector = Float64Array.from({ length: d }, (_, i) => 1 + ((i * 7 + c * 3) % 11) / 11), size = 0;
      for (let turn = 0; turn < 200; turn++) {
        const next = covariance.map((line) => line.reduce((sum, x, j) => sum + x * vector[j], 0));
        size = Math.hypot(...next);
        if (!size) break;
        vector = Float64Array.from(next, (x) => x / size);
      }
      const lead = vector.reduce((best, x, i) => (Math.abs(x) > Math.abs(vector[best]) ? i : best), 0);
      if (vector[lead] < 0) vector = vector.map((x) => -x);
      for (let i = 0; i < d; i++) for (let j = 0; j < d; j++) covariance[i][j] -= size * vector[i] * vector[j];
      axes.push({ vector, share: total ? size / total : 0 });
    }
    const xy = new Float64Array(2 * n);
    rows.forEach((row, i) => {
      for (let c = 0; c < 2; c++)
        xy[2 * i + c] = axes[c].vector.reduce((sum, w, k) => sum + w * (row.emotions[k] - mean[k]), 0);
    });
    const name = ({ vector, share }, c) => {
      const order = [...vector.keys()].sort((a, b) => vector[b] - vector[a]);
      const low = order.filter((k) => vector[k] < -0.1).slice(-2).reverse().map((k) => site.emotions[k]);
      const high = order.filter((k) => vector[k] > 0.1).slice(0, 2).map((k) => site.emotions[k]);
      return `component ${c + 1} (${Math.round(100 * share)}%): ${low.length ? `${low.join(", ")} \u2192 ` : "\u2192 "}${high.join(", ")}`;
    };
    return {
      xy,
      names: axes.map(name),
      caption: `Each dot is a video: its 27 predicted intensities on the two directions in which these ${hedon.plural(n, "video")} differ most. The axes are named by the emotions that weigh most; they are those of this collection, not of feelings in general.`,
    };
  }

  const projections = { words: byWords, components: byComponents };

  /* rows: all; shown: indices of those to draw. open(i), say(text). */
  function create(host, site, rows, { open, say, caption }) {
    const canvas = el("canvas", { tabindex: 0, role: "img", "aria-describedby": "map-caption" });
    const tip = el("div", { class: "tip", hidden: true });
    host.replaceChildren(canvas, tip);
    const scored = rows.map((row, i) => i).filter((i) => rows[i].emotions);
    const made = {};
    let kind = "words", shown = [], current = -1, place = () => [0, 0];

    function projection() {
      if (!made[kind]) made[kind] = projections[kind](scored.map((i) => rows[i]), site);
      return made[kind];
    }
    const slot = new Map(scored.map((i, k) => [i, k]));

    function draw() {
      const { xy, names } = projection();
      const width = Math.max(host.clientWidth, 200), height = 290, left = 40, bottom = 28;
      const ratio = window.devicePixelRatio || 1;
      canvas.width = width * ratio;
      canvas.height = height * ratio;
      canvas.style.height = `${height}px`;
      canvas.setAttribute("aria-label", `Map of ${hedon.plural(shown.length, "video")}. Across: ${names[0]}. Up: ${names[1]}. Arrow keys go from dot to dot, Enter opens.`);
      const low = [Infinity, Infinity], high = [-Infinity, -Infinity];
      for (let k = 0; k < xy.length; k++)
        if (!Number.isNaN(xy[k])) {
          low[k % 2] = Math.min(low[k % 2], xy[k]);
          high[k % 2] = Math.max(high[k % 2], xy[k]);
        }
      const span = [0, 1].map((c) => high[c] - low[c] || 1);
      place = (i) => {
        const k = slot.get(i);
        return [left + 8 + ((xy[2 * k] - low[0]) / span[0]) * (width - left - 16),
          8 + (1 - (xy[2 * k + 1] - low[1]) / span[1]) * (height - bottom - 16)];
      };
      const c = canvas.getContext("2d");
      c.scale(ratio, ratio);
      c.strokeStyle = hedon.colour("line");
      c.strokeRect(left + 0.5, 0.5, width - left - 1, height - bottom - 1);
      c.fillStyle = hedon.colour("muted");
      c.font = "12px system-ui, 'DejaVu Sans', sans-serif";
      c.textAlign = "left";
      c.fillText(number(low[0]), left, height - 8);
      c.textAlign = "right";
      c.fillText(number(high[0]), width, height - 8);
      c.fillText(number(high[1]), left - 5, 12);
      c.fillText(number(low[1]), left - 5, height - bottom);
      c.textAlign = "center";
      c.fillText(names[0], (left + width) / 2, height - 8, width - left - 80);
      c.save();
      c.translate(14, (height - bottom) / 2);
      c.rotate(-Math.PI / 2);
      c.fillText(names[1], 0, 0, height - bottom - 50);
      c.restore();
      c.fillStyle = hedon.colour("bar");
      c.globalAlpha = shown.length > 2000 ? 0.35 : 0.7;
      const radius = shown.length > 2000 ? 2 : shown.length > 200 ? 3 : 4.5;
      for (const i of shown) {
        const [x, y] = place(i);
        c.beginPath();
        c.arc(x, y, radius, 0, 2 * Math.PI);
        c.fill();
      }
      c.globalAlpha = 1;
      mark();
      caption(projection().caption);
    }

    function mark() {
      tip.hidden = current < 0;
      if (current < 0) return;
      const [x, y] = place(current);
      tip.textContent = rows[current].name;
      const right = x > host.clientWidth / 2;
      tip.style.left = right ? "auto" : `${x + 10}px`;
      tip.style.right = right ? `${host.clientWidth - x + 10}px` : "auto";
      tip.style.top = `${Math.max(0, y - 12)}px`;
    }

    function nearest(event) {
      const box = canvas.getBoundingClientRect();
      let best = -1, least = 15 * 15;
      for (const i of shown) {
        const [x, y] = place(i);
        const far = (x - event.clientX + box.left) ** 2 + (y - event.clientY + box.top) ** 2;
        if (far < least) [best, least] = [i, far];
      }
      return best;
    }

    function choose(i, speak) {
      current = i;
      mark();
      canvas.style.cursor = i < 0 ? "" : "pointer";
      if (speak && i >= 0) say(`${rows[i].name}${rows[i].utility === null ? "" : `, utility ${number(rows[i].utility)}`}`);
    }

    canvas.addEventListener("pointermove", (event) => choose(nearest(event)));
    canvas.addEventListener("pointerleave", () => choose(-1));
    canvas.addEventListener("click", (event) => {
      const i = nearest(event);
      if (i >= 0) open(i);
    });
    canvas.addEventListener("keydown", (event) => {
      const way = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowUp: [1, -1], ArrowDown: [1, 1] }[event.key];
      if (event.key === "Enter" && current >= 0) open(current);
      if (!way || !shown.length) return;
      event.preventDefault();
      const order = [...shown].sort((a, b) => place(a)[way[0]] - place(b)[way[0]] || a - b);
      const at = order.indexOf(current);
      choose(order[at < 0 ? 0 : Math.min(order.length - 1, Math.max(0, at + way[1]))], true);
    });
    canvas.addEventListener("blur", () => choose(-1));
    hedon.redraw(host, draw);

    return {
      show(indices) {
        shown = indices.filter((i) => rows[i].emotions && !Number.isNaN(projection().xy[2 * slot.get(i)]));
        current = -1;
        draw();
      },
      axes(name) {
        kind = name;
        current = -1;
        draw();
      },
    };
  }

  return { create, projections };
})();
