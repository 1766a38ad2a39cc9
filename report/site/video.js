"use strict";
/* The page of one video, named in the address: video.html#SHARD.ID, and #SHARD.ID@SECONDS for a moment. */
(async () => {
  const { el, byId, time, number } = hedon;
  const [address, moment] = location.hash.slice(1).split("@");
  const [shard, id] = address.split(".");
  let site, video;
  try {
    if (!/^\d+$/.test(shard) || !/^\d+$/.test(id)) throw new Error("This address names no video: choose one from the list of all.");
    site = await hedon.load("site");
    video = (await hedon.load(`clips-${shard}`))[id];
    if (!video) throw new Error("This video is not in the report any more: choose one from the list of all.");
  } catch (error) {
    hedon.failed(error);
    return;
  }
  window.addEventListener("hashchange", () => location.reload());
  hedon.caveats(site);
  const short = video.name.split("/").pop();
  document.title = `${short}: hedon report`;
  byId("title").textContent = short;
  byId("where").textContent = video.path;
  video.clips = video.clips.map(([start, end, utility, emotions]) => ({ start, end, utility, emotions: emotions && emotions.map((e) => e / 1000) }));
  video.emotions = video.emotions && video.emotions.map((e) => e / 1000);

  /* ---- Neighbours, in the order that the list had */

  try {
    byId("back").href = `index.html${sessionStorage.getItem("hedon-back") || ""}`;
    const order = JSON.parse(sessionStorage.getItem("hedon-order") || "[]"), at = order.indexOf(address);
    for (const [name, to] of [["previous", at - 1], ["next", at + 1]])
      if (at >= 0 && order[to]) {
        byId(name).href = `video.html#${order[to]}`;
        byId(name).hidden = false;
      }
  } catch { /* without storage there is only the way back */ }

  /* ---- Failed */

  if (video.error) {
    byId("error").textContent = `Could not be annotated: ${video.error}`;
    byId("error").hidden = false;
    for (const section of document.querySelectorAll("main .pair, #numbers")) section.remove();
    document.documentElement.dataset.state = "ready";
    return;
  }

  /* ---- Player and timeline, in step */

  const player = byId("player"), says = byId("player-says");
  const track = timeline.create(byId("track"), site, video, (seconds) => { player.currentTime = seconds; });
  byId("shown").addEventListener("change", () => track.show(Number(byId("shown").value)));
  player.addEventListener("error", () => {
    says.textContent = site.live ? "The player cannot show this video; the timeline can still be looked at." : `The player cannot show ${video.path}: it was moved, or this browser does not know its format. The timeline can still be looked at.`;
  });
  const follow = () => {
    track.follow(player.currentTime);
    if (!player.paused && !player.ended) requestAnimationFrame(follow);
  };
  player.addEventListener("play", follow);
  player.addEventListener("seeked", () => track.follow(player.currentTime));
  player.style.aspectRatio = `${video.width} / ${video.height}`; /* nothing moves when it has loaded */
  player.src = video.url;
  if (moment && Number(moment) > 0) track.go(Number(moment));

  if (video.thumb) {
    const box = byId("peaks"), whole = new Image();
    const height = 72, width = Math.round((height * video.width) / video.height);
    whole.onload = () => box.replaceChildren(...video.peaks.map(([seconds, label], k) => {
      const image = el("span", { class: "thumb" });
      image.style.width = `${Math.min(320, Math.max(24, width))}px`;
      hedon.picture(image, video.thumb, k, video.peaks.length);
      return el("button", { type: "button", onclick: () => track.go(seconds) }, image, el("span", {}, `${time(seconds, video.duration < 60)} ${label}`));
    }));
    whole.src = `thumbs/${Number(video.thumb.split("-")[0]) % 100}/${encodeURIComponent(video.thumb)}.png`;
  }

  /* ---- The whole video */

  const facts = [
    ["Length", `${time(video.duration, video.duration < 60)}, ${hedon.plural(video.frames, "frame")}`],
    ["Pictures", `${video.width} \u00d7 ${video.height}`],
    ["Utility", video.utility === null ? null : `${number(video.utility)}${video.views > 1 ? ` (standard deviation ${number(video.utility_sd, 2)} over ${video.views} views)` : ""}`],
    ["Percentile", video.percentile === null ? null : `${video.percentile.toFixed(1)} among ${site.reference || "the model's reference videos"}`],
    ["Damaged", video.damaged ? `yes: scored from what decodes, ${hedon.plural(video.lost, "packet")} lost` : null],
  ];
  for (const [name, value] of facts) if (value) byId("facts").append(el("dt", {}, name), el("dd", {}, value));
  if (video.emotions) {
    const lines = site.emotions.map((name, k) => ({ name, value: video.emotions[k] })).sort((a, b) => b.value - a.value);
    const draw = () => charts.bars(byId("bars"), lines, `Intensities of 27 emotions, highest: ${lines.slice(0, 5).map((line) => `${line.name} ${line.value.toFixed(2)}`).join(", ")}`);
    hedon.redraw(byId("bars"), draw);
    draw();
  }

  /* ---- Every clip, when asked for */

  byId("numbers").addEventListener("toggle", () => {
    if (byId("clips").rows.length) return;
    const heads = ["start", "end", "utility", ...site.emotions];
    byId("clips").append(
      el("thead", {}, el("tr", {}, ...heads.map((name) => el("th", { scope: "col" }, name)))),
      el("tbody", {}, ...video.clips.map((clip) => el("tr", {},
        ...[time(clip.start, true), time(clip.end, true), number(clip.utility), ...(clip.emotions ? clip.emotions.map((e) => e.toFixed(3)) : [])].map((text) => el("td", {}, text))))));
  });
  document.documentElement.dataset.state = "ready";
})();
