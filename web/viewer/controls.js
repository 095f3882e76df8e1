// SPDX-License-Identifier: Apache-2.0
/** Where the eye is, and how pointer, wheel, touch and keys move it. The horizon stays level. */

const FIELD = (28 * Math.PI) / 180;
const REST_MS = 160;
const TURN_MS = 200;

export class Controls {
  constructor(canvas, header, redraw) {
    this.canvas = canvas;
    this.header = header;
    this.redraw = redraw;
    this.field = FIELD;
    this.moving = false;
    this.detail = 1; // of a frame while it moves: 1 is all of it
    this.pointers = new Map();
    this.stop = new AbortController();
    this.still = window.matchMedia("(prefers-reduced-motion: reduce)");
    this.place(header.start);
    this.home();
    this.listen();
  }

  /** Row-wise frame: the directions right, up and towards the eye, in scene coordinates. */
  axes() {
    const [ca, sa, ce, se] = [Math.cos(this.azimuth), Math.sin(this.azimuth), Math.cos(this.elevation), Math.sin(this.elevation)];
    const local = [[-sa, ca, 0], [-ca * se, -sa * se, ce], [ca * ce, sa * ce, se]];
    const f = this.header.frame;
    return local.map((v) => [0, 1, 2].map((k) => v[0] * f[0][k] + v[1] * f[1][k] + v[2] * f[2][k]));
  }

  eye() {
    const towards = this.axes()[2];
    return this.target.map((t, k) => t + towards[k] * this.distance);
  }

  /** Set the direction of the eye from a direction in scene coordinates. */
  place(direction) {
    const f = this.header.frame;
    const [x, y, z] = f.map((row) => row[0] * direction[0] + row[1] * direction[1] + row[2] * direction[2]);
    this.elevation = Math.atan2(z, Math.hypot(x, y));
    this.azimuth = Math.hypot(x, y) < 1e-9 ? -Math.PI / 2 : Math.atan2(y, x);
  }

  home() {
    this.target = [0, 0, 0];
    const aspect = this.canvas.clientWidth / Math.max(1, this.canvas.clientHeight) || 1.5;
    this.distance = (this.header.radius * 1.04) / Math.sin(FIELD / 2) / Math.min(1, aspect);
  }

  reset() {
    this.home();
    this.look(this.header.start, true);
  }

  /** Turn to a direction, in a fifth of a second unless the system asks for less motion. */
  look(direction, isScene = false) {
    const from = [this.azimuth, this.elevation];
    const f = this.header.frame;
    const scene = isScene || direction === this.header.start ? direction
      : [0, 1, 2].map((k) => direction[0] * f[0][k] + direction[1] * f[1][k] + direction[2] * f[2][k]);
    this.place(scene);
    const to = [this.azimuth, this.elevation];
    if (this.still.matches || document.hidden) return this.changed();
    to[0] = from[0] + Math.atan2(Math.sin(to[0] - from[0]), Math.cos(to[0] - from[0]));
    const began = performance.now();
    const step = (now) => {
      const t = Math.min(1, Math.max(0, (now - began) / TURN_MS));
      const s = t * t * (3 - 2 * t);
      [this.azimuth, this.elevation] = [0, 1].map((i) => from[i] + (to[i] - from[i]) * s);
      this.changed();
      this.turning = t < 1 ? requestAnimationFrame(step) : undefined;
    };
    cancelAnimationFrame(this.turning);
    this.moving = true;  // from now on, not from its first frame
    this.turning = requestAnimationFrame(step);
  }

  changed() {
    this.moving = true;
    clearTimeout(this.resting);
    this.frame ??= requestAnimationFrame(() => {
      this.frame = undefined;
      this.redraw(true);
      this.resting = setTimeout(() => {
        if (this.turning !== undefined) return;  // its next frame is late, not the last
        this.moving = false;
        this.redraw(false);
      }, REST_MS);
    });
  }

  /** Draw coarser while it moves where a frame takes long, finer again where it does not. */
  pace(tookMs) {
    if (tookMs > 60) this.detail = Math.max(0.3, this.detail * 0.7);
    else if (tookMs < 12) this.detail = Math.min(1, this.detail * 1.1);
  }

  turn(right, up) {
    this.azimuth -= right;
    this.elevation = Math.max(-Math.PI / 2, Math.min(Math.PI / 2, this.elevation + up));
    this.changed();
  }

  pan(right, down) {
    const [x, y] = this.axes();
    const size = (2 * this.distance * Math.tan(FIELD / 2)) / Math.max(1, this.canvas.clientHeight);
    this.target = this.target.map((t, k) => t - x[k] * right * size + y[k] * down * size);
    this.changed();
  }

  zoom(factor) {
    const radius = this.header.radius;
    this.distance = Math.max(radius * 0.02, Math.min(radius * 40, this.distance * factor));
    this.changed();
  }

  listen() {
    const on = (name, act, options = {}) => this.canvas.addEventListener(name, act, { signal: this.stop.signal, ...options });
    on("pointerdown", (event) => {
      this.turning = cancelAnimationFrame(this.turning);  // undefined: it turns no more
      this.canvas.focus({ preventScroll: true });
      this.canvas.setPointerCapture(event.pointerId);
      this.pointers.set(event.pointerId, [event.clientX, event.clientY]);
    });
    on("pointermove", (event) => this.drag(event));
    for (const name of ["pointerup", "pointercancel"]) on(name, (event) => this.pointers.delete(event.pointerId));
    on("contextmenu", (event) => event.preventDefault());
    on("wheel", (event) => {
      if (document.activeElement !== this.canvas && !event.ctrlKey) return;
      event.preventDefault();
      this.zoom(Math.exp(Math.max(-60, Math.min(60, event.deltaY)) * 0.004));
    }, { passive: false });
    on("keydown", (event) => this.key(event));
  }

  drag(event) {
    const before = this.pointers.get(event.pointerId);
    if (!before) return;
    const [dx, dy] = [event.clientX - before[0], event.clientY - before[1]];
    const others = [...this.pointers].filter(([id]) => id !== event.pointerId).map(([, place]) => place);
    this.pointers.set(event.pointerId, [event.clientX, event.clientY]);
    if (others.length) {
      const gap = (place) => Math.hypot(place[0] - others[0][0], place[1] - others[0][1]);
      this.zoom(gap(before) / Math.max(1, gap([event.clientX, event.clientY])));
      this.pan(dx / 2, dy / 2);
    } else if (event.shiftKey || event.buttons & 6) this.pan(dx, dy);
    else this.turn(dx * 0.008, dy * 0.008);
  }

  key(event) {
    const arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const arrow = arrows[event.key];
    if (arrow && event.shiftKey) this.pan(arrow[0] * 24, arrow[1] * 24);
    else if (arrow) this.turn(arrow[0] * 0.12, arrow[1] * 0.12);
    else if (event.key === "+" || event.key === "=") this.zoom(0.87);
    else if (event.key === "-") this.zoom(1.15);
    else return;
    event.preventDefault();
  }

  dispose() {
    this.stop.abort();
    clearTimeout(this.resting);
    cancelAnimationFrame(this.frame);
    this.turning = cancelAnimationFrame(this.turning);
  }
}
