// SPDX-License-Identifier: Apache-2.0
/** The scene as three.js draws it: at most 200 000 points while it turns, everything at rest. */
import {
  BufferAttribute, BufferGeometry, DataTexture, DoubleSide, GLSL3, LinearFilter, Matrix4, Mesh, PerspectiveCamera, Points,
  RGBAFormat, RawShaderMaterial, Scene, Vector2, Vector3, Vector4, WebGLRenderer,
} from "three";
import { bytesOf } from "./base64.js";
import { FRAGMENT, MESH_VERTEX, POINT_VERTEX } from "./shaders.js";

const COVER = 2.2; // diameter of a point in mean spacings: of scattered points hardly a gap shows what lies behind
const MOST_MOVING = 200_000;
const SLOW = 0.75;

export class Stage {
  constructor(canvas, header, things) {
    this.canvas = canvas;
    this.header = header;
    this.things = things;
    this.visible = things.map((thing) => thing.shown !== false);
    this.renderer = new WebGLRenderer({ canvas, antialias: true, alpha: true, powerPreference: "low-power" });
    this.renderer.setClearColor(0x000000, 0);
    this.camera = new PerspectiveCamera((28 * 180) / 180, 1, 1, 2);
    this.scene = new Scene();
    this.scene.matrixAutoUpdate = false;
    this.map = mapTexture(header.scale);
    this.plane = { value: new Vector4(0, 0, 0, 1) }; // one for all materials
    this.objects = things.map((thing) => this.build(thing));
    this.objects.flat().forEach((one) => this.scene.add(one.drawn));
  }

  /** The drawable objects of a thing, each with what it shows at rest and while it turns. */
  build(thing) {
    const geometry = new BufferGeometry();
    geometry.setAttribute("position", new BufferAttribute(thing.raw, 3, true));
    if (thing.value) geometry.setAttribute("value", new BufferAttribute(thing.value, 1, true));
    if (thing.normal) geometry.setAttribute("normal", fourBytes(thing));
    if (!thing.index) return [this.points(thing, geometry, thing.count, Math.min(thing.count, MOST_MOVING))];
    geometry.setIndex(new BufferAttribute(thing.index, 1));
    const whole = { drawn: this.object(Mesh, thing, geometry, MESH_VERTEX), rest: Infinity, moving: Infinity };
    if (!thing.coarse) return [whole];
    const few = new BufferGeometry();
    Object.entries(geometry.attributes).forEach(([name, attribute]) => few.setAttribute(name, attribute));
    few.setIndex(new BufferAttribute(thing.coarse, 1));
    const coarse = { drawn: this.object(Mesh, thing, few, MESH_VERTEX), rest: 0, moving: 0, slow: Infinity };
    return [{ ...whole, slow: 0 }, coarse];
  }

  points(thing, geometry, rest, moving) {
    return { drawn: this.object(Points, thing, geometry, POINT_VERTEX), rest, moving, total: thing.count };
  }

  object(Kind, thing, geometry, vertexShader) {
    const scale = this.header.scale;
    const material = new RawShaderMaterial({
      glslVersion: GLSL3, vertexShader, fragmentShader: FRAGMENT, side: DoubleSide,
      defines: { HAS_VALUE: thing.value ? 1 : 0, HAS_NORMAL: thing.normal ? 1 : 0, IS_POINT: Kind === Points ? 1 : 0 },
      uniforms: {
        map: { value: this.map }, plane: this.plane,
        valueLow: { value: thing.values?.low ?? 0 }, valueSpan: { value: 65535 * (thing.values?.step ?? 0) },
        range: { value: new Vector2(scale?.low ?? 0, scale?.high ?? 1) },
        limits: { value: new Vector2(scale?.limits[0] ?? 1e30, scale?.limits[1] ?? 1e30) },
        below: { value: colour(scale?.below) }, above: { value: colour(scale?.above) },
        noData: { value: colour(scale?.noData) }, noDataLine: { value: colour(scale?.noDataLine) },
        plain: { value: colour([200, 206, 216]) },
        push: { value: thing.value || !scale ? 0 : 0.012 * this.header.radius },
        size: { value: 0 }, ratio: { value: 1 },
      },
    });
    const made = new Kind(geometry, material);
    const { low, step } = thing.positions;
    made.matrixAutoUpdate = false;
    made.frustumCulled = false;
    made.matrix = new Matrix4().makeScale(...step.map((s) => s * 65535)).setPosition(...low);
    made.matrixWorld.copy(made.matrix);
    made.matrixWorldAutoUpdate = false;
    return made;
  }

