// SPDX-License-Identifier: GPL-2.0-or-later
/* Is this a container? */
#include "container.h"

#include <fcntl.h>
#include <string.h>

enum { ENVIRONMENT_MOST = 1 << 20 };

static char name[64];

static const char *named_in(const struct root *root, const char *path)
{
	return read_attribute(root->fd, path, name, sizeof(name)) > 0 ? name : NULL;
}

/* NAME=VALUE strings with zero bytes between; only root may read those of PID 1. */
static const char *named_by_init(const struct root *root)
{
	static const char key[] = "container=";
	AUTO_FREE char *data = NULL;
	size_t length = 0;

	if (root_read(root, "proc/1/environ", ENVIRONMENT_MOST, &data, &length) < 0)
		return NULL;
	for (size_t i = 0; i < length; i += strlen(data + i) + 1)
		if (strncmp(data + i, key, strlen(key)) == 0 && data[i + strlen(key)] != '\0') {
			(void)snprintf(name, sizeof(name), "%.63s", data + i + strlen(key));
			return name;
		}
	return NULL;
}

const char *container_detect(const struct root *root)
{
	const char *found = named_in(root, "run/host/container-manager");

	if (found == NULL)
		found = named_in(root, "run/systemd/container");
	if (found == NULL)
		found = named_by_init(root);
	if (found == NULL && faccessat(root->fd, "run/.containerenv", F_OK, 0) == 0)
		found = "podman";
	if (found == NULL && faccessat(root->fd, ".dockerenv", F_OK, 0) == 0)
		found = "docker";
	return found;
}
