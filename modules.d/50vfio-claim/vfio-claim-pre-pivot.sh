#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Sourced by dracut when root is mounted, with systemd and without. Never fails.
# shellcheck disable=SC2154 # dracut sets NEWROOT
/usr/lib/vfio-claim/vfio-claim-boot --late "$NEWROOT" || :
