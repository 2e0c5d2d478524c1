#!/bin/sh
# Process 1: SageMaker starts the container as root; what answers requests does not need to be.
# Each exec keeps the process id, so that SIGTERM reaches the server.
set -eu
set -- python /opt/ml/code/serve.py "$@"
if [ "$(id -u)" -eq 0 ]; then
    exec setpriv --reuid=app --regid=app --clear-groups --no-new-privs -- "$@"
fi
exec "$@"
