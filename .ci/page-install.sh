#!/usr/bin/env bash
# Installs what the tests of the page need: Debian's Chromium (as root), and the packages of
# e2e/page. Node.js is used if it is there; playwright-core needs 20 or later.
set -euo pipefail
cd "$(dirname "$0")/../e2e/page"

missing=()
command -v chromium >/dev/null || missing+=(chromium)
command -v node >/dev/null && command -v npm >/dev/null || missing+=(nodejs npm)
if [ ${#missing[@]} -gt 0 ]; then
	apt-get update -q
	DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}"
fi
major=$(node -p 'process.versions.node.split(".")[0]')
if [ "$major" -lt 20 ]; then
	echo "the tests of the page need Node.js 20 or later, but node is $(node --version): install a newer one" >&2
	exit 1
fi
npm ci --no-audit --no-fund --ignore-scripts
chromium --version
