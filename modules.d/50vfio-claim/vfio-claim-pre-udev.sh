#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Sourced by dracut before udev starts, with systemd and without. Never fails.
/usr/lib/vfio-claim/vfio-claim-boot || :
