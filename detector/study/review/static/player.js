// The clip of the chosen episode: it plays from a little before to a little after, and as often as one likes.

import * as api from "./api.js";
import { clock } from "./words.js";

const ROUND_S = 1.0; // before and after the episode
const STEP_S = 1 / 30; // about a frame of most cameras
const ASK_MS = 700; // whether a replay is ready

export class Player {
  // onTime(t_s or null) is called with the place in the session while there is a picture
  // No controls of the browser: they would lie over the face while it is looked at.
  constructor({ video, sorry, replayButton, position, playWord, onTime, onTrouble }) {
    Object.assign(this, { video, sorry, replayButton, position, playWord, onTime, onTrouble });
    this.row = null;
    this.clip = null;
    this.magnified = false;
    video.addEventListener("error", () => {
      if (video.getAttribute("src")) {
        this.#say("This browser cannot play this file. Convert a copy to H.264 in MP4 to look at it elsewhere"
          + (api.settings.replays ? ", or look at the magnified replay." : "."));
      }
    });
    video.addEventListener("play", () => this.#follow());
    video.addEventListener("pause", () => { playWord.textContent = "Play"; });
    video.addEventListener("click", () => this.toggle());
    position.addEventListener("input", () => { video.currentTime = Number(position.value); });
    video.addEventListener("seeked", () => this.#tell());
  }

  async open(row) {
    this.row = row;
    this.video.pause();
    this.onTime(null);
    let clip;
    try {
      clip = await api.clip(row.run, row.number);
    } catch (error) {
      if (this.row === row) this.onTrouble(error);
      return;
    }
    if (this.row !== row) return;
    this.clip = clip;
    this.magnified = false;
    this.replayButton.hidden = !(api.settings.replays && clip.url);
    this.replayButton.setAttribute("aria-pressed", "false");
    this.replayButton.disabled = false;
    if (!clip.url) {
      this.#say(clip.why);
      this.video.removeAttribute("src");
      this.video.load();
      this.position.disabled = true;
      return;
    }
    this.#load(clip.url);
    this.#rewind();
  }

  async showReplay() {
    const { row } = this;
    if (!row || this.replayButton.hidden) return;
    if (this.magnified) {
      await this.open(row);
      return;
    }
    this.replayButton.disabled = true;
    try {
      let found = await api.askReplay(row.run, row.number);
      while (found.replay === "working" && this.row === row) {
        await new Promise((done) => setTimeout(done, ASK_MS));
        found = await api.clip(row.run, row.number);
      }
      if (this.row !== row) return;
      if (found.replay !== "ready") throw new Error(found.why || "The replay could not be made.");
      this.magnified = true;
      this.#load(`/replay/${row.run}/${row.number}`);
      this.replayButton.setAttribute("aria-pressed", "true");
      this.video.play().catch(() => {});
    } catch (error) {
      this.onTrouble(error);
    } finally {
      if (this.row === row) this.replayButton.disabled = false;
    }
  }

  // Asks for no more of the clip.
  close() {
    this.row = null;
    this.video.removeAttribute("src");
    this.video.load();
  }

  toggle() {
    const { video } = this;
    if (!video.getAttribute("src")) return;
    if (!video.paused) {
      video.pause();
      return;
    }
    const [from, to] = this.#part();
    if (video.currentTime < from - 0.01 || video.currentTime >= to - 0.05) video.currentTime = from;
    video.play().catch(() => {});
  }

  step(frames) {
    if (!this.video.getAttribute("src")) return;
    this.video.pause();
    this.video.currentTime = Math.max(0, this.video.currentTime + frames * STEP_S);
  }

  large() {
    if (document.fullscreenElement) document.exitFullscreen();
    else if (!this.video.hidden) this.video.requestFullscreen().catch(() => {});
  }

  seek(t) {
    if (this.clip?.kind === "source" && !this.magnified) this.video.currentTime = Math.max(0, t + this.clip.offset_s);
  }

  // In the time of the file; a kept clip and a replay are played whole.
  #part() {
    if (this.clip?.kind !== "source" || this.magnified) return [0, Infinity];
    const { offset_s } = this.clip;
    return [Math.max(0, this.row.start_s - ROUND_S + offset_s), this.row.end_s + ROUND_S + offset_s];
  }

  #rewind() {
    const go = () => { this.video.currentTime = this.#part()[0]; };
    if (this.video.readyState >= 1) go();
    else this.video.addEventListener("loadedmetadata", go, { once: true });
  }

  #load(url) {
    this.sorry.hidden = true;
    this.video.hidden = false;
    if (this.video.getAttribute("src") !== url) this.video.src = url;
    this.video.defaultPlaybackRate = this.video.playbackRate = this.rate ?? 1;
  }

  setRate(rate) {
    this.rate = rate;
    this.video.playbackRate = rate;
  }

  #say(text) {
    this.sorry.textContent = text;
    this.sorry.hidden = false;
    this.video.hidden = true;
  }

  #follow() {
    this.playWord.textContent = "Pause";
    const step = () => {
      if (this.video.paused) return;
      const [, to] = this.#part();
      if (this.video.currentTime >= to) this.video.pause();
      this.#tell();
      requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
  }

  #tell() {
    const [from, to] = this.#part();
    const end = Math.min(to, this.video.duration || from + 1);
    Object.assign(this.position, { min: Math.min(from, this.video.currentTime), max: Math.max(end, this.video.currentTime) });
    this.position.value = this.video.currentTime;
    this.position.disabled = !this.video.getAttribute("src");
    this.position.setAttribute("aria-valuetext", clock(this.video.currentTime));
    const whole = this.clip?.kind === "source" && !this.magnified && this.video.getAttribute("src");
    this.onTime(whole ? this.video.currentTime - this.clip.offset_s : null);
  }
}
