#!/usr/bin/env bash
# base_image.sh TAG: a stand-in for the official slim Python image, made of Debian's own packages,
# for machines that reach no container registry. It takes the machine's apt sources and extra certificates.
# shellcheck disable=SC2016  # "$1" in the hooks is for mmdebstrap's shell: the new root
set -euo pipefail
: "${ENGINE_DIR:?the folder of the engine}"
tag=${1:?the tag to import as}
tar=$ENGINE_DIR/base.tar
if docker image inspect "$tag" >/dev/null 2>&1; then exit 0; fi
if [ ! -s "$tar" ]; then
  # fsync on a disk makes this three times slower.
  TMPDIR=/dev/shm mmdebstrap --quiet --variant=minbase \
    --include=python3.11,python3.11-venv,python3-pip,ca-certificates,netbase,tzdata \
    --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/doc/*' \
    --dpkgopt='path-exclude=/usr/share/locale/*' \
    --customize-hook='rm -f "$1"/usr/lib/python3.11/EXTERNALLY-MANAGED "$1"/etc/hostname "$1"/etc/resolv.conf' \
    --customize-hook='for n in python python3 python3.11; do ln -s /usr/bin/python3.11 "$1"/usr/local/bin/$n; done' \
    --customize-hook='ln -s /usr/bin/pip "$1"/usr/local/bin/pip' \
    --customize-hook='find /usr/local/share/ca-certificates -name "*.crt" -exec cp -t "$1"/usr/local/share/ca-certificates {} +' \
    --customize-hook='chroot "$1" update-ca-certificates >/dev/null 2>&1' \
    bookworm "${tar%.tar}.part.tar" /etc/apt/sources.list.d/debian.sources
  mv "${tar%.tar}.part.tar" "$tar"
fi
docker import --change 'ENV PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin' \
  --change 'ENV LANG=C.UTF-8' --change 'CMD ["python3"]' "$tar" "$tag" >/dev/null
