#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Packer's shell provisioner, as root in the image.
set -eu

install -D -m 0644 /tmp/vfio-claim.conf /usr/lib/vfio-claim.conf.d/50-image.conf
apt-get -q update
DEBIAN_FRONTEND=noninteractive apt-get -q -y install /tmp/vfio-claim.deb
rm /tmp/vfio-claim.conf /tmp/vfio-claim.deb

vfio-claim check
# --root /: an image under construction, whatever hardware Packer's machine has.
vfio-claim apply --root /
