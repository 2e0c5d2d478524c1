#!/bin/sh
# Process 1: SageMaker starts the container as root and mounts /opt/ml for root only.
# Open what training reads, hand over what it writes, then train without privileges.
# Each exec keeps the process id, so that StopTrainingJob's SIGTERM reaches the training.
set -eu
set -- python /opt/ml/code/train.py "$@"
if [ "$(id -u)" -eq 0 ]; then
    root=${SM_ML_ROOT:-/opt/ml}
    chmod -R o+rX "$root/input" || echo "entrypoint: $root/input is read-only; going on" >&2
    for folder in model output checkpoints; do
        if [ -d "$root/$folder" ]; then chown -R app:app "$root/$folder"; fi
    done
    exec setpriv --reuid=app --regid=app --clear-groups --no-new-privs -- "$@"
fi
exec "$@"
