/** Line icons, 16 pixels, of our own. */
import { svg, html, type TemplateResult } from "lit";

const paths = {
  plus: svg`<path d="M8 3v10M3 8h10" />`,
  close: svg`<path d="m4 4 8 8M12 4l-8 8" />`,
  download: svg`<path d="M8 2v8m0 0L5 7m3 3 3-3M3 13h10" />`,
  link: svg`<path d="M7 9a3 3 0 0 0 4.2 0l2-2A3 3 0 0 0 9 2.800l-1 1M9 7a3 3 0 0 0-4.200 0l-2 2A3 3 0 0 0 7 13.200l1-1" />`,
  copy: svg`<rect x="5.500" y="5.500" width="8" height="8" rx="1.500" /><path d="M3.500 10.500h-1v-8h8v1" />`,
  paste: svg`<rect x="3" y="3.500" width="10" height="10" rx="1.500" /><path d="M6 3.500V2h4v1.500M5.500 8h5M5.500 10.500h3" />`,
  folder: svg`<path d="M2 4.500v8h12v-7H8L6.500 3.500H2z" />`,
  image: svg`<rect x="2" y="3" width="12" height="10" rx="1.500" /><circle cx="5.500" cy="6.500" r="1" /><path d="m3 12 3.500-3.500 2 2L11 8l3 3" />`,
  theme: svg`<circle cx="8" cy="8" r="5.500" /><path d="M8 2.500a5.500 5.500 0 0 1 0 11z" fill="currentColor" />`,
  chip: svg`<rect x="4" y="4" width="8" height="8" rx="1.500" /><path d="M6.500 1.500V4m3-2.500V4m-3 8v2.500m3-2.500v2.500M1.500 6.500H4m-2.500 3H4m8-3h2.500m-2.500 3h2.500" />`,
  undo: svg`<path d="M5.500 3 3 5.500 5.500 8M3 5.500h6a4 4 0 0 1 0 8H6" />`,
};

export function icon(name: keyof typeof paths): TemplateResult {
  return html`<svg class="icon" viewBox="0 0 16 16" aria-hidden="true">${paths[name]}</svg>`;
}
