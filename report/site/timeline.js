"use strict";
/* The timeline of one video: the utility as a curve, emotions as strips below it, one position. It is a
 * slider for keyboards and screen readers. */
const timeline = (() => {
  const { svg, number, time, step } = hedon;

  /* clips: {start, end, utility, emotions}. moved(seconds): the user wants to go there. */
  function create(host, site, video, moved) {
    const { clips } = video;
    const duration = Math.max(video.duration || 0, ...clips.map((clip) => clip.end), 0.001);
    let position = 0, most = 6, x = () => 0, playhead = null, here = null, frame = null;
    const peak = (k) => Math.max(...clips.map((clip) => clip.emotions[k]));

    /* A player stops at a frame's time, which may be a little before what it was asked for. */
    function at(moment) {
      const seconds = moment + 0.02;
      let best = 0, least = Infinity;
      clips.forEach((clip, i) => {
        const far = seconds >= clip.start && seconds < clip.end ? Math.abs(seconds - (clip.start + clip.end) / 2) / 1e6 : Math.min(Math.abs(seconds - clip.start), Math.abs(seconds - clip.end));
        if (far < least) [best, least] = [i, far];
      });
      return best;
    }

    function describe(seconds) {
      const clip = clips[at(seconds)];
      if (!clip) return time(seconds, true);
      const top = clip.emotions ? hedon.strongest(clip.emotions, 3).map((k) => `${site.emotions[k]} ${clip.emotions[k].toFixed(2)}`).join(", ") : "";
      return `${time(seconds, true)}${clip.utility === null ? "" : `, utility ${number(clip.utility)}`}${top ? `, ${top}` : ""}`;
    }

    function curve(values, low, high, top, height) {
      const y = (value) => top + height - ((value - low) / (high - low || 1)) * height;
      const points = clips.map((clip, i) => [x((clip.start + clip.end) / 2), y(values[i])]);
      const path = points.map(([px, py], i) => `${i ? "L" : "M"}${px.toFixed(1)} ${py.toFixed(1)}`).join("");
      const area = `M${points[0][0].toFixed(1)} ${top + height}${path.replace("M", "L")}L${points[points.length - 1][0].toFixed(1)} ${top + height}Z`;
      return { points, path, area, y };
    }

    function draw() {
      const width = Math.max(host.clientWidth, 200), narrow = width < 600, left = narrow ? 40 : 160, right = 8;
      x = (seconds) => left + (seconds / duration) * (width - left - right);
      const shapes = [];
      let y = 8;
      if (clips.length && clips[0].utility !== null) {
        const values = clips.map((clip) => clip.utility), height = 110;
        let low = Math.min(...values), high = Math.max(...values);
        if (low === high) [low, high] = [low - 0.5, high + 0.5];
        const lines = curve(values, low, high, y + 16, height);
        const ticks = step(high - low, 3);
        for (let t = Math.ceil(low / ticks) * ticks; t <= high + 1e-9; t += ticks)
          shapes.push(svg("line", { class: "axis", x1: left, x2: width - right, y1: lines.y(t), y2: lines.y(t) }),
            svg("text", { x: left - 6, y: lines.y(t) + 4, "text-anchor": "end" }, number(Math.abs(t) < 1e-9 ? 0 : t)));
        shapes.push(svg("text", { class: "strong", x: narrow ? left : 0, y: narrow ? y + 8 : y + 20 }, "Utility"),
          svg("path", { class: "curve", d: lines.path }));
        if (clips.length <= 80)
          for (const [px, py] of lines.points) shapes.push(svg("circle", { class: "dot", cx: px, cy: py, r: 3 }));
        y += height + 34;
      }
      if (clips.length && clips[0].emotions) {
        const order = [...site.emotions.keys()].sort((a, b) => peak(b) - peak(a) || a - b).slice(0, most);
        const high = Math.max(0.05, peak(order[0])), height = 24;
        for (const k of order) {
          if (narrow) y += 16;
          const lines = curve(clips.map((clip) => clip.emotions[k]), 0, high, y, height);
          shapes.push(
            svg("text", narrow ? { class: "strong", x: left, y: y - 4 } : { class: "strong", x: left - 10, y: y + 17, "text-anchor": "end" }, site.emotions[k]),
            svg("line", { class: "axis", x1: left, x2: width - right, y1: y + height, y2: y + height }),
            svg("path", { class: "area", d: lines.area }), svg("path", { class: "curve", d: lines.path }));
          if (clips.length === 1) shapes.push(svg("circle", { class: "dot", cx: lines.points[0][0], cy: lines.points[0][1], r: 3 }));
          y += height + 8;
        }
      }
      const ticks = step(duration, Math.max(2, Math.floor((width - left) / 90)));
      for (let t = 0; t <= duration * 0.999; t += ticks)
        shapes.push(svg("text", { x: x(t), y: y + 14, "text-anchor": t ? "middle" : "start" }, time(t, ticks < 1)));
      here = svg("rect", { class: "here", y: 0, height: y });
      playhead = svg("line", { class: "now", y1: 0, y2: y });
      frame = { left, right, width };
      host.replaceChildren(svg("svg", { viewBox: `0 0 ${width} ${y + 20}`, height: y + 20, "aria-hidden": "true" }, here, ...shapes, playhead));
      place();
    }

    function place() {
      const clip = clips[at(position)];
      if (clip) {
        here.setAttribute("x", x(clip.start));
        here.setAttribute("width", Math.max(1, x(clip.end) - x(clip.start)));
      }
      playhead.setAttribute("x1", x(position));
      playhead.setAttribute("x2", x(position));
      host.setAttribute("aria-valuemax", duration.toFixed(2));
      host.setAttribute("aria-valuenow", position.toFixed(2));
      host.setAttribute("aria-valuetext", describe(position));
      hedon.byId("at").textContent = describe(position);
    }

    function go(seconds) {
      position = Math.min(duration, Math.max(0, seconds));
      place();
      moved(position);
    }

    const secondsOf = (event) => {
      const box = host.getBoundingClientRect();
      return ((event.clientX - box.left - frame.left) / (box.width - frame.left - frame.right)) * duration;
    };
    let dragging = false;
    host.addEventListener("pointerdown", (event) => {
      dragging = event.pointerType !== "touch";
      if (dragging) go(secondsOf(event));
    });
    host.addEventListener("pointermove", (event) => dragging && event.buttons && go(secondsOf(event)));
    window.addEventListener("pointerup", () => { dragging = false; });
    host.addEventListener("click", (event) => go(secondsOf(event)));
    host.addEventListener("keydown", (event) => {
      const clip = at(position);
      const to = { ArrowRight: clip + 1, ArrowUp: clip + 1, ArrowLeft: clip - 1, ArrowDown: clip - 1, PageDown: clip + 10, PageUp: clip - 10, Home: 0, End: clips.length - 1 }[event.key];
      if (to === undefined || !clips.length) return;
      event.preventDefault();
      go(clips[Math.min(clips.length - 1, Math.max(0, to))].start);
    });
    hedon.redraw(host, draw);
    draw();

    return {
      go,
      follow(seconds) {
        position = seconds;
        place();
      },
      show(count) {
        most = count;
        draw();
      },
    };
  }

  return { create };
})();
