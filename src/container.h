/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Is this a container? There no boot is ours to change. */
#ifndef VFIO_CLAIM_CONTAINER_H
#define VFIO_CLAIM_CONTAINER_H

#include "root.h"

/*
 * The name of the container manager this system runs under ("docker", "lxc", "container" where
 * it is not told), or NULL on real and virtual machines. The signs are those of systemd
 * (src/basic/virt.c: detect_container()): /run/host/container-manager, /run/systemd/container,
 * PID 1's $container, /run/.containerenv, /.dockerenv. Points to a static buffer.
 */
const char *container_detect(const struct root *root);

#endif