  /** Show only what lies on this side of a plane [nx, ny, nz, offset]; null: all. */
  clip(plane) {
    this.plane.value.set(...(plane ?? [0, 0, 0, 1]));
  }

  /** Whether a point of the scene is cut away. */
  cutAway(x, y, z) {
    const { x: a, y: b, z: c, w } = this.plane.value;
    return a * x + b * y + c * z > w;
  }

  show(index, on) {
    this.visible[index] = on;
  }

  /** How much of a part is drawn while it moves: fewer points, or a coarser surface, on a slow machine. */
  count(part, detail) {
    if (part.total) return Math.ceil(part.moving * detail ** 2);
    return detail < SLOW ? part.slow ?? part.moving : part.moving;
  }

  draw(controls, moving) {
    this.fit(controls, moving);
    this.objects.forEach((parts, i) => parts.forEach((part) => {
      const shown = moving ? this.count(part, controls.detail) : part.rest;
      part.drawn.visible = this.visible[i] && shown > 0;
      part.drawn.geometry.setDrawRange(0, shown);
      const thing = this.things[i];
      const drawn = Math.max(1, Math.min(shown, part.total ?? 1));
      const uniforms = part.drawn.material.uniforms;
      uniforms.size.value = COVER * thing.spacing * Math.sqrt((part.total ?? 1) / drawn) * this.focal();
      uniforms.ratio.value = this.renderer.getPixelRatio();
    }));
    this.renderer.render(this.scene, this.camera);
    this.drawnPoints = this.objects.flat().reduce((sum, { drawn, rest, moving: few, total }) =>
      sum + (drawn.visible && total ? Math.min(moving ? few : rest, total) : 0), 0);
  }

  /** Tell how long the frame that was just drawn takes until it is done. */
  timed(tell) {
    if (this.waiting) return;
    const gl = this.renderer.getContext();
    const began = performance.now();
    const fence = gl.fenceSync(gl.SYNC_GPU_COMMANDS_COMPLETE, 0);
    gl.flush();
    const ask = () => {
      if (!gl.isContextLost() && gl.clientWaitSync(fence, 0, 0) === gl.TIMEOUT_EXPIRED) return this.waiting = setTimeout(ask, 8);
      gl.deleteSync(fence);
      this.waiting = 0;
      tell(performance.now() - began);
    };
    this.waiting = setTimeout(ask, 8);
  }

  focal() {
    return (this.canvas.clientHeight * this.renderer.getPixelRatio()) / 2 / Math.tan((this.camera.fov * Math.PI) / 360);
  }

  fit(controls, moving) {
    const [width, height] = [this.canvas.clientWidth || 1, this.canvas.clientHeight || 1];
    const ratio = moving ? Math.max(0.5, controls.detail) : Math.min(2, window.devicePixelRatio || 1);
    const wanted = `${width} ${height} ${ratio}`;
    if (wanted !== this.size) {
      this.size = wanted;
      this.renderer.setPixelRatio(ratio);
      this.renderer.setSize(width, height, false);
    }
    const reach = Math.hypot(...controls.target) + this.header.radius * 1.05;
    const [right, up, towards] = controls.axes().map((axis) => new Vector3(...axis));
    this.camera.aspect = width / height;
    this.camera.fov = (controls.field * 180) / Math.PI;
    this.camera.near = Math.max(controls.distance - reach, controls.distance * 0.004);
    this.camera.far = controls.distance + reach;
    this.camera.updateProjectionMatrix();
    this.camera.matrixAutoUpdate = false;
    this.camera.matrix.makeBasis(right, up, towards).setPosition(...controls.eye());
    this.camera.matrixWorldNeedsUpdate = true;
  }

  dispose() {
    clearTimeout(this.waiting);
    this.objects.flat().forEach(({ drawn }) => { drawn.geometry.dispose(); drawn.material.dispose(); });
    this.map?.dispose();
    this.renderer.dispose();
  }
}

function fourBytes(thing) {
  return new BufferAttribute(thing.normal, 4, true);
}

function colour(bytes = [0, 0, 0]) {
  return new Vector3(...bytes).divideScalar(255);
}

function mapTexture(scale) {
  if (!scale) return null;
  const map = bytesOf(scale.colours);
  const four = new Uint8Array(256 * 4);
  for (let i = 0; i < 256; i++) four.set([map[3 * i], map[3 * i + 1], map[3 * i + 2], 255], 4 * i);
  const texture = new DataTexture(four, 256, 1, RGBAFormat);
  texture.minFilter = texture.magFilter = LinearFilter;
  texture.needsUpdate = true;
  return texture;
}
