// SPDX-License-Identifier: GPL-2.0-or-later
/* The formats of `vfio-claim export`. */
#include "exports.h"

#include <string.h>

const struct export_format export_formats[] = {
	{ "nova", "[pci] of nova.conf, for computes, controllers and flavors", export_nova,
	  "by release part placement", false },
	{ "edpm", "node set, service and control plane of RHOSO's EDPM", export_edpm,
	  "by release placement", true },
	{ "genestack", "values for openstack-helm's Nova chart", export_genestack,
	  "by release placement", false },
	{ "charms", "a bundle overlay for the OpenStack charms", export_charms,
	  "by release placement", false },
	{ "bright", "cmsh commands and nova.conf for Bright OpenStack", export_bright,
	  "by release", true },
	{ "maas", "a tag of MAAS: kernel arguments, and the machines they are for", export_maas,
	  "", true },
	{ "cloud-init", "user data: install, configure, apply, reboot once", export_cloud_init,
	  "package", false },
	{ "juju", "the same as model config cloudinit-userdata", export_juju, "package",
	  false },
	{ "machineconfig", "a MachineConfig of OpenShift", export_machineconfig, "", true },
	{ 0 },
};

const struct export_format *export_format_find(const char *name)
{
	for (const struct export_format *format = export_formats; format->name != NULL;
	     format++)
		if (strcmp(format->name, name) == 0)
			return format;
	return NULL;
}
