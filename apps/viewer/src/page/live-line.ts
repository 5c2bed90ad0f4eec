/** The one line that screen readers are told: the work that runs or has ended, and the token that is looked at. */
import { decibels, milliseconds } from "./format.js";
import { openedOf, type ViewerState } from "./state.js";

export function liveLine(state: ViewerState): string {
  const opened = openedOf(state, state.active);
  const loading = state[state.active];
  if (loading.status === "loading") return `Opening ${loading.name}.`;
  if (!opened?.encoded) return "";
  const { encoded, busy, decoding, description } = opened;
  if (busy) return "Encoding the image.";
  if (decoding) return "Decoding the tokens.";
  const token = state.hovered ?? state.token;
  if (state.tab === "tokens" && token !== null && encoded.current && token < encoded.current.length) {
    return `Token ${token}, group ${description.layout.groupOf[token]}, code ${encoded.current[token]}.`;
  }
  const psnr = (encoded.edited ?? encoded.stages).rectified?.metrics?.psnr;
  const quality = psnr === undefined ? "" : ` ${decibels(psnr)} decibels.`;
  if (encoded.edited) return `Decoded.${quality}`;
  return encoded.milliseconds === null ? "" : `Ready after ${milliseconds(encoded.milliseconds)}.${quality}`;
}
