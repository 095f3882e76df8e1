// SPDX-License-Identifier: Apache-2.0
/** The shaders: colour from a value by the map, soft light, contours where the value crosses a limit. */

const VERTEX = `
precision highp float;
uniform mat4 modelViewMatrix, projectionMatrix;
uniform mat4 modelMatrix, viewMatrix;
uniform float valueLow, valueSpan, push, size, ratio;
uniform vec4 plane;
in vec3 position;
out float beyond;
#if HAS_NORMAL
in vec4 normal;
out vec3 turned;
#endif
#if HAS_VALUE
in float value;
out float shownValue;
out float known;
#endif
out vec3 seen;

void place() {
  vec4 eye = modelViewMatrix * vec4(position, 1.0);
  eye.xyz *= 1.0 + push / max(-eye.z, 1e-9);
  seen = eye.xyz;
  beyond = dot(plane.xyz, (modelMatrix * vec4(position, 1.0)).xyz) - plane.w;
  gl_Position = projectionMatrix * eye;
#if HAS_NORMAL
  turned = mat3(viewMatrix) * normal.xyz;
#endif
#if HAS_VALUE
  known = value > 0.999992 ? 0.0 : 1.0;
  shownValue = valueLow + valueSpan * value;
#endif
}
`;

export const MESH_VERTEX = `${VERTEX}
void main() { place(); }`;

export const POINT_VERTEX = `${VERTEX}
void main() {
  place();
  gl_PointSize = clamp(size / max(-seen.z, 1e-9), 2.6 * ratio, 14.0 * ratio);
}`;

export const FRAGMENT = `
precision highp float;
uniform sampler2D map;
uniform vec2 range, limits;
uniform vec3 below, above, noData, noDataLine, plain;
uniform float ratio;
in vec3 seen;
in float beyond;
#if HAS_NORMAL
in vec3 turned;
#endif
#if HAS_VALUE
in float shownValue;
in float known;
#endif
out vec4 outColour;

vec3 paint() {
#if HAS_VALUE
  float width = max(fwidth(shownValue), 1e-20);
  if (known < 0.999) return mod(gl_FragCoord.x + gl_FragCoord.y, 7.0 * ratio) < 2.0 * ratio ? noDataLine : noData;
#if !IS_POINT
  vec2 gap = abs(vec2(shownValue) - limits) / width;
  if (min(gap.x, gap.y) < 0.8 * ratio) return vec3(0.055, 0.09, 0.149);
#endif
  if (shownValue < range.x) return below;
  if (shownValue > range.y) return above;
  float place = (shownValue - range.x) / (range.y - range.x);
  return texture(map, vec2((place * 255.0 + 0.5) / 256.0, 0.5)).rgb;
#else
  return plain;
#endif
}

void main() {
  if (beyond > 0.0) discard;
#if IS_POINT
  vec2 corner = gl_PointCoord - 0.5;
  if (dot(corner, corner) > 0.25) discard;
#if HAS_NORMAL
  vec3 facing = normalize(turned);
#else
  vec3 facing = vec3(-0.35, 0.55, 0.76);
#endif
#else
  vec3 facing = normalize(cross(dFdx(seen), dFdy(seen)));
#if HAS_NORMAL
  vec3 smoothed = normalize(turned);
  smoothed *= sign(dot(smoothed, facing));
  if (dot(smoothed, facing) > 0.85) facing = smoothed;
#endif
#endif
  if (dot(facing, -normalize(seen)) < 0.0) facing = -facing;
  float light = max(dot(facing, normalize(vec3(-0.35, 0.55, 0.76))), 0.0);
  outColour = vec4(paint() * (0.62 + 0.38 * light), 1.0);
}
`;
