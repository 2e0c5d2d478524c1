#!/usr/bin/env bash
# registry.sh FOLDER PORT: a registry of images on loopback, for as long as this script runs.
set -euo pipefail
folder=${1:?a folder for its content} port=${2:?a port}
if ! command -v docker-registry >/dev/null; then
  apt-get update -qq
  apt-get install -qq -y --no-install-recommends docker-registry >/dev/null
fi
cat >"$folder/config.yml" <<END
version: 0.1
log: {level: error, accesslog: {disabled: true}}
storage: {filesystem: {rootdirectory: $folder/content}}
http: {addr: "127.0.0.1:$port"}
END
exec docker-registry serve "$folder/config.yml"
