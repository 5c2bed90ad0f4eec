/** Where to read on, and how to make a tokenizer of one's own. */
import { html, nothing, type TemplateResult } from "lit";

/** Of the workspace's package.json, set by the build; empty without one. */
declare const __REPOSITORY__: string;

export function footer(): TemplateResult {
  return html`<footer class="links">
    <details>
      <summary>Train your own</summary>
      <p>
        <code>npx revq train --backbone sd-vae --data photos</code> makes a tokenizer of your photos;
        <code>npx revq view FOLDER</code> opens it here.
      </p>
    </details>
    <a href="https://arxiv.org/abs/2507.10547" target="_blank" rel="noreferrer">The paper</a>
    <a href="https://www.npmjs.com/org/revq" target="_blank" rel="noreferrer">Packages</a>
    ${__REPOSITORY__ ? html`<a href=${__REPOSITORY__} target="_blank" rel="noreferrer">Source</a>` : nothing}
  </footer>`;
}
