#!/usr/bin/env bash
# engine.sh start|stop: a Docker engine for the tests, on a machine that has root but no running daemon.
# ENGINE_DIR is its folder; the engine listens on $ENGINE_DIR/docker.sock.
set -euo pipefail
: "${ENGINE_DIR:?the folder of the engine}"
# The daemon and what its installation calls lie where not every shell looks.
PATH="$PATH:/usr/sbin:/sbin"

answers() { /usr/bin/docker --host "unix://$ENGINE_DIR/docker.sock" info >/dev/null 2>&1; }

start() {
  if ! { command -v dockerd && command -v mmdebstrap; } >/dev/null; then
    apt-get update -qq
    apt-get install -y -qq --no-install-recommends docker.io mmdebstrap >/dev/null
  fi
  mkdir -p "$ENGINE_DIR"
  if answers; then return; fi
  setsid dockerd --host "unix://$ENGINE_DIR/docker.sock" --data-root "$ENGINE_DIR/root" --exec-root "$ENGINE_DIR/exec" \
    --pidfile "$ENGINE_DIR/docker.pid" --storage-driver overlay2 >"$ENGINE_DIR/dockerd.log" 2>&1 </dev/null &
  for _ in $(seq 150); do
    if answers; then return; fi
    sleep 0.2
  done
  tail -20 "$ENGINE_DIR/dockerd.log" >&2
  return 1
}

stop() {
  [ -f "$ENGINE_DIR/docker.pid" ] || return 0
  pid=$(cat "$ENGINE_DIR/docker.pid")
  kill "$pid"
  for _ in $(seq 150); do
    kill -0 "$pid" 2>/dev/null || break
    sleep 0.2
  done
  # What the engine leaves behind would keep its folder busy.
  for mounted in "$ENGINE_DIR/exec/netns/default" "$ENGINE_DIR/root"; do
    if mountpoint -q "$mounted"; then umount "$mounted"; fi
  done
  ip link delete docker0 2>/dev/null || true
}

case ${1:?start or stop} in
start) start ;;
stop) stop ;;
*) exit 2 ;;
esac
