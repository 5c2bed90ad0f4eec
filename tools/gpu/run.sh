#!/bin/sh
# Runs the measurements of the bundle with the bundle's own Node. Arguments: see measure.mjs.
here=$(cd "$(dirname "$0")" && pwd)
exec "$here/bin/node" "$here/measure.mjs" "$@"
