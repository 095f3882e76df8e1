// SPDX-License-Identifier: Apache-2.0
/** Bytes that stand in a page as base64. */

export function bytesOf(text) {
  const packed = text.trim();
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(packed);
  const letters = atob(packed);
  const bytes = new Uint8Array(letters.length);
  for (let i = 0; i < letters.length; i++) bytes[i] = letters.charCodeAt(i);
  return bytes;
}
