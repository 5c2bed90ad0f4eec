/**
 * @revq/viewer: where the built page lies. The page itself is `site/` (made by `vite build`); `revq view` and any static host
 * serve it as it is.
 */

/** The folder of the built page. Ends with a slash. */
export const siteFolder: URL = new URL("../site/", import.meta.url);
