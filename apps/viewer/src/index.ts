/**
 * @revq/viewer: the location of the built page. `vite build` makes `site/`. `revq view` and any
 * static host serve it as it is.
 */

/** The folder of the built page. Ends with a slash. */
export const siteFolder: URL = new URL("../site/", import.meta.url);
